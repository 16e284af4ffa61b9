"""Tables of dynamic programming: the best cuts of the first steps into one stage, two stages, …"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import inf
from typing import TypeAlias

from archdsl.place.problem import Problem, Stage

# Sums in another order may differ by so much.
ROUNDING = 1 + 1e-12
# What a stage costs, by its first step and its end.
Value: TypeAlias = Callable[[int, int], float]


class Table:
    """The values of the best cuts of the first steps into so many stages, and where the last one begins."""

    def __init__(self, steps: int, least: float = 0.0) -> None:
        self.steps = steps
        self.values = [[least] + [inf] * steps]
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

    def value(self, count: int) -> float:
        """Return the value of the best cut of all steps into so many stages."""
        return self.values[count][self.steps]

    def best(self, least: int, most: int) -> tuple[int, float]:
        """Return the number of stages with the least value, the smaller one of two that are equal, and the value."""
        bound = min(map(self.value, range(least, most + 1))) * ROUNDING
        count = next(count for count in range(least, most + 1) if self.value(count) <= bound)
        return count, self.value(count)

    def bounds(self, count: int) -> tuple[int, ...]:
        """Return where the stages of the best cut into so many begin, and where the last one ends."""
        bounds = [self.steps]
        for chosen in reversed(self.chosen[:count]):
            bounds.append(chosen[bounds[-1]])
        return tuple(reversed(bounds))


def least_of_largest(
    given: Problem,
    begun: Callable[[Stage], tuple[Sequence[float], Value]],
    *,
    least: float = 0.0,
    limit: float = inf,
) -> Table:
    """Return for the first steps, in so many stages, the least value that the largest stage can have.

    `begun` gives for a stage what it costs, and sums over the steps whose differences are no more than that; no value
    is below `least`, and no stage needs more bytes than the limit, times the number of micro-batches.
    """
    table = Table(given.steps, least)
    for stage in given.stages(limit):
        sums, value = begun(stage)
        before, now, chosen = table.before, table.begun(), table.chosen[-1]
        # The least value from each place on.
        rest = [*accumulate(reversed(before), min)][::-1]
        middle = 0
        for end in stage.ends:
            starts = stage.starts(end)
            if not starts:
                continue
            best, choice = inf, -1
            # The earlier a stage begins the more it holds, and the less those before: where the two meet is the best.
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
