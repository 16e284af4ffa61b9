"""The best places to cut: dynamic programming over the order of execution.

The objective is PipeDream's (Narayanan et al. 2019): the slowest stage or the busiest link, whichever takes longer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from typing import Literal, TypeAlias

from archdsl.place.costs import Costs

Schedule: TypeAlias = Literal["inference", "gpipe", "1f1b"]
# Weights, gradients, and two moments as Adam keeps them.
_COPIES = 4


class Impossible(Exception):
    """No cut keeps every stage within its memory; `least` is the smallest limit that can be kept, in bytes."""

    def __init__(self, least: int) -> None:
        super().__init__(f"at least {least:,} bytes are needed on each device")
        self.least = least


class PinsCross(Exception):
    """The devices that the author chose do not follow each other in the order of execution."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a net is cut: `bounds` are the numbers of the first step of each stage, then the number of steps."""

    bounds: tuple[int, ...]
    bottleneck: float


@dataclass(frozen=True, slots=True)
class Memory:
    """How the bytes of a stage are counted, by the schedule: `micro` batches, of which a stage holds some at a time."""

    schedule: Schedule
    stages: int
    micro: int

    @property
    def passes(self) -> int:
        """What a step costs in forward passes: with the backward pass about three."""
        return 1 if self.schedule == "inference" else 3

    @property
    def copies(self) -> int:
        """How often a value crosses a link: a training step sends its gradient back."""
        return 1 if self.schedule == "inference" else 2

    def in_flight(self, stage: int) -> int:
        """Return how many micro-batches have results in a stage that its backward pass still needs."""
        return self.micro if self.schedule == "gpipe" else min(self.micro, self.stages - stage)

    def bytes(self, stage: int, weights: int, results: int, live: int) -> int:
        """Return the bytes of a stage: its weights, and the results that are kept."""
        if self.schedule == "inference":
            return weights + live
        return _COPIES * weights + self.in_flight(stage) * results // self.micro


def cut(
    costs: Costs, stages: int, *, link: float, schedule: Schedule = "1f1b", micro: int = 1, limit: int | None = None
) -> Plan:
    """Return the best cut into at most so many stages, none of which needs more than `limit` bytes.

    Raises Impossible where there is none, and PinsCross where chosen devices are not in the order of execution.
    """
    _require_order(costs)
    last = next((device for device in reversed(costs.devices) if device is not None), None)
    least = 1 if last is None else last + 1
    most = min(stages, len(costs.times))
    if limit is None:
        plan = _best(costs, Memory(schedule, most, micro), link, least=least)
        assert plan is not None
        return plan
    # How much a stage keeps may depend on how many there are.
    memories = [Memory(schedule, count, micro) for count in range(most, least - 1, -1)]
    found = [plan for memory in memories if (plan := _best(costs, memory, link, least=memory.stages, limit=limit))]
    if not found:
        raise Impossible(min(_least(costs, memory) for memory in memories))
    return min(found, key=lambda plan: plan.bottleneck)


def _require_order(costs: Costs) -> None:
    last = 0
    for path, device in zip(costs.paths, costs.devices, strict=True):
        if device is not None:
            if device < last:
                raise PinsCross(path)
            last = device


def _best(costs: Costs, memory: Memory, link: float, *, least: int, limit: int | None = None) -> Plan | None:
    """Return the best cut into at least `least` and at most `memory.stages` stages, None where nothing fits."""
    ends = [*accumulate((memory.passes * seconds for seconds in costs.times), initial=0.0)]
    links = [memory.copies * size / link for size in costs.crossing]
    table = _Table(len(costs.times))
    for stage in range(memory.stages):
        first = _first_starts(costs, memory, stage, limit)
        before, now, chosen = table.before, table.begun(), table.chosen[-1]
        for end in range(stage + 1, table.steps + 1):
            best, choice, until = inf, -1, ends[end]
            for start in range(end - 1, first[end] - 1, -1):
                compute = until - ends[start]
                if compute >= best:
                    break
                value = max(before[start], links[start], compute) if stage else compute if start == 0 else inf
                if value < best:
                    best, choice = value, start
            now[end], chosen[end] = best, choice
    return table.plan(least)


def _first_starts(costs: Costs, memory: Memory, stage: int, limit: int | None) -> list[int]:
    """Return for each end of a stage the earliest step that it can begin with."""
    if limit is None and not any(device is not None for device in costs.devices):
        return [0] * (len(costs.times) + 1)
    found = [0]
    for end in range(1, len(costs.times) + 1):
        first = end
        for start, size in _sizes(costs, memory, stage, end):
            if (limit is not None and size > limit) or start < found[-1]:
                break
            first = start
        found.append(first)
    return found


def _least(costs: Costs, memory: Memory) -> int:
    """Return the smallest limit on the bytes of a stage that some cut keeps."""
    table = _Table(len(costs.times))
    for stage in range(memory.stages):
        before, now, chosen = table.before, table.begun(), table.chosen[-1]
        for end in range(stage + 1, table.steps + 1):
            for start, size in _sizes(costs, memory, stage, end):
                if size >= now[end]:
                    break
                value = max(before[start], float(size))
                if value < now[end]:
                    now[end], chosen[end] = value, start
    found = table.plan(memory.stages)
    assert found is not None
    return int(found.bottleneck)


def _sizes(costs: Costs, memory: Memory, stage: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield what a stage that ends before a step can be: its first step and its bytes, which grow."""
    weights, results, live = 0, 0, 0
    for start in range(end - 1, -1, -1):
        device = costs.devices[start]
        if device is not None and device != stage:
            return
        weights += costs.weights[start]
        results += costs.results[start]
        live = max(live, costs.crossing[start] + costs.results[start])
        yield start, memory.bytes(stage, weights, results, live)


class _Table:
    """The values of the best cuts of the first steps into one stage, two stages, …, and where their last one begins."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.values = [[0.0] + [inf] * steps]
        self.chosen: list[list[int]] = []

    @property
    def before(self) -> list[float]:
        """The values for one stage less than those that are being found."""
        return self.values[-1]

    def begun(self) -> list[float]:
        """Return the list that takes the values for one stage more."""
        self.values.append([inf] * (self.steps + 1))
        self.chosen.append([-1] * (self.steps + 1))
        return self.values[-1]

    def plan(self, least: int) -> Plan | None:
        """Return the best cut of all steps, the one with fewer stages of two that are equal."""
        count = min(range(least, len(self.values)), key=lambda stages: self.values[stages][self.steps])
        value = self.values[count][self.steps]
        if value == inf:
            return None
        bounds = [self.steps]
        for chosen in reversed(self.chosen[:count]):
            bounds.append(chosen[bounds[-1]])
        return Plan(tuple(reversed(bounds)), value)
