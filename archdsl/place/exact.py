"""The proven optimum, by integer programming: stages need not be consecutive in the order of execution.

A step only has to be on the device of its inputs or a later one. The CP-SAT solver of OR-tools starts from the
partition that dynamic programming finds. Steps in the interleaved segment keep their devices.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from archdsl.place.costs import Costs
from archdsl.place.cut import Partition
from archdsl.place.device_load import bottleneck
from archdsl.place.interleaved import InterleavedSegment, interleaved_segment
from archdsl.place.memory import Memory

# CP-SAT needs integers: seconds are multiples of the bottleneck of the start, divided by this.
_SCALE = 1_000_000


class NotProven(Exception):
    """The time limit was reached before the optimum was proven."""


def exact(
    costs: Costs, start: Partition, stages: int, *, link: float, limit: int | None = None, seconds: float = 60.0
) -> Partition:
    """Return a partition with the least bottleneck.

    Args:
        costs: The costs of the steps for one batch.
        start: The partition that the solver starts from.
        stages: The largest number of stages. With a limit, `start` determines the number.
        link: Bytes per second between two devices.
        limit: Bytes of memory of each device, None for no limit.
        seconds: The time limit of the solver.

    Raises:
        NotProven: The time limit was reached.
        ImportError: OR-tools is not installed.
    """
    memory = start.memory if limit is not None else replace(start.memory, stages=max(stages, start.memory.stages))
    segment = interleaved_segment(costs, link=link)
    model = _Model(costs, start, memory, segment, link)
    model.bound_memory(limit)
    found = model.solved(seconds)
    whole = memory.passes * bottleneck(costs, found, link=link * memory.passes / memory.copies)
    used = replace(memory, stages=max(found) + 1)
    return Partition(found, used, whole) if whole < start.bottleneck else start


class _Model:
    """The variables and constraints; `reached[v][s]` is 1 if step v is in stage s or a later one."""

    def __init__(
        self, costs: Costs, start: Partition, memory: Memory, segment: InterleavedSegment | None, link: float
    ) -> None:
        from ortools.sat.python import cp_model

        self.solver = cp_model.CpSolver()
        self.optimal = cp_model.OPTIMAL
        self.model = cp_model.CpModel()
        self.costs, self.memory, self.segment, self.stages = costs, memory, segment, memory.stages
        self.unit = start.bottleneck / _SCALE or 1.0
        self.reached = [self._row(step, start.stages[step]) for step in range(len(costs.times))]
        self.bottleneck = self.model.new_int_var(0, _SCALE + len(costs.times) + 1, "bottleneck")
        self._bound_times()
        self._bound_links(link)

    def _row(self, step: int, start: int) -> list[Any]:
        """Return `reached` of a step: variables, or numbers in the interleaved segment."""
        segment = self.segment
        if segment and segment.start <= step < segment.end:
            device = segment.devices[step - segment.start]
            return [1, *(int(device >= stage) for stage in range(1, self.stages)), 0]
        row = [self.model.new_bool_var(f"r{step}_{stage}") for stage in range(1, self.stages)]
        for one, other in pairwise(row):
            self.model.add_implication(other, one)
        lowest, highest = self._range(step)
        for stage, variable in enumerate(row, 1):
            self.model.add_hint(variable, start >= stage)
            if stage <= lowest or stage > highest:
                self.model.add(variable == int(stage <= lowest))
        return [1, *row, 0]

    def _range(self, step: int) -> tuple[int, int]:
        """Return the first and the last stage that a step can be in."""
        chosen, segment = self.costs.devices[step], self.segment
        if chosen is not None:
            return chosen, chosen
        if segment is None:
            return 0, self.stages - 1
        return (0, segment.first) if step < segment.start else (segment.last, self.stages - 1)

    def _in(self, step: int, stage: int) -> Any:
        """Return 1 if a step is in a stage, else 0."""
        return self.reached[step][stage] - self.reached[step][stage + 1]

    def _bound_times(self) -> None:
        """Bound the seconds of each stage, and put steps that share weights in one stage."""
        for stage in range(self.stages):
            load = sum(
                round(self.memory.passes * time / self.unit) * self._in(step, stage)
                for step, time in enumerate(self.costs.times)
            )
            self.model.add(load <= self.bottleneck)
        for step, owner in enumerate(self.costs.owners):
            for one, other in zip(self.reached[step], self.reached[owner], strict=True):
                if step != owner and not (isinstance(one, int) and isinstance(other, int)):
                    self.model.add(one == other)

    def _bound_links(self, link: float) -> None:
        """Bound the seconds of the link into each stage. Only the fixed interleaved segment has links back."""
        self.crossing: dict[int, list[Any]] = {}
        for stage in range(1, self.stages):
            sent = []
            for number, (source, readers, size) in enumerate(self.costs.edges):
                own = self.reached[source][stage] if source >= 0 else 0
                crosses = self.model.new_bool_var(f"c{number}_{stage}")
                for reader in readers:
                    self.model.add(crosses >= self.reached[reader][stage] - own)
                    if source >= 0 and not self._both_inside(source, reader):
                        self.model.add(own <= self.reached[reader][stage])
                sent.append((size, crosses))
            self.crossing[stage] = sent
            seconds = [round(self.memory.copies * size / link / self.unit) * crosses for size, crosses in sent]
            self.model.add(sum(seconds) <= self.bottleneck)

    def _both_inside(self, source: int, reader: int) -> bool:
        return self.segment is not None and self.segment.start <= source and reader < self.segment.end

    def bound_memory(self, limit: int | None) -> None:
        """Require each stage to need at most `limit` bytes."""
        if limit is None:
            return
        costs, memory = self.costs, self.memory
        steps = range(len(costs.times))
        for stage in range(self.stages):
            weights = sum(costs.weights[step] * self._in(step, stage) for step in steps)
            if memory.schedule == "inference":
                for step in steps:
                    live = costs.crossing[step] + costs.results[step]
                    self.model.add(weights + live * self._in(step, stage) <= limit)
                continue
            kept = sum(costs.results[step] * self._in(step, stage) for step in steps)
            arrived = sum(size * crosses for size, crosses in self.crossing.get(stage, []))
            if stage == 0:
                arrived = sum(size for source, _, size in costs.edges if source < 0)
            self.model.add(memory.kept(stage, weights, kept + arrived) <= limit * memory.micro)

    def solved(self, seconds: float) -> tuple[int, ...]:
        """Return the stage of each step in the optimum. Raises NotProven after the time limit."""
        self.model.minimize(self.bottleneck)
        self.solver.parameters.max_time_in_seconds = seconds
        self.solver.parameters.num_workers = 2
        if self.solver.solve(self.model) != self.optimal:
            raise NotProven
        return tuple(
            sum(each if isinstance(each, int) else self.solver.value(each) for each in row[1:-1])
            for row in self.reached
        )
