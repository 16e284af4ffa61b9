"""The walk over statements, chains and steps: each is bound, checked and added to the graph."""

import re
from collections.abc import Mapping
from functools import partial
from typing import assert_never

from archdsl.base.guards import recording
from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate import blocks, control, diagnostics, forms, operators, sharing, towers
from archdsl.elaborate.arguments import Binder, Bound
from archdsl.elaborate.assertions import assertion
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.decisions import decided, within
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.labels import labels
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.naming import child_name, report_label
from archdsl.elaborate.repeats import Repeats, enter_label, repeats
from archdsl.elaborate.scopes import Children, Scope
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import ERROR, ErrorValue
from archdsl.elaborate.walk import GraphParts, Made, Unfolded, single, stopped
from archdsl.ir.graph import ChildNaming, Container, Node, Path
from archdsl.ir.origin import Origin
from archdsl.ops.argument_types import shown
from archdsl.ops.reasons import ShapeError
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import Below

# Units of work for an operation and a submodule, beside those for their statements.
_OPERATION, _SUBMODULE = 10, 8


# The names that a statement of another language gives values to.
_BINDS = re.compile(r"\s*(?:for\s+([\w\s,]+?)\s+in\b|(?:let\s+|var\s+|const\s+)?(\w+)\s*=(?!=))").match


