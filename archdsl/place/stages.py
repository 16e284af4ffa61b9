"""A placement as people read it: stages with what they hold, need and send."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from archdsl.ir import CheckedGraph
from archdsl.place.costs import VALUE_BYTES, Costs, Machine, costs
from archdsl.place.cut import Memory, Plan, Schedule, cut


@dataclass(frozen=True, slots=True)
class Stage:
    """Consecutive steps on one device: seconds and bytes for one batch; `sent` goes on to the next stage."""

    device: str
    steps: tuple[str, ...]
    seconds: float
    params: int
    memory: int
    sent: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Stages, the seconds of the slowest stage or busiest link, and those of all steps on one device."""

    stages: tuple[Stage, ...]
    bottleneck: float
    alone: float

    @property
    def speed_up(self) -> float:
        """How many times as many batches go through as on one device, once all stages are busy."""
        return self.alone / self.bottleneck

    @property
    def balance(self) -> float:
        """The mean time of a stage over that of the slowest one: 1 where all take equally long."""
        times = [stage.seconds for stage in self.stages]
        return sum(times) / len(times) / max(times)

    def as_data(self) -> dict[str, object]:
        """Return the placement as plain data: seconds and bytes for one batch."""
        return {
            "bottleneck_seconds": self.bottleneck,
            "speed_up": self.speed_up,
            "balance": self.balance,
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
) -> Placement:
    """Return the best placement of a net on so many devices.

    `limit` are the bytes that each device has, `micro` the number of micro-batches that a batch is cut into, `profile`
    measured seconds of a forward pass by the path of a step or submodule.

    Raises Impossible where the net does not fit, and PinsCross where devices that the net names do not follow each
    other.
    """
    found = costs(graph, batch=batch, machine=machine, profile=profile)
    plan = cut(found, devices, link=machine.link, schedule=schedule, micro=micro, limit=limit)
    return _placement(graph, found, plan, schedule, micro)


def _placement(graph: CheckedGraph, found: Costs, plan: Plan, schedule: Schedule, micro: int) -> Placement:
    steps = 1 if schedule == "inference" else 3
    memory = Memory(schedule, len(plan.bounds) - 1, micro)
    names = graph.graph.devices
    stages = []
    for number, (start, end) in enumerate(pairwise(plan.bounds)):
        weights, results = sum(found.weights[start:end]), sum(found.results[start:end])
        live = max(found.crossing[i] + found.results[i] for i in range(start, end))
        stages.append(
            Stage(
                device=names[number] if number < len(names) else f"device{number}",
                steps=found.paths[start:end],
                seconds=steps * sum(found.times[start:end]),
                params=sum(found.weights[start:end]) // VALUE_BYTES,
                memory=memory.bytes(number, weights, results, live),
                sent=found.crossing[end],
            )
        )
    return Placement(tuple(stages), plan.bottleneck, steps * sum(found.times))
