"""The input of the dynamic programming: consecutive steps, the stages that can take them, and their costs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import inf

from archdsl.place.costs import Costs
from archdsl.place.device_load import link_bytes
from archdsl.place.interleaved import InterleavedSegment, joined
from archdsl.place.memory import Intervals, Memory

# Larger than any sum of penalties, so that bytes decide first.
_PENALTIES = 10_000


@dataclass(frozen=True, slots=True)
class StageRange:
    """The choices for one stage, and the fixed costs of its part of the interleaved segment.

    Attributes:
        ends: The steps before which it may end.
        lowest: For each end, the first step that it may begin with.
        highest: The last step that it may begin with.
        may_be_empty: Whether it may have no steps outside the segment.
        seconds: Seconds of its part of the segment, for all passes of a batch.
        weights: Bytes of the weights of its part.
        results: Bytes of the results that its part computes or receives.
        live: The largest number of bytes that are live at one step of its part.
    """

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
        """Return the steps that it may begin with if it ends before `end`, in descending order."""
        last = end if self.may_be_empty else end - 1
        return range(min(last, self.highest), self.lowest[end] - 1, -1)


@dataclass(frozen=True, slots=True)
class Problem:
    """The placement problem: a chain of steps, and at most one interleaved segment in it.

    Places in the chain skip the steps of the segment.

    Attributes:
        link: Bytes per second between two devices.
        least: Stages with a number below this must exist, since the author chose one of them or a later one.
        order: The number of the step at each place of the chain.
        times: Prefix sums of the seconds of the steps, for all passes of a batch.
        uncut: The places before which no cut is allowed, since steps on both sides share weights.
    """

    costs: Costs
    memory: Memory
    link: float
    segment: InterleavedSegment | None
    least: int
    order: tuple[int, ...]
    times: tuple[float, ...]
    intervals: Intervals
    uncut: frozenset[int]

    @property
    def steps(self) -> int:
        """Number of steps in the chain."""
        return len(self.order)

    @property
    def inner_link_seconds(self) -> float:
        """Seconds of the busiest link inside the interleaved segment."""
        sent = link_bytes(self.costs, self.assigned(None)) if self.segment else {}
        return max((self.memory.copies * size / self.link for size in sent.values()), default=0.0)

    def stages(self, limit: float = inf) -> Iterator[StageRange]:
        """Yield the stages in order; with a limit on bytes, without the choices that certainly exceed it."""
        for stage in self._stages():
            yield stage if limit == inf else replace(stage, lowest=self._lowest(stage, limit))

    def _lowest(self, stage: StageRange, limit: float) -> list[int]:
        """Return, for each end, the first step that a stage can begin with, by the bytes that it keeps."""
        kept, first = self.kept(stage), 0
        found: list[int] = []
        room = limit - self.memory.kept(stage.number, stage.weights, stage.results)
        for end in range(self.steps + 1):
            while first < end and kept[end] - kept[first] > room:
                first += 1
            found.append(max(stage.lowest[end], first))
        return found

    def _stages(self) -> Iterator[StageRange]:
        for number in range(self.memory.stages):
            pins = (self.costs.devices[step] for step in self.order)
            wrong = (place + 1 if pin not in (None, number) else 0 for place, pin in enumerate(pins))
            lowest = [*accumulate(wrong, max, initial=0)]
            if self.segment:
                yield self._around(self.segment, number, lowest)
            else:
                highest = self.steps if number else 0
                yield StageRange(number, range(self.steps + 1), lowest, highest, may_be_empty=number < self.least - 1)

    def _around(self, segment: InterleavedSegment, number: int, lowest: list[int]) -> StageRange:
        """Return a stage of a net with an interleaved segment.

        The first device of the segment can take steps before it, the last one steps after it.
        """
        place = segment.start
        if number < segment.first:
            return StageRange(number, range(place + 1), lowest, place, may_be_empty=True)
        after = [max(place, low) for low in lowest]
        if number > segment.last:
            empty = number < self.least - 1
            return StageRange(number, range(place, self.steps + 1), after, self.steps, may_be_empty=empty)
        costs, held = self.costs, [*segment.steps(number)]
        sent = link_bytes(costs, self.assigned(None))
        return StageRange(
            number=number,
            ends=range(place, (self.steps if number == segment.last else place) + 1),
            lowest=lowest if number == segment.first else after,
            highest=place,
            may_be_empty=True,
            seconds=self.memory.passes * sum(costs.times[step] for step in held),
            weights=sum(costs.weights[step] for step in held),
            results=sum(costs.results[step] for step in held)
            + sum(size for (_, there), size in sent.items() if there == number),
            live=max((costs.crossing[step] + costs.results[step] for step in held), default=0),
        )

    def sent(self, number: int) -> Sequence[int]:
        """Return the bytes that a stage receives from the one before, by the step that it begins with."""
        crossing, segment = self.costs.crossing, self.segment
        if segment is None:
            return crossing
        if number <= segment.first:
            return crossing[: segment.start + 1]
        if number <= segment.last:
            return [0] * (segment.start + 1)
        return [*[0] * segment.start, *crossing[segment.end :]]

    def link_seconds(self, number: int) -> list[float]:
        """Return the seconds of the link into a stage in a batch, by the step that the stage begins with."""
        found = [self.memory.copies * size / self.link for size in self.sent(number)]
        for place in self.uncut:
            if place < len(found):
                found[place] = inf
        return [0.0, *found[1:]] if self._begins(number) else found

    def tie_break(self, number: int) -> list[float]:
        """Return the cost that decides between equally fast cuts, by the step that a stage begins with.

        Fewer bytes are better, then a smaller penalty.
        """
        penalties = [*(self.costs.penalties[step] for step in self.order), 0]
        found = [float(size * _PENALTIES + extra) for size, extra in zip(self.sent(number), penalties, strict=False)]
        return [0.0, *found[1:]] if self._begins(number) else found

    def _begins(self, number: int) -> bool:
        """Return whether a stage that begins with the first step has no steps before it."""
        return self.segment is None or number <= self.segment.first

    def kept(self, stage: StageRange) -> list[int]:
        """Return prefix sums of the bytes that a stage keeps, times the number of micro-batches."""
        sums = zip(self.intervals.weights, self.intervals.results, strict=True)
        of_weights, of_results = self.memory.shares(stage.number)
        return [of_weights * weights + of_results * results for weights, results in sums]

    def needed(self, stage: StageRange) -> Callable[[int, int], int]:
        """Return the function from first step and end to the bytes of a stage, times the number of micro-batches."""
        memory, kept, live = self.memory, self.kept(stage), self.intervals.live
        base = memory.kept(stage.number, stage.weights, stage.results)
        of_results = memory.shares(stage.number)[1]
        arriving = [base + of_results * size for size in self.sent(stage.number)]

        def needed(start: int, end: int) -> int:
            alive = 0 if memory.trains else memory.micro * max(stage.live, live(start, end))
            return kept[end] - kept[start] + arriving[start] + alive

        return needed

    def fitting(self, stage: StageRange, limit: float) -> Callable[[int, int], bool] | None:
        """Return the function from first step and end to whether a stage is within a limit, None without a limit."""
        needed = self.needed(stage)
        return None if limit == inf else lambda start, end: needed(start, end) <= limit

    def assigned(self, bounds: Sequence[int] | None) -> tuple[int, ...]:
        """Return the stage of each step.

        Args:
            bounds: Where each stage begins, and where the last one ends. If None, the steps before the interleaved
                segment are on its first device and the steps after it on its last.
        """
        segment = self.segment
        stages = [0] * len(self.costs.times)
        for place, step in enumerate(self.order):
            if bounds is not None:
                stages[step] = sum(place >= bound for bound in bounds[1:-1])
            elif segment:
                stages[step] = segment.first if place < segment.start else segment.last
        for step, device in enumerate(segment.devices if segment else (), segment.start if segment else 0):
            stages[step] = device
        return tuple(stages)


def problem(costs: Costs, memory: Memory, link: float, segment: InterleavedSegment | None, least: int) -> Problem:
    """Return the placement problem of a net; `link` is in bytes per second."""
    inside = range(segment.start, segment.end) if segment else range(0)
    order = tuple(step for step in range(len(costs.times)) if step not in inside)
    numbers = {step: place for place, step in enumerate(order)}
    uncut = (numbers[step] for owner, last in joined(costs) for step in range(owner + 1, last + 1) if step in numbers)
    times = tuple(accumulate((memory.passes * costs.times[step] for step in order), initial=0.0))
    return Problem(costs, memory, link, segment, least, order, times, Intervals(costs, order), frozenset(uncut))
