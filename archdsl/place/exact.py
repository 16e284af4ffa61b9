"""The proven optimum: stages need not be consecutive in the order of execution, only along the edges.

Solved by CP-SAT of OR-tools, which starts from the cut that dynamic programming finds.
"""

from itertools import pairwise
from typing import Any

from archdsl.place.costs import Costs
from archdsl.place.cut import Memory, Plan, Schedule

# Seconds and bytes are scaled to whole numbers of about this size.
_SCALE = 1_000_000


class NotProven(Exception):
    """The time ran out before the optimum was proven."""


def exact(
    costs: Costs, plan: Plan, stages: int, *, link: float, schedule: Schedule = "inference", seconds: float = 60.0
) -> tuple[int, ...]:
    """Return the stage of each step in a placement with the least bottleneck; `plan` is the start.

    Raises NotProven where `seconds` did not suffice, and ImportError where OR-tools is not installed.
    """
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    memory = Memory(schedule, stages, 1)
    unit = plan.bottleneck / _SCALE
    # reached[v][s]: step v is in stage s or in a later one.
    reached: list[list[Any]] = []
    start = [_stage_of(plan, number) for number in range(len(costs.times))]
    for number, device in enumerate(costs.devices):
        row = [model.new_bool_var(f"r{number}_{stage}") for stage in range(1, stages)]
        for one, other in pairwise(row):
            model.add_implication(other, one)
        for stage, variable in enumerate(row, 1):
            model.add_hint(variable, start[number] >= stage)
            if device is not None:
                model.add(variable == int(device >= stage))
        reached.append(row)
    bottleneck = model.new_int_var(0, _SCALE + len(costs.times), "bottleneck")
    for stage in range(stages):
        load = sum(
            round(memory.passes * time / unit) * (_at_least(row, stage) - _at_least(row, stage + 1))
            for time, row in zip(costs.times, reached, strict=True)
        )
        model.add(load <= bottleneck)
    for stage in range(1, stages):
        sent = []
        for number, (source, readers, size) in enumerate(costs.edges):
            crosses = model.new_bool_var(f"c{number}_{stage}")
            for reader in readers:
                own = reached[source][stage - 1] if source >= 0 else 0
                model.add(crosses >= reached[reader][stage - 1] - own)
                if source >= 0:
                    model.add_implication(own, reached[reader][stage - 1])
            sent.append(round(memory.copies * size / link / unit) * crosses)
        model.add(sum(sent) <= bottleneck)
    model.minimize(bottleneck)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = 2
    if solver.solve(model) != cp_model.OPTIMAL:
        raise NotProven
    return tuple(sum(solver.value(variable) for variable in row) for row in reached)


def bottleneck(costs: Costs, stages: tuple[int, ...], *, link: float) -> float:
    """Return the seconds of the slowest stage or busiest link of an inference, given the stage of each step."""
    loads = [0.0] * (max(stages) + 1)
    for time, stage in zip(costs.times, stages, strict=True):
        loads[stage] += time
    return max(*loads, *(size / link for size in costs.sent(stages)))


def _stage_of(plan: Plan, number: int) -> int:
    return sum(number >= bound for bound in plan.bounds[1:-1])


def _at_least(row: list[Any], stage: int) -> Any:
    if stage == 0:
        return 1
    return row[stage - 1] if stage <= len(row) else 0
