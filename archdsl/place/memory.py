"""The memory that a stage of a placement needs, in bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, TypeAlias

from archdsl.place.costs import Costs

Schedule: TypeAlias = Literal["inference", "gpipe", "1f1b"]
# Weights, gradients, and the two moments that Adam (Kingma, Ba 2015) keeps.
_COPIES = 4


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory model of a schedule.

    `gpipe` runs all forward passes before the backward passes (GPipe; Huang et al. 2019). `1f1b` alternates them, so
    fewer micro-batches are in flight (PipeDream-Flush; Narayanan et al. 2021). `inference` has no backward passes.

    Attributes:
        stages: Number of stages.
        micro: Number of micro-batches in a batch.
        first: The first device of the interleaved segment. Its devices work on the same micro-batch, as one stage.
        last: The last device of the interleaved segment, equal to `first` if there is none.
    """

    schedule: Schedule
    stages: int
    micro: int
    first: int = 0
    last: int = 0

    @property
    def trains(self) -> bool:
        """Whether the schedule has backward passes."""
        return self.schedule != "inference"

    @property
    def passes(self) -> int:
        """Time of a step in forward passes: 3 in training, since a backward pass takes about twice as long."""
        return 3 if self.trains else 1

    @property
    def copies(self) -> int:
        """Number of times that a value crosses a link: 2 in training, since its gradient is sent back."""
        return 2 if self.trains else 1

    def in_flight(self, stage: int) -> int:
        """Return the number of micro-batches whose results a stage keeps for the backward pass."""
        if self.schedule == "gpipe":
            return self.micro
        return min(self.micro, self.position(self.stages - 1) + 1 - self.position(stage))

    def position(self, stage: int) -> int:
        """Return the position of a stage in the pipeline; the devices of an interleaved segment share one."""
        return stage if stage <= self.first else max(self.first, stage - (self.last - self.first))

    def shares(self, stage: int) -> tuple[int, int]:
        """Return the numbers of copies of weights and of results that a stage keeps, each times `micro`."""
        return (self.micro * _COPIES, self.in_flight(stage)) if self.trains else (self.micro, 0)

    def kept(self, stage: int, weights: int, results: int) -> int:
        """Return `micro` times the bytes that a stage keeps; an integer, unlike the bytes themselves."""
        of_weights, of_results = self.shares(stage)
        return of_weights * weights + of_results * results

    def bytes(self, stage: int, weights: int, results: int, live: int) -> int:
        """Return the bytes that a stage needs.

        Args:
            stage: The number of the stage.
            weights: Bytes of its weights.
            results: Bytes of the results that it computes or receives in a batch.
            live: The largest number of bytes that are live at one step. It counts only for inference.
        """
        return -(-self.kept(stage, weights, results) // self.micro) + (0 if self.trains else live)


class Intervals:
    """Sums over runs of consecutive steps: bytes of weights and results, and the most bytes live at one step."""

    def __init__(self, costs: Costs, steps: Sequence[int]) -> None:
        self.weights = [*accumulate((costs.weights[step] for step in steps), initial=0)]
        self.results = [*accumulate((costs.results[step] for step in steps), initial=0)]
        # A sparse table for range maxima: largest[n][i] is the maximum over the 2 ** n steps from i on.
        self.largest = [[costs.crossing[step] + costs.results[step] for step in steps]]
        width = 1
        while 2 * width <= len(self.largest[0]):
            row = self.largest[-1]
            self.largest.append([max(row[i], row[i + width]) for i in range(len(row) - width)])
            width *= 2

    def live(self, start: int, end: int) -> int:
        """Return the largest number of bytes that are live while the steps from `start` to before `end` run."""
        if start == end:
            return 0
        row = self.largest[(end - start).bit_length() - 1]
        return max(row[start], row[end - (1 << (end - start).bit_length() - 1)])
