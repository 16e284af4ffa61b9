"""The budget of an elaboration, which makes it end for every file."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate.limits import Limits


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

    def allows(self, shape: Shape, span: Span) -> bool:
        """Return whether the size of a tensor is within bounds, and report it otherwise."""
        if prod(shape.plain().dims) < 2**63:
            return True
        self.problems.report(codes.NUMBER_TOO_LARGE, span, f"{shape} has more than 2**63 elements")
        return False
