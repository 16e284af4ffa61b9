"""Tables of the dynamic programming: the best partitions of the first steps into one stage, two stages, …"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import inf
from typing import TypeAlias

from archdsl.place.problem import Problem, StageRange

# Sums of the same seconds in another order differ by at most this factor.
ROUNDING = 1 + 1e-12
# The cost of a stage, by its first step and the step after its last.
Value: TypeAlias = Callable[[int, int], float]


class Table:
    """The value of the best partition of the first steps, and where its last stage begins, by the number of stages."""

    def __init__(self, steps: int, least: float = 0.0) -> None:
        self.steps = steps
        self.values = [[least] + [inf] * steps]
        self.chosen: list[list[int]] = []

    @property
    def before(self) -> list[float]:
        """The row for one stage fewer than the row that is being filled."""
        return self.values[-1]

    def begun(self) -> list[float]:
        """Add the row for one more stage and return it."""
        self.values.append([inf] * (self.steps + 1))
        self.chosen.append([-1] * (self.steps + 1))
        return self.values[-1]

    def value(self, count: int) -> float:
        """Return the value of the best partition of all steps into `count` stages."""
        return self.values[count][self.steps]

    def best(self, least: int, most: int) -> tuple[int, float]:
        """Return the number of stages with the least value, the smallest of equal ones, and the value."""
        bound = min(map(self.value, range(least, most + 1))) * ROUNDING
        count = next(count for count in range(least, most + 1) if self.value(count) <= bound)
        return count, self.value(count)

    def bounds(self, count: int) -> tuple[int, ...]:
        """Return where each stage of the best partition into `count` begins, and where the last one ends."""
        bounds = [self.steps]
        for chosen in reversed(self.chosen[:count]):
            bounds.append(chosen[bounds[-1]])
        return tuple(reversed(bounds))


def least_of_largest(
    given: Problem,
    begun: Callable[[StageRange], tuple[Sequence[float], Value]],
    *,
    least: float = 0.0,
    limit: float = inf,
) -> Table:
    """Return the table of the least possible cost of the most expensive stage.

    Args:
        given: The placement problem.
        begun: For a stage, returns prefix sums over the steps, and the cost of a run of steps. The difference of two
            prefix sums is a lower bound of the cost.
        least: A lower bound of all values.
        limit: The largest number of bytes of a stage, times the number of micro-batches.
    """
    table = Table(given.steps, least)
    for stage in given.stages(limit):
        sums, value = begun(stage)
        before, now, chosen = table.before, table.begun(), table.chosen[-1]
        # The least value of the row before, from each step on.
        rest = [*accumulate(reversed(before), min)][::-1]
        middle = 0
        for end in stage.ends:
            starts = stage.starts(end)
            if not starts:
                continue
            best, choice = inf, -1
            # The earlier a stage begins, the more it costs and the less the stages before it. Search outwards from the
            # step where the two are equal.
            while middle < starts[0] and rest[middle] <= sums[end] - sums[middle]:
                middle += 1
            for start in range(min(middle, starts[0]), starts[-1] - 1, -1):
                if sums[end] - sums[start] >= best:
                    break
                found = max(before[start], value(start, end))
                if found < best:
                    best, choice = found, start
            for start in range(max(middle + 1, starts[-1]), starts[0] + 1):
                if rest[start] >= best:
                    break
                found = max(before[start], value(start, end))
                if found < best:
                    best, choice = found, start
            now[end], chosen[end] = best, choice
    return table
