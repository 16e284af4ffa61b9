"""What dynamic programming works on: consecutive steps, the stages that can take them, and what that costs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import inf

from archdsl.place.costs import Costs
from archdsl.place.device_load import links
from archdsl.place.interleaved import InterleavedSegment, joined
from archdsl.place.memory import Intervals, Memory

# More than the submodules that can hold a step.
_DEEPEST = 10_000


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: what it holds of a tangle, the steps before which it may end, and those that it may begin with."""

    number: int
    ends: range
    lowest: Sequence[int]
    highest: int
    may_be_empty: bool
    seconds: float = 0.0
    weights: int = 0
    results: int = 0
    live: int = 0

    def starts(self, end: int) -> range:
        """Return the steps that it may begin with if it ends there, the last one first."""
        last = end if self.may_be_empty else end - 1
        return range(min(last, self.highest), self.lowest[end] - 1, -1)


@dataclass(frozen=True, slots=True)
class Problem:
    """The steps outside of the tangle, if there is one; the stages below `least` are needed, if only for later ones.

    `order` are the numbers of the steps, `times` sums of their seconds; nothing can be cut before the steps in `uncut`.
    """

    costs: Costs
    memory: Memory
    link: float
    knot: InterleavedSegment | None
    least: int
    order: tuple[int, ...]
    times: tuple[float, ...]
    intervals: Intervals
    uncut: frozenset[int]

    @property
    def steps(self) -> int:
        """How many steps are to be cut."""
        return len(self.order)

    @property
    def busy(self) -> float:
        """The seconds of the busiest link within the tangle."""
        sent = links(self.costs, self.assigned(None)) if self.knot else {}
        return max((self.memory.copies * size / self.link for size in sent.values()), default=0.0)

    def stages(self, limit: float = inf) -> Iterator[Stage]:
        """Yield the stages in order; with a limit on their bytes those steps are left out that do not fit for sure."""
        for stage in self._stages():
            yield stage if limit == inf else replace(stage, lowest=self._lowest(stage, limit))

    def _lowest(self, stage: Stage, limit: float) -> list[int]:
        """Return for each end the earliest step that a stage can begin with, by what it keeps."""
        kept, first = self.kept(stage), 0
        found: list[int] = []
        room = limit - self.memory.kept(stage.number, stage.weights, stage.results)
        for end in range(self.steps + 1):
            while first < end and kept[end] - kept[first] > room:
                first += 1
            found.append(max(stage.lowest[end], first))
        return found

    def _stages(self) -> Iterator[Stage]:
        for number in range(self.memory.stages):
            pins = (self.costs.devices[step] for step in self.order)
            wrong = (place + 1 if pin not in (None, number) else 0 for place, pin in enumerate(pins))
            lowest = [*accumulate(wrong, max, initial=0)]
            if self.knot:
                yield self._around(self.knot, number, lowest)
            else:
                highest = self.steps if number else 0
                yield Stage(number, range(self.steps + 1), lowest, highest, may_be_empty=number < self.least - 1)

    def _around(self, knot: InterleavedSegment, number: int, lowest: list[int]) -> Stage:
        """Return a stage of a net with a tangle, whose first device takes steps before it, and its last one after."""
        place = knot.start
        if number < knot.first:
            return Stage(number, range(place + 1), lowest, place, may_be_empty=True)
        after = [max(place, low) for low in lowest]
        if number > knot.last:
            empty = number < self.least - 1
            return Stage(number, range(place, self.steps + 1), after, self.steps, may_be_empty=empty)
        costs, held = self.costs, [*knot.steps(number)]
        sent = links(costs, self.assigned(None))
        return Stage(
            number=number,
            ends=range(place, (self.steps if number == knot.last else place) + 1),
            lowest=lowest if number == knot.first else after,
            highest=place,
            may_be_empty=True,
            seconds=self.memory.passes * sum(costs.times[step] for step in held),
            weights=sum(costs.weights[step] for step in held),
            results=sum(costs.results[step] for step in held)
            + sum(size for (_, there), size in sent.items() if there == number),
            live=max((costs.crossing[step] + costs.results[step] for step in held), default=0),
        )

    def sent(self, number: int) -> Sequence[int]:
        """Return the bytes that a stage takes from the one before, by the step that it begins with."""
        crossing, knot = self.costs.crossing, self.knot
        if knot is None:
            return crossing
        if number <= knot.first:
            return crossing[: knot.start + 1]
        if number <= knot.last:
            return [0] * (knot.start + 1)
        return [*[0] * knot.start, *crossing[knot.end :]]

    def gates(self, number: int) -> list[float]:
        """Return the seconds that the link before a stage is busy, by the step that the stage begins with."""
        found = [self.memory.copies * size / self.link for size in self.sent(number)]
        for place in self.uncut:
            if place < len(found):
                found[place] = inf
        return [0.0, *found[1:]] if self._begins(number) else found

    def prices(self, number: int) -> list[float]:
        """Return how bad a cut is, by the step that a stage begins with: bytes, then the submodules cut through."""
        depths = [*(self.costs.depths[step] for step in self.order), 0]
        found = [float(size * _DEEPEST + depth) for size, depth in zip(self.sent(number), depths, strict=False)]
        return [0.0, *found[1:]] if self._begins(number) else found

    def _begins(self, number: int) -> bool:
        """Whether nothing is before a stage that begins with the first step."""
        return self.knot is None or number <= self.knot.first

    def kept(self, stage: Stage) -> list[int]:
        """Return sums of the bytes that a stage keeps, times the number of micro-batches."""
        sums = zip(self.intervals.weights, self.intervals.results, strict=True)
        of_weights, of_results = self.memory.shares(stage.number)
        return [of_weights * weights + of_results * results for weights, results in sums]

    def needed(self, stage: Stage) -> Callable[[int, int], int]:
        """Return what tells the bytes of a stage by its first step and its end, times the number of micro-batches."""
        memory, kept, live = self.memory, self.kept(stage), self.intervals.live
        base = memory.kept(stage.number, stage.weights, stage.results)
        of_results = memory.shares(stage.number)[1]
        arriving = [base + of_results * size for size in self.sent(stage.number)]

        def needed(start: int, end: int) -> int:
            alive = 0 if memory.trains else memory.micro * max(stage.live, live(start, end))
            return kept[end] - kept[start] + arriving[start] + alive

        return needed

    def fitting(self, stage: Stage, limit: float) -> Callable[[int, int], bool] | None:
        """Return what tells whether a stage keeps a limit, None where there is none."""
        needed = self.needed(stage)
        return None if limit == inf else lambda start, end: needed(start, end) <= limit

    def assigned(self, bounds: Sequence[int] | None) -> tuple[int, ...]:
        """Return the stage of each step, given where the stages begin and where the last one ends.

        Without, all that is outside of the tangle is on its first device or on its last one.
        """
        knot = self.knot
        stages = [0] * len(self.costs.times)
        for place, step in enumerate(self.order):
            if bounds is not None:
                stages[step] = sum(place >= bound for bound in bounds[1:-1])
            elif knot:
                stages[step] = knot.first if place < knot.start else knot.last
        for step, device in enumerate(knot.devices if knot else (), knot.start if knot else 0):
            stages[step] = device
        return tuple(stages)


def problem(costs: Costs, memory: Memory, link: float, knot: InterleavedSegment | None, least: int) -> Problem:
    """Return what is to be cut."""
    inside = range(knot.start, knot.end) if knot else range(0)
    order = tuple(step for step in range(len(costs.times)) if step not in inside)
    numbers = {step: place for place, step in enumerate(order)}
    uncut = (numbers[step] for owner, last in joined(costs) for step in range(owner + 1, last + 1) if step in numbers)
    times = tuple(accumulate((memory.passes * costs.times[step] for step in order), initial=0.0))
    return Problem(costs, memory, link, knot, least, order, times, Intervals(costs, order), frozenset(uncut))