class Steps:
    """Unfolds statements, and collects the parts of the graph. It implements `Walk`."""

    def __init__(self, problems: Problems, limits: Limits, main: Source, shapes: Mapping[str | None, Shape]) -> None:
        self.main = main
        self.shapes = shapes
        self.problems = problems
        self.budget = Budget(problems, limits)
        self.evaluator = Evaluator(problems, limits, partial(decided, self))
        self.binder = Binder(self.evaluator, problems)
        self.parts = GraphParts()
        self.labels: dict[int, frozenset[str]] = {}
        self.origin: Origin | None = None
        self.reads_map_sizes: dict[int, bool] = {}

    def afresh(self, problems: Problems, limits: Limits) -> "Steps":
        """Return a walk that unfolds a part of the net apart from everything else."""
        made = Steps(problems, limits, self.main, {})
        made.labels, made.reads_map_sizes = self.labels, self.reads_map_sizes
        return made

    # statements

    def body(self, statements: tuple[ast.Statement, ...], scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold the statements of a body."""
        made: Made = []
        for number, statement in enumerate(statements):
            scope, (more, cursor) = self.statement(statement, scope, cursor, Below(statements, number + 1))
            made += more
        return Unfolded(made, cursor)

    def statement(self, statement: ast.Statement, scope: Scope, cursor: Cursor, below: Below) -> tuple[Scope, Unfolded]:
        """Unfold a statement, and return the scope of the statements `below` with the result."""
        self.budget.count_work(statement.span)
        match statement:
            case ast.Chain():
                return scope, self.chain(statement, scope, cursor)
            case ast.Set():
                return self.binder.with_set(statement, scope, cursor, below), Unfolded([], cursor)
            case ast.Assert():
                found = assertion(statement, scope, cursor, self.problems.notes, self.evaluator.limits)
                self.parts.assertions.append(found)
            case ast.For() | ast.If():
                return scope, control.unfolded(self, statement, scope, cursor, self.body)
            case ast.Broken():
                names = _bound(statement.span.text)
                return scope.with_values(dict.fromkeys(names, ERROR)) if names else scope, stopped(cursor)
            case ast.Output():
                label = "only the model that is built has outputs, not its parts"
                help = (
                    "a part returns one tensor, its last: join two with `concat` or `stack`, or label a step to read it"
                )
                self.problems.report(codes.BAD_OUTPUT, statement.span, label, help=help)
            case ast.Input() | ast.Devices():
                label, help = "this belongs in the body of the model", "move it to the top of the model"
                self.problems.report(codes.MISPLACED, statement.span, label, help=help)
            case _:
                assert_never(statement)
        return scope, Unfolded([], cursor)

    # chains

    def chain(self, chain: ast.Chain, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold the steps of a chain."""
        if len(chain.steps) == 1:
            return self.step(chain.steps[0], scope, cursor)
        made: Made = []
        for step in chain.steps:
            more, cursor = self.step(step, scope, cursor)
            made += more
        return Unfolded(made, cursor)

    def step(self, step: ast.Step, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold a step with its repetitions."""
        self.budget.count_work(step.span)
        found = repeats(self, step, scope, cursor)
        if found is None:
            found, cursor = Repeats((None,), 1), cursor.error()
        if not found.labels:
            return Unfolded([], cursor)
        made: Made = []
        outer, nodes = self.origin, self.parts.nodes
        for number, label in enumerate(found.each()):
            before = len(nodes)
            # Not `within`, which takes longer, and every step comes here. An exception ends the elaboration.
            self.origin = Origin(outer, step.span, number, found.test)
            more, cursor = self.unit(step, label, scope, cursor)
            made += more
            if label:
                enter_label(step, label, scope, cursor, more)
            if cursor.failed:
                break
            if len(nodes) == before:
                self.budget.count_idle(step.span)
        self.origin = outer
        if step.shape:
            cursor = diagnostics.check_shape(self, step.shape, scope, cursor)
        return Unfolded(made, cursor)

    def unit(self, step: ast.Step, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold a step once."""
        unit = step.unit
        if isinstance(unit, ast.Call):
            return self._call(unit, label, scope, cursor)
        if label:
            report_label(self.problems, step, label)
        with self.budget.nested(unit.span):
            match unit:
                case ast.Group():
                    return self.chain(unit.chain, scope, cursor)
                case ast.Braces() if label is None and not scope.children.names_all:
                    return self.body(unit.body, scope, cursor)
                case ast.Braces() | ast.Numbered():
                    return self._container(unit, label, scope, cursor, step.span)
                case ast.Merge():
                    return forms.merge(self, unit, label, scope, cursor)
                case ast.Residual():
                    return forms.residual(self, unit, label, scope, cursor)
                case ast.On():
                    return forms.on(self, unit, scope, cursor)
                case ast.Towers():
                    return towers.group(self, unit, scope, cursor)
                case ast.Reference():
                    return forms.restart(self, unit, scope, cursor)
                case ast.Share():
                    return sharing.share(self, unit, scope, cursor)
                case _:
                    assert_never(unit)

    def _container(
        self, unit: ast.Braces | ast.Numbered, label: ast.Name | None, scope: Scope, cursor: Cursor, span: Span
    ) -> Unfolded:
        """Return the submodule of `{ }` or `[ ]`; an empty one is left out."""
        numbered = isinstance(unit, ast.Numbered)
        if label is None and not scope.children.names_all:
            bracket = Span(unit.span.source, unit.span.start, unit.span.start + 1)
            self.problems.report(codes.NEEDS_LABEL, bracket, help="write a label before it: `features: [ … ]`")
        self.budget.count_work(unit.span, _SUBMODULE)
        path = (*scope.path, child_name(self.problems, label, "layers", scope.children))
        known = () if numbered else self.labels_in(unit, scope)
        children = Children(numbered=numbered, labels=known, outer=scope.children)
        made, after = self.body(unit.body, scope.within(path, children), cursor)
        if not made:
            scope.children.take_back()
            return Unfolded([], after)
        before, end = cursor.stream, single(self, after, unit.span)
        if not isinstance(before, Tensor) or end is None:
            return stopped(after)
        kind = ChildNaming.NUMBERED if numbered else ChildNaming.NAMED
        container = Container(
            path, kind, tuple(made), span, before.source, before.shape, end.source, end.shape, origin=self.origin
        )
        return Unfolded([container], after)

    def labels_in(self, unit: ast.Braces | ast.Numbered | ast.Towers, scope: Scope) -> set[str]:
        """Return the labels of the children of a container."""
        found = labels(unit.body, scope.block)
        self.budget.count_work(unit.span, found.visited)
        return found.texts

    # calls

    def _call(self, call: ast.Call, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold a call. Its origin says which parameter of the block is called, if one is."""
        argument = scope.aliases.get(call.name.text) if scope.aliases else None
        if argument is None:
            return self._called(call, label, scope, cursor)
        value = scope.values.get(call.name.text)
        is_body = isinstance(value, Defined) and not value.is_operator
        with within(self, call.span, argument="" if is_body else argument):
            return self._called(call, label, scope, cursor)

    def _called(self, call: ast.Call, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
        """Unfold the call of an operator or block, or the name of a tensor."""
        found = operators.callee(call.name, scope)
        if found is None:
            if call.name.text == towers.EXCHANGE:
                return towers.misplaced_exchange(self, call, cursor)
            if call.name.text == forms.SPLIT:
                return forms.split(self, call, label, scope, cursor)
            return operators.operator(self, call, None, label, scope, cursor)
        match found:
            case type():
                return operators.operator(self, call, found, label, scope, cursor)
            case Defined():
                return blocks.call(self, call, found, label, scope, cursor)
            case Tensor():
                return Unfolded([], cursor.at(found))
            case operators.NoStep():
                label_ = f"`{call.name.text}` is {shown(found.value)}"
                self.problems.report(codes.NOT_A_STEP, call.name.span, label_)
                return stopped(cursor)
            case ErrorValue.ERROR:
                return stopped(cursor)
            case _:
                assert_never(found)

    def place(
        self, bound: Bound, path: Path, inputs: tuple[Tensor, ...], scope: Scope, cursor: Cursor, *, labelled: bool
    ) -> Unfolded:
        """Add the node of an operator to the graph; its output becomes the stream."""
        op, span = bound.op, bound.call.span
        self.budget.count_operation(span)
        self.budget.count_work(span, _OPERATION + len(inputs) + len(path) // 2)
        shapes = tuple([tensor.shape for tensor in inputs])
        try:
            found = bound.apply(shapes, tuple([tensor.role for tensor in inputs]))
        except ShapeError as error:
            diagnostics.report_shape_error(self, bound, error.reason, inputs)
            return stopped(cursor)
        answers = found.answers
        with recording(None):
            if not self.budget.allows(answers, span):
                return stopped(cursor)
        if not diagnostics.accepts_inputs(self, bound, inputs):
            return stopped(cursor)
        sources = tuple([tensor.source for tensor in inputs])
        shapes, shape = answers.inputs, answers.shape
        node = Node(
            path, op, sources, shapes, shape, span, cursor.device, labelled,
            tower=cursor.tower, origin=self.origin, _answers=answers,
        )  # fmt: skip
        with recording(None):
            diagnostics.warn(self, node, bound, found.advice, scope, found.role_advice)
        self.parts.nodes[path] = node
        self.parts.roles[path] = found.role
        return Unfolded([node], cursor.at(Tensor(path, shape, found.role)))


def _bound(text: str) -> list[str]:
    """Return the names that a statement which could not be parsed would have given values to."""
    found = _BINDS(text[:300])
    return re.findall(r"[A-Za-z_]\w*", found[1] or found[2]) if found else []
