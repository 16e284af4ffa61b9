"""The number of times that a step is applied, and its labels."""

from collections.abc import Iterable
from typing import NamedTuple

from archdsl.diag import codes
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.decisions import tested
from archdsl.elaborate.scopes import Labelled, Scope
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import ERROR, is_whole
from archdsl.elaborate.walk import Made, Walk
from archdsl.ir.origin import Test
from archdsl.ops.argument_types import shown
from archdsl.syntax import ast


class Repeats(NamedTuple):
    """The applications of a step: `times` under each label; None stands for no label. `test` is its condition."""

    labels: tuple[ast.Name | None, ...]
    times: int
    test: Test | None = None

    @property
    def total(self) -> int:
        """Number of applications."""
        return len(self.labels) * self.times

    def each(self) -> Iterable[ast.Name | None]:
        """Return the label of each application."""
        return self.labels if self.times == 1 else (label for label in self.labels for _ in range(self.times))


_ONCE = Repeats((None,), 1)


def repeats(walk: Walk, step: ast.Step, scope: Scope, cursor: Cursor) -> Repeats | None:
    """Return how often a step is applied and under which labels, or None after reporting a problem with them.

    A step whose condition does not hold has no labels.
    """
    test = None
    if step.condition is not None:
        found = tested(walk, step.condition, scope, cursor)
        if found is ERROR:
            return None
        if not found.value:
            return Repeats((), 1)
        test = found
    if step.label is None:
        times = 1 if step.times is None else _count(walk, step, scope, cursor)
        return _ONCE if times == 1 and test is None else Repeats((None,), times, test)
    texts = walk.evaluator.label_texts(step.label, scope, cursor)
    count = _count(walk, step, scope, cursor)
    if texts is None:
        return None
    return Repeats(tuple(ast.Name(text, step.label.span) for text in texts), count, test)


def _count(walk: Walk, step: ast.Step, scope: Scope, cursor: Cursor) -> int:
    """Return how often a step is applied under each of its labels: once after reporting a problem with the count."""
    if step.times is None:
        return 1
    value = walk.evaluator.structural(step.times, scope, cursor)
    if value is ERROR:
        return 1
    if not is_whole(value) or value < 0:
        help = "give an integer of at least 0"
        walk.problems.report(codes.BAD_COUNT, step.times.span, f"{shown(value)} times", help=help)
        return 1
    if step.label and value > 1:
        if not isinstance(step.unit, ast.Group):
            label = f"{value} steps would have this label"
            help = "remove the label inside of `[ ]`, which numbers its children, or write `block{1..n}: …`"
            walk.problems.report(codes.LABEL_TWICE, step.label.span, label, help=help)
        return 1
    return value


def enter_label(step: ast.Step, label: ast.Name, scope: Scope, after: Cursor, made: Made) -> None:
    """Let later steps refer to the output of a labelled step, or to its failure."""
    if isinstance(after.stream, Tensor) or after.stream is ERROR:
        path = (*scope.path, label.text)
        child = next((each for each in made if each.path == path), None) if made else None
        scope.children.labelled[label.text] = Labelled(after.stream, label.span, step, scope, child)
