"""How many bytes a stage needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeAlias

from archdsl.place.costs import Costs

Schedule: TypeAlias = Literal["inference", "gpipe", "1f1b"]
# Weights, gradients, and two moments as Adam keeps them.
_COPIES = 4


@dataclass(frozen=True, slots=True)
class Memory:
    """How the bytes of a stage are counted, by the schedule: `micro` batches, of which a stage holds some at a time.

    The devices from `first` to `last`, if there are such, work on the same micro-batches, as one stage.
    """

    schedule: Schedule
    stages: int
    micro: int
    first: int = 0
    last: int = 0

    @property
    def trains(self) -> bool:
        """Whether there are backward passes."""
        return self.schedule != "inference"

    @property
    def passes(self) -> int:
        """What a step costs in forward passes: with the backward pass about three."""
        return 3 if self.trains else 1

    @property
    def copies(self) -> int:
        """How often a value crosses a link: a training step sends its gradient back."""
        return 2 if self.trains else 1

    def in_flight(self, stage: int) -> int:
        """Return how many micro-batches have results in a stage that its backward pass still needs."""
        if self.schedule == "gpipe":
            return self.micro
        return min(self.micro, self.place(self.stages - 1) + 1 - self.place(stage))

    def place(self, stage: int) -> int:
        """Return the place of a stage in the pipeline."""
        return stage if stage <= self.first else max(self.first, stage - (self.last - self.first))

    def shares(self, stage: int) -> tuple[int, int]:
        """Return how often weights and results stay in a stage, times `micro`: results for the backward pass."""
        return (self.micro * _COPIES, self.in_flight(stage)) if self.trains else (self.micro, 0)

    def kept(self, stage: int, weights: int, results: int) -> int:
        """Return `micro` times the bytes that stay in a stage."""
        of_weights, of_results = self.shares(stage)
        return of_weights * weights + of_results * results

    def bytes(self, stage: int, weights: int, results: int, live: int) -> int:
        """Return the bytes of a stage that makes or takes these results, `live` of them at one time."""
        return -(-self.kept(stage, weights, results) // self.micro) + (0 if self.trains else live)


class Intervals:
    """The sums of bytes of consecutive steps, and the largest number of bytes that are alive at one of them."""

    def __init__(self, costs: Costs, steps: Sequence[int]) -> None:
        self.weights = [*accumulate((costs.weights[step] for step in steps), initial=0)]
        self.results = [*accumulate((costs.results[step] for step in steps), initial=0)]
        # largest[n][i]: of the 2 ** n steps from i on.
        self.largest = [[costs.crossing[step] + costs.results[step] for step in steps]]
        width = 1
        while 2 * width <= len(self.largest[0]):
            row = self.largest[-1]
            self.largest.append([max(row[i], row[i + width]) for i in range(len(row) - width)])
            width *= 2

    def live(self, start: int, end: int) -> int:
        """Return the most bytes that are alive while these steps run."""
        if start == end:
            return 0
        row = self.largest[(end - start).bit_length() - 1]
        return max(row[start], row[end - (1 << (end - start).bit_length() - 1)])
