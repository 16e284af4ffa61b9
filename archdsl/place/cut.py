"""The best partition into consecutive stages, by dynamic programming over the order of execution.

The objective is that of PipeDream (Narayanan et al. 2019): minimise the bottleneck, the slowest stage or the busiest
link. Among partitions with the same bottleneck, the one that sends the fewest bytes is best, then the one with the
smallest sum of penalties, such as the number of submodules that it divides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from operator import le, lt

from archdsl.place.costs import Costs
from archdsl.place.device_load import bottleneck
from archdsl.place.interleaved import interleaved_segment
from archdsl.place.memory import Memory, Schedule
from archdsl.place.problem import Problem, StageRange, problem
from archdsl.place.table import ROUNDING, Table, Value, least_of_largest


class Impossible(Exception):
    """No partition keeps every stage within its memory. `least` is the smallest feasible limit, in bytes."""

    def __init__(self, least: int) -> None:
        super().__init__(f"at least {least:,} bytes are needed on each device")
        self.least = least


@dataclass(frozen=True, slots=True)
class Partition:
    """The stage of each step, the memory model, and the seconds of the bottleneck for one batch."""

    stages: tuple[int, ...]
    memory: Memory
    bottleneck: float


def cut(
    costs: Costs, stages: int, *, link: float, schedule: Schedule = "1f1b", micro: int = 1, limit: int | None = None,
    exactly: bool = False,
) -> Partition:  # fmt: skip
    """Return the best partition of a net into consecutive stages.

    Steps stay on the devices that the author chose for them.

    Args:
        costs: The costs of the steps for one batch.
        stages: The largest number of stages. Fewer are used if that is as fast.
        link: Bytes per second between two devices.
        schedule: The schedule that the stages run.
        micro: Number of micro-batches in a batch.
        limit: Bytes of memory of each device, None for no limit.
        exactly: Whether to use exactly `stages` stages, for a pipeline. The net has at least as many steps. Among
            equally good partitions, the first stages are as small as possible: they hold the most micro-batches.

    Raises:
        Impossible: No partition is within the limit.
    """
    segment = interleaved_segment(costs, link=link)
    chosen = [device for device in costs.devices if device is not None]
    least = max(chosen, default=0) + 1
    most = max(least, min(stages, len(costs.times)))
    memory = Memory(schedule, most, micro, *((segment.first, segment.last) if segment else ()))
    given = problem(costs, memory, link, segment, least)
    free = _fastest(given, inf)
    fewest = most if exactly else least
    found = free.best(fewest, most) if limit is None else _limited(given, free, fewest, limit)
    count, value = found
    memory = replace(memory, stages=count)
    given = replace(given, memory=memory)
    leanest = _leanest(given, inf if limit is None else limit * micro, value * ROUNDING, early=exactly)
    bounds = leanest.bounds(count)
    assigned = given.assigned(bounds)
    whole = bottleneck(costs, assigned, link=link * memory.passes / memory.copies) * memory.passes
    return Partition(assigned, memory, whole)


def _limited(given: Problem, free: Table, least: int, limit: int) -> tuple[int, float]:
    """Return the number of stages, and the seconds of the bottleneck, of the best partition within a limit.

    With 1F1B the memory of a stage depends on the number of stages, so each number is tried. The table `free`, without
    a limit, bounds the time for each number from below.
    """
    most = given.memory.stages
    varies = given.memory.schedule == "1f1b" and given.memory.micro > 1
    counts = range(least, most + 1) if varies else [most]
    found = (most, inf)
    for count in sorted(counts, key=free.value if varies else None):
        if varies and free.value(count) >= found[1]:
            break
        table = _fastest(replace(given, memory=replace(given.memory, stages=count)), limit * given.memory.micro)
        found = min(found, table.best(count if varies else least, count), key=lambda best: best[1])
    if found[1] < inf:
        return found
    smallest = inf
    for count in counts:
        table = _smallest(replace(given, memory=replace(given.memory, stages=count)))
        smallest = min(smallest, table.best(count if varies else least, count)[1])
    raise Impossible(-(-int(smallest) // given.memory.micro))


def _fastest(given: Problem, limit: float) -> Table:
    """Return the table of the least seconds of the bottleneck."""

    def begun(stage: StageRange) -> tuple[Sequence[float], Value]:
        times, arriving, fits = given.times, given.link_seconds(stage.number), given.fitting(stage, limit)

        def value(start: int, end: int) -> float:
            if fits is not None and not fits(start, end):
                return inf
            return max(arriving[start], times[end] - times[start] + stage.seconds)

        return times, value

    return least_of_largest(given, begun, least=given.inner_link_seconds, limit=limit)


def _smallest(given: Problem) -> Table:
    """Return the table of the least bytes of the largest stage, times the number of micro-batches."""

    def begun(stage: StageRange) -> tuple[Sequence[float], Value]:
        arriving, needed = given.link_seconds(stage.number), given.needed(stage)

        def value(start: int, end: int) -> float:
            return needed(start, end) if arriving[start] < inf else inf

        return given.kept(stage), value

    return least_of_largest(given, begun)


def _leanest(given: Problem, limit: float, bound: float, *, early: bool) -> Table:
    """Return the table of the least sum of tie-break values, with a bottleneck of at most `bound` seconds.

    Among partitions that are equal in this too, stages begin as `early` as possible, or as late as possible.
    """
    table = Table(given.steps)
    better = le if early else lt
    times = given.times
    for stage in given.stages(limit):
        before, now, chosen = table.before, table.begun(), table.chosen[-1]
        fits, arriving = given.fitting(stage, limit), given.link_seconds(stage.number)
        values = [
            value + cost if seconds <= bound else inf
            for value, cost, seconds in zip(before, given.tie_break(stage.number), arriving, strict=False)
        ]
        for end in stage.ends:
            best, choice, until = inf, -1, times[end]
            for start in stage.starts(end):
                if until - times[start] + stage.seconds > bound:
                    break
                if better(values[start], best) and (fits is None or fits(start, end)):
                    best, choice = values[start], start
            now[end], chosen[end] = best, choice
    return table
