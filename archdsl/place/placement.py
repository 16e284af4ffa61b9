"""Placements in the form that reports show: for each device its steps, time, memory and traffic."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from archdsl.ir.graph import CheckedGraph
from archdsl.place.costs import VALUE_BYTES, Costs, Machine, costs
from archdsl.place.cut import Partition, cut
from archdsl.place.device_load import link_bytes
from archdsl.place.memory import Schedule


@dataclass(frozen=True, slots=True)
class DeviceStage:
    """The steps of one device, and their costs for one batch.

    Attributes:
        steps: Dotted paths, in the order of execution.
        seconds: Time of the forward pass, and in training of the backward pass.
        params: Number of trainable parameters.
        memory: Bytes that the device needs.
        sent: Bytes that it sends to other devices.
    """

    device: str
    steps: tuple[str, ...]
    seconds: float
    params: int
    memory: int
    sent: int


@dataclass(frozen=True, slots=True)
class Link:
    """The traffic from one device to another in one batch: bytes (`sent`) and seconds."""

    source: str
    target: str
    sent: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Placement:
    """A placement of a net on devices.

    Attributes:
        alone: Seconds of a batch on one device.
        through: Seconds of a batch that passes through all stages without being split into micro-batches.
        micro: Number of micro-batches in a batch.
    """

    stages: tuple[DeviceStage, ...]
    links: tuple[Link, ...]
    alone: float
    through: float
    micro: int

    @property
    def bottleneck(self) -> float:
        """Seconds of the slowest stage or the busiest link."""
        return self._slowest().seconds

    @property
    def slowest(self) -> str:
        """Name of the bottleneck: a device, or a link as `gpu0 to gpu1`."""
        slowest = self._slowest()
        match slowest:
            case DeviceStage() as stage:
                return stage.device
            case Link() as link:
                return f"{link.source} to {link.target}"
            case _:
                assert_never(slowest)

    def _slowest(self) -> DeviceStage | Link:
        parts: tuple[DeviceStage | Link, ...] = (*self.stages, *self.links)
        return max(parts, key=lambda part: part.seconds)

    @property
    def speed_up(self) -> float:
        """Steady-state throughput relative to one device."""
        return self.alone / self.bottleneck if self.bottleneck else 1.0

    @property
    def step_speed_up(self) -> float:
        """Speed of one training step relative to one device, including pipeline fill and drain."""
        seconds = ((self.micro - 1) * self.bottleneck + self.through) / self.micro
        return self.alone / seconds if seconds else 1.0

    @property
    def balance(self) -> float:
        """Mean time of a stage divided by the time of the slowest: 1 if all take equally long."""
        times = [stage.seconds for stage in self.stages]
        return sum(times) / len(times) / max(times) if max(times) else 1.0

    @property
    def devices(self) -> dict[str, str]:
        """The device of each step, by its dotted path."""
        return {step: stage.device for stage in self.stages for step in stage.steps}

    def as_data(self) -> dict[str, object]:
        """Return the placement as plain data for JSON, in seconds and bytes for one batch."""
        return {
            "bottleneck": self.slowest,
            "bottleneck_seconds": self.bottleneck,
            "speed_up": self.speed_up,
            "step_speed_up": self.step_speed_up,
            "micro_batches": self.micro,
            "balance": self.balance,
            "links": [
                {"from": link.source, "to": link.target, "seconds": link.seconds, "sent_bytes": link.sent}
                for link in self.links
            ],
            "stages": [
                {
                    "device": stage.device,
                    "seconds": stage.seconds,
                    "parameters": stage.params,
                    "memory_bytes": stage.memory,
                    "sent_bytes": stage.sent,
                    "steps": [*stage.steps],
                }
                for stage in self.stages
            ],
        }


def place(
    graph: CheckedGraph,
    devices: int,
    *,
    batch: int = 32,
    machine: Machine = Machine(),  # noqa: B008
    schedule: Schedule = "1f1b",
    micro: int = 1,
    limit: int | None = None,
    profile: Mapping[str, float] | None = None,
    prove: bool = False,
) -> Placement:
    """Return the best placement of a net. Steps stay on the devices that the net names for them.

    Args:
        graph: The model in its source form.
        devices: Number of devices.
        batch: Number of samples in a batch.
        machine: The rates of the devices and links.
        schedule: The schedule that the stages run.
        micro: Number of micro-batches in a batch.
        limit: Bytes of memory of each device, None for no limit.
        profile: Measured seconds of a forward pass, by the dotted path of a step or submodule.
        prove: Whether to search for the proven optimum, in which stages need not be consecutive in the order of
            execution.

    Raises:
        Impossible: The net does not fit.
        NotProven: With `prove`, the optimum was not proven within a minute.
        ImportError: With `prove`, OR-tools is not installed.
    """
    found = costs(graph, batch=batch, machine=machine, profile=profile)
    partition = cut(found, devices, link=machine.link, schedule=schedule, micro=micro, limit=limit)
    if prove:
        from archdsl.place.exact import exact

        partition = exact(found, partition, devices, link=machine.link, limit=limit)
    return _placement(names(graph, devices), found, partition, machine.link)


def names(graph: CheckedGraph, count: int) -> tuple[str, ...]:
    """Return the names of `count` devices: those of the net, then new ones."""
    found = list(graph.devices)
    while len(found) < count:
        number = len(found)
        while f"device{number}" in found:
            number += 1
        found.append(f"device{number}")
    return tuple(found)


def _placement(names: tuple[str, ...], found: Costs, partition: Partition, link: float) -> Placement:
    memory = partition.memory
    sent = link_bytes(found, partition.stages)
    first = min(partition.stages)
    given = sum(size for source, _, size in found.edges if source < 0)
    stages = []
    for number in range(memory.stages):
        steps = [step for step, stage in enumerate(partition.stages) if stage == number]
        weights, results = (sum(sizes[step] for step in steps) for sizes in (found.weights, found.results))
        live = max((found.crossing[step] + found.results[step] for step in steps), default=0)
        arrived = sum(size for hop, size in sent.items() if hop[1] == number) + given * (number == first)
        stages.append(
            DeviceStage(
                device=names[number],
                steps=tuple(found.paths[step] for step in steps),
                seconds=memory.passes * sum(found.times[step] for step in steps),
                params=weights // VALUE_BYTES,
                memory=memory.bytes(number, weights, results + arrived, live),
                sent=memory.copies * sum(size for hop, size in sent.items() if hop[0] == number),
            )
        )
    moved = [
        Link(names[here], names[there], memory.copies * size, memory.copies * size / link)
        for (here, there), size in sorted(sent.items())
    ]
    slowest: dict[int, float] = {}
    for number, stage in enumerate(stages):
        slowest[memory.position(number)] = max(stage.seconds, slowest.get(memory.position(number), 0.0))
    between = (
        each for hop, each in zip(sorted(sent), moved, strict=True) if memory.position(hop[0]) < memory.position(hop[1])
    )
    through = sum(slowest.values()) + sum(each.seconds for each in between)
    return Placement(tuple(stages), tuple(moved), memory.passes * sum(found.times), through, memory.micro)
