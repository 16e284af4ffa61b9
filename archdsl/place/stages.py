"""A placement as people read it: stages with what they hold, need and send."""

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.ir import CheckedGraph
from archdsl.place.costs import VALUE_BYTES, Costs, Machine, costs
from archdsl.place.cut import Memory, Plan, Schedule, cut


def amount(size: int) -> str:
    """Return a number of bytes in words: `16.0 GiB`."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:,.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} GiB"


@dataclass(frozen=True, slots=True)
class Stage:
    """The steps of one device: seconds and bytes for one batch; `sent` goes on to the next stage."""

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
    prove: bool = False,
) -> Placement:
    """Return the best placement of a net on so many devices.

    `limit` are the bytes that each device has, `micro` the number of micro-batches that a batch is cut into, `profile`
    measured seconds of a forward pass by the path of a step or submodule. With `prove` stages need not be consecutive
    in the order of execution, and the optimum is proven; memory is not limited then.

    Raises Impossible where the net does not fit, PinsCross where devices that the net names do not follow each other,
    and, with `prove`, NotProven where a minute does not suffice and ImportError where OR-tools is missing.
    """
    found = costs(graph, batch=batch, machine=machine, profile=profile)
    plan = cut(found, devices, link=machine.link, schedule=schedule, micro=micro, limit=limit)
    assignment = _consecutive(plan)
    if prove:
        from archdsl.place.exact import exact

        assignment = exact(found, plan, devices, link=machine.link, schedule=schedule)
    return _placement(graph, found, assignment, Memory(schedule, max(assignment) + 1, micro), machine.link)


def _consecutive(plan: Plan) -> tuple[int, ...]:
    """Return the stage of each step."""
    return tuple(sum(step >= bound for bound in plan.bounds[1:-1]) for step in range(plan.bounds[-1]))


def _placement(
    graph: CheckedGraph, found: Costs, assignment: tuple[int, ...], memory: Memory, link: float
) -> Placement:
    names = graph.graph.devices
    sent = found.sent(assignment)
    stages = []
    for number in range(memory.stages):
        steps = [step for step, stage in enumerate(assignment) if stage == number]
        weights, results = (sum(sizes[step] for step in steps) for sizes in (found.weights, found.results))
        live = max((found.crossing[step] + found.results[step] for step in steps), default=0)
        stages.append(
            Stage(
                device=names[number] if number < len(names) else f"device{number}",
                steps=tuple(found.paths[step] for step in steps),
                seconds=memory.passes * sum(found.times[step] for step in steps),
                params=weights // VALUE_BYTES,
                memory=memory.bytes(number, weights, results, live),
                sent=memory.copies * sent[number],
            )
        )
    slowest = max(*(stage.seconds for stage in stages), *(stage.sent / link for stage in stages))
    return Placement(tuple(stages), slowest, memory.passes * sum(found.times))
