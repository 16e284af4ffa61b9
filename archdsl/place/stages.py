"""A placement as people read it: stages with what they hold, need and send."""

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.ir.graph import CheckedGraph
from archdsl.place.costs import VALUE_BYTES, Costs, Machine, costs
from archdsl.place.cut import Plan, cut
from archdsl.place.device_load import links
from archdsl.place.memory import Schedule


@dataclass(frozen=True, slots=True)
class Stage:
    """The steps of one device: seconds and bytes for one batch; `sent` goes to other devices."""

    device: str
    steps: tuple[str, ...]
    seconds: float
    params: int
    memory: int
    sent: int


@dataclass(frozen=True, slots=True)
class Link:
    """What goes from one device to another in one batch, and how long that takes."""

    source: str
    target: str
    sent: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Stages and links; the seconds of all steps on one device, and those of a batch that is not cut into `micro`."""

    stages: tuple[Stage, ...]
    links: tuple[Link, ...]
    alone: float
    through: float
    micro: int

    @property
    def bottleneck(self) -> float:
        """The seconds of the slowest stage or the busiest link."""
        return self._slowest().seconds

    @property
    def slowest(self) -> str:
        """What the bottleneck is."""
        part = self._slowest()
        return part.device if isinstance(part, Stage) else f"{part.source} to {part.target}"

    def _slowest(self) -> Stage | Link:
        parts: tuple[Stage | Link, ...] = (*self.stages, *self.links)
        return max(parts, key=lambda part: part.seconds)

    @property
    def speed_up(self) -> float:
        """How many times as many batches go through as on one device, once all stages are busy."""
        return self.alone / self.bottleneck if self.bottleneck else 1.0

    @property
    def step_speed_up(self) -> float:
        """How many times as fast a training step is: stages wait for the first and the last micro-batch."""
        seconds = ((self.micro - 1) * self.bottleneck + self.through) / self.micro
        return self.alone / seconds if seconds else 1.0

    @property
    def balance(self) -> float:
        """The mean time of a stage over that of the slowest one: 1 where all take equally long."""
        times = [stage.seconds for stage in self.stages]
        return sum(times) / len(times) / max(times) if max(times) else 1.0

    @property
    def devices(self) -> dict[str, str]:
        """The device of each step."""
        return {step: stage.device for stage in self.stages for step in stage.steps}

    def as_data(self) -> dict[str, object]:
        """Return the placement as plain data: seconds and bytes for one batch."""
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
    """Return the best placement of a net on so many devices; steps whose devices the net names are there.

    `limit` are the bytes that each device has, `micro` the number of micro-batches that a batch is cut into, `profile`
    measured seconds of a forward pass by the path of a step or submodule. With `prove` stages need not be consecutive
    in the order of execution, and the optimum is proven.

    Raises Impossible where the net does not fit and, with `prove`, NotProven where a minute does not suffice and
    ImportError where OR-tools is missing.
    """
    found = costs(graph, batch=batch, machine=machine, profile=profile)
    plan = cut(found, devices, link=machine.link, schedule=schedule, micro=micro, limit=limit)
    if prove:
        from archdsl.place.exact import exact

        plan = exact(found, plan, devices, link=machine.link, limit=limit)
    return _placement(names(graph, devices), found, plan, machine.link)


def names(graph: CheckedGraph, count: int) -> tuple[str, ...]:
    """Return the names of so many devices: those of the net, then new ones."""
    found = list(graph.devices)
    while len(found) < count:
        number = len(found)
        while f"device{number}" in found:
            number += 1
        found.append(f"device{number}")
    return tuple(found)


def _placement(names: tuple[str, ...], found: Costs, plan: Plan, link: float) -> Placement:
    memory = plan.memory
    sent = links(found, plan.stages)
    first = min(plan.stages)
    given = sum(size for source, _, size in found.edges if source < 0)
    stages = []
    for number in range(memory.stages):
        steps = [step for step, stage in enumerate(plan.stages) if stage == number]
        weights, results = (sum(sizes[step] for step in steps) for sizes in (found.weights, found.results))
        live = max((found.crossing[step] + found.results[step] for step in steps), default=0)
        arrived = sum(size for hop, size in sent.items() if hop[1] == number) + given * (number == first)
        stages.append(
            Stage(
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
        slowest[memory.place(number)] = max(stage.seconds, slowest.get(memory.place(number), 0.0))
    between = (
        each for hop, each in zip(sorted(sent), moved, strict=True) if memory.place(hop[0]) < memory.place(hop[1])
    )
    through = sum(slowest.values()) + sum(each.seconds for each in between)
    return Placement(tuple(stages), tuple(moved), memory.passes * sum(found.times), through, memory.micro)
