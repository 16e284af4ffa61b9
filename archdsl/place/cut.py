"""The best places to cut: dynamic programming over the order of execution.

The objective is PipeDream's (Narayanan et al. 2019): the slowest stage or the busiest link, whichever takes longer.
Of the cuts that are equal in that, the one that sends least is taken, and then the one that goes through the fewest
submodules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from archdsl.place.costs import Costs
from archdsl.place.device_load import bottleneck
from archdsl.place.interleaved import tangle
from archdsl.place.memory import Memory, Schedule
from archdsl.place.problem import Problem, Stage, problem
from archdsl.place.table import ROUNDING, Table, Value, least_of_largest


class Impossible(Exception):
    """No cut keeps every stage within its memory; `least` is the smallest limit that can be kept, in bytes."""

    def __init__(self, least: int) -> None:
        super().__init__(f"at least {least:,} bytes are needed on each device")
        self.least = least


@dataclass(frozen=True, slots=True)
class Plan:
    """The stage of each step, how memory is counted, and the seconds of the slowest stage or busiest link."""

    stages: tuple[int, ...]
    memory: Memory
    bottleneck: float


def cut(
    costs: Costs, stages: int, *, link: float, schedule: Schedule = "1f1b", micro: int = 1, limit: int | None = None
) -> Plan:
    """Return the best cut into at most so many stages, none of which needs more than `limit` bytes.

    Steps whose devices the author chose are there, whatever the cut. Raises Impossible where nothing fits.
    """
    knot = tangle(costs, link=link)
    chosen = [device for device in costs.devices if device is not None]
    least = max(chosen, default=0) + 1
    most = max(least, min(stages, len(costs.times)))
    memory = Memory(schedule, most, micro, *((knot.first, knot.last) if knot else ()))
    given = problem(costs, memory, link, knot, least)
    free = _fastest(given, inf)
    found = free.best(least, most) if limit is None else _limited(given, free, least, limit)
    count, value = found
    memory = replace(memory, stages=count)
    given = replace(given, memory=memory)
    bounds = _leanest(given, inf if limit is None else limit * micro, value * ROUNDING).bounds(count)
    assigned = given.assigned(bounds)
    whole = bottleneck(costs, assigned, link=link * memory.passes / memory.copies) * memory.passes
    return Plan(assigned, memory, whole)


def _limited(given: Problem, free: Table, least: int, limit: int) -> tuple[int, float]:
    """Return the number of stages, and the value, of the best cut that keeps the limit.

    How much a stage keeps may depend on how many there are; without a limit, none of so many would be faster.
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
    """Return for the first steps, in so many stages, the least seconds of the slowest stage or link."""

    def begun(stage: Stage) -> tuple[Sequence[float], Value]:
        times, gates, fits = given.times, given.gates(stage.number), given.fitting(stage, limit)

        def value(start: int, end: int) -> float:
            if fits is not None and not fits(start, end):
                return inf
            return max(gates[start], times[end] - times[start] + stage.seconds)

        return times, value

    return least_of_largest(given, begun, least=given.busy, limit=limit)


def _smallest(given: Problem) -> Table:
    """Return for the first steps, in so many stages, the least bytes of the largest, times the micro-batches."""

    def begun(stage: Stage) -> tuple[Sequence[float], Value]:
        gates, needed = given.gates(stage.number), given.needed(stage)

        def value(start: int, end: int) -> float:
            return needed(start, end) if gates[start] < inf else inf

        return given.kept(stage), value

    return least_of_largest(given, begun)


def _leanest(given: Problem, limit: float, bound: float) -> Table:
    """Return for the first steps the least that is sent, and then cut through, within these seconds."""
    table = Table(given.steps)
    times = given.times
    for stage in given.stages(limit):
        before, now, chosen = table.before, table.begun(), table.chosen[-1]
        fits, gates = given.fitting(stage, limit), given.gates(stage.number)
        prices = [
            value + price if gate <= bound else inf
            for value, price, gate in zip(before, given.prices(stage.number), gates, strict=False)
        ]
        for end in stage.ends:
            best, choice, until = inf, -1, times[end]
            for start in stage.starts(end):
                if until - times[start] + stage.seconds > bound:
                    break
                if prices[start] < best and (fits is None or fits(start, end)):
                    best, choice = prices[start], start
            now[end], chosen[end] = best, choice
    return table
