"""Makes unfolding end, whatever the file says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate.limits import Limits


class Unbounded(Exception):
    """Ends unfolding at a bound, which is reported."""


@dataclass(slots=True)
class Bounds:
    """Counts operations, steps that make none, and how deep blocks and brackets are nested."""

    problems: Problems
    limits: Limits
    depth: int = 0
    operations: int = 0
    idle: int = 0

    def count_operation(self, span: Span) -> None:
        """Count an operation."""
        if self.operations >= self.limits.operations:
            most = self.limits.operations
            label = f"this would be operation {self.operations + 1:,}, and at most {most:,} are made"
            help = "raise the bound with --max-operations"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help=help)
            raise Unbounded
        self.operations += 1

    def count_idle(self, span: Span) -> None:
        """Count a step that made nothing, so that repeating it ends too."""
        self.idle += 1
        if self.idle > self.limits.operations:
            label = f"this would be step {self.idle:,} that makes no operation"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help="repeat it less often")
            raise Unbounded

    @contextmanager
    def nested(self, span: Span) -> Iterator[None]:
        """Count a level of blocks and brackets while it unfolds."""
        if self.depth >= self.limits.nesting:
            label = f"blocks and brackets are nested at most {self.limits.nesting} deep"
            help = "a block that calls itself needs an `if` that ends it; --max-nesting raises the bound"
            self.problems.report(codes.TOO_DEEP, span, label, help=help)
            raise Unbounded
        self.depth += 1
        yield
        self.depth -= 1

    def holds(self, shape: Shape, span: Span) -> bool:
        """Whether a tensor is not too large; it is reported if it is."""
        if shape.plain().volume < 2**63:
            return True
        self.problems.report(codes.NUMBER_TOO_LARGE, span, f"{shape} has more than 2**63 elements")
        return False
