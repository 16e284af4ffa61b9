"""The budget of an elaboration, which makes it end for every file."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Diagnostic, Label, Problems
from archdsl.elaborate.limits import MAX_AXES, MAX_ELEMENTS, MAX_NAMES, Limits
from archdsl.ir.answers import Answers
from archdsl.syntax import ast

# A cycle of blocks is described with so many names.
_NAMES = 4
_CONDITION = re.compile(r"\b(?:if|for)\b|\*").search
_SMALLER = "use smaller sizes: PyTorch counts the bytes of a batch in 64 bits"


class OverBudget(Exception):
    """Elaboration ends because a limit is exceeded; the problem was reported."""


@dataclass(slots=True)
class Budget:
    """Counts operations, steps without operations, and levels of blocks and brackets, and holds them to the limits.

    `calls` holds the definitions that are being unfolded, outermost first, with the calls that use them. `allowed`
    holds the answers of steps whose sizes are within bounds, which equal steps share.
    """

    problems: Problems
    limits: Limits
    depth: int = 0
    operations: int = 0
    idle: int = 0
    calls: list[tuple[ast.Definition, Span]] = field(default_factory=list)
    allowed: set[Answers] = field(default_factory=set)

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
            self._report_depth(span)
            raise OverBudget
        self.depth += 1
        yield
        self.depth -= 1

    @contextmanager
    def calling(self, definition: ast.Definition, span: Span) -> Iterator[None]:
        """Count a level while the definition that is called at `span` unfolds.

        Raises OverBudget after reporting that there are too many.
        """
        self.calls.append((definition, span))
        with self.nested(span):
            yield
        self.calls.pop()

    def _report_depth(self, span: Span) -> None:
        """Report too many levels: the cycle of definitions that makes them, if there is one."""
        text = f"blocks and brackets can be nested {self.limits.nesting} levels deep"
        cycle = self._cycle()
        if not cycle:
            help = "take parts of it out into blocks, or raise the limit with --max-nesting"
            self.problems.report(codes.TOO_DEEP, span, text, help=help)
            return
        names = [f"`{definition.name.text}`" for definition, _ in cycle]
        around = " calls itself" if len(names) == 1 else f" calls {', which calls '.join(names[1:_NAMES])}"
        around += ", and so on" if len(names) > _NAMES else ""
        around += f", which calls {names[0]}" if len(names) > 1 else ""
        last = cycle[0][1]
        rest = cycle[1:_NAMES]
        secondary = tuple(Label(place, f"`{each.name.text}` is called here") for each, place in rest if place != last)
        ends = any(_CONDITION(definition.span.text) for definition, _ in cycle)
        help = "end the recursion with an `if`" + (", or raise the limit with --max-nesting" if ends else "")
        primary = Label(last, f"{names[0]}{around}; {text}")
        self.problems.add(Diagnostic(codes.TOO_DEEP, primary, secondary, help=help))

    def _cycle(self) -> list[tuple[ast.Definition, Span]]:
        """Return the calls of the innermost cycle of definitions, the last call first; none if no definition recurs.

        After the first come the calls from the earlier unfolding of the same definition inwards.
        """
        if not self.calls:
            return []
        last, span = self.calls[-1]
        before = [number for number, (definition, _) in enumerate(self.calls[:-1]) if definition is last]
        return [(last, span), *self.calls[before[-1] + 1 : -1]] if before else []

    def allow_names(self, count: int, span: Span, kind: str) -> None:
        """Raise OverBudget after reporting that a model has too many inputs, outputs or devices."""
        if count > MAX_NAMES:
            self.problems.report(codes.TOO_MANY_NAMES, span, f"a model has at most {MAX_NAMES:,} {kind}")
            raise OverBudget

    def allows(self, answers: Answers, span: Span) -> bool:
        """Return whether the result and the weights of a step are within bounds, and report it otherwise."""
        if answers in self.allowed:
            return True
        if not (self._allows_shape(answers.shape, span) and self._allows_weights(answers, span)):
            return False
        self.allowed.add(answers)
        return True

    def _allows_shape(self, shape: Shape, span: Span) -> bool:
        """Return whether the size of a tensor is within bounds, and report it otherwise."""
        if shape.rank > MAX_AXES:
            label = f"this would have {shape.rank} axes, and at most {MAX_AXES} are allowed"
            self.problems.report(codes.TOO_MANY_AXES, span, label)
            return False
        if prod(shape.plain().dims) < MAX_ELEMENTS:
            return True
        self.problems.report(codes.NUMBER_TOO_LARGE, span, f"{shape} has more than 2**59 elements", help=_SMALLER)
        return False

    def _allows_weights(self, answers: Answers, span: Span) -> bool:
        """Return whether the weights and tables of a layer are within bounds, and report it otherwise."""
        buffers = (prod(sizes) for _, sizes in answers.buffer_sizes)
        if max(answers.params, *buffers, 0) < MAX_ELEMENTS:
            return True
        self.problems.report(codes.NUMBER_TOO_LARGE, span, "its weights have more than 2**59 elements", help=_SMALLER)
        return False
