"""The budget of an elaboration, which makes it end for every file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate.limits import MAX_AXES, MAX_NAMES, Limits


class OverBudget(Exception):
    """Elaboration ends because a limit is exceeded; the problem was reported."""


@dataclass(slots=True)
class Budget:
    """Counts operations, steps without operations, and levels of blocks and brackets, and holds them to the limits."""

    problems: Problems
    limits: Limits
    depth: int = 0
    operations: int = 0
    idle: int = 0

    def count_operation(self, span: Span) -> None:
        """Count an operation.

        Raises OverBudget after reporting that there are too many.
        """
        if self.operations >= self.limits.operations:
            most = self.limits.operations
            label = f"this would be operation {self.operations + 1:,}, and the limit is {most:,}"
            help = "raise the limit with --max-operations"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help=help)
            raise OverBudget
        used = self.limits.used
        used.operations += 1
        if used.operations > self.limits.all_operations:
            label = f"the models of the file have more than {self.limits.all_operations:,} operations together"
            help = "check one model with --model, or raise the limit with --max-operations"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help=help)
            raise OverBudget
        self.operations += 1

    def count_idle(self, span: Span) -> None:
        """Count a step without operations, so that repeating it also ends.

        Raises OverBudget after reporting that there are too many.
        """
        self.idle += 1
        if self.idle > self.limits.operations:
            label = f"this would be step {self.idle:,} without an operation"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help="repeat it less often")
            raise OverBudget

    def count_work(self, span: Span, units: int = 1) -> None:
        """Count work that makes no operation, such as conditions that do not hold and names that are copied.

        Raises OverBudget after reporting that there is too much.
        """
        used = self.limits.used
        used.work += units
        if used.work > self.limits.all_work:
            label = (
                f"the net takes more than {self.limits.all_work:,} units of work: blocks, loops and conditions count"
            )
            help = "repeat it less often, or raise the limit with --max-operations"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help=help)
            raise OverBudget

    @contextmanager
    def nested(self, span: Span) -> Iterator[None]:
        """Count a level of blocks and brackets while it unfolds.

        Raises OverBudget after reporting that there are too many.
        """
        if self.depth >= self.limits.nesting:
            label = f"blocks and brackets can be nested {self.limits.nesting} levels deep"
            help = "end the recursion of a block with an `if`, or raise the limit with --max-nesting"
            self.problems.report(codes.TOO_DEEP, span, label, help=help)
            raise OverBudget
        self.depth += 1
        yield
        self.depth -= 1

    def allow_names(self, count: int, span: Span, kind: str) -> None:
        """Raise OverBudget after reporting that a model has too many inputs, outputs or devices."""
        if count > MAX_NAMES:
            self.problems.report(codes.TOO_MANY_NAMES, span, f"a model has at most {MAX_NAMES:,} {kind}")
            raise OverBudget

    def allows(self, shape: Shape, span: Span) -> bool:
        """Return whether the size of a tensor is within bounds, and report it otherwise."""
        if shape.rank > MAX_AXES:
            label = f"this would have {shape.rank} axes, and at most {MAX_AXES} are allowed"
            self.problems.report(codes.TOO_MANY_AXES, span, label)
            return False
        if prod(map(int, shape.dims)) < 2**63:
            return True
        self.problems.report(codes.NUMBER_TOO_LARGE, span, f"{shape} has more than 2**63 elements")
        return False
