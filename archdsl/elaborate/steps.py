"""Statements, chains and steps: each is bound, judged and put into the graph.

After a mistake the stream is a hole: steps are bound, and no longer judged.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate import blocks, control, forms, sharing
from archdsl.elaborate import diagnostics as judging
from archdsl.elaborate.arguments import Binder, Bound
from archdsl.elaborate.ast_queries import labels
from archdsl.elaborate.budget import Bounds
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.scopes import Children, Defaults, Labelled, Names, Site
from archdsl.elaborate.streams import Bundle, Defined, Tensor
from archdsl.elaborate.suggestions import nearest, suggestion
from archdsl.elaborate.values import HOLE
from archdsl.ir.graph import Assertion, ChildNaming, Container, Input, Node, Path
from archdsl.ops import all_ops, lookup
from archdsl.ops.argument_types import is_int, shown
from archdsl.ops.base import Merge, Op
from archdsl.ops.reasons import ShapeError
from archdsl.syntax import ast

Made: TypeAlias = list[Node | Container]
EXCHANGE, SPLIT = "exchange", "split"


@dataclass(frozen=True, slots=True)
class NoStep:
    """What a name in a chain means that is a parameter, and nothing that a stream can go through."""

    value: object


class Steps:
    """Unfolds statements in the scope of `names`, which changes where a block is entered."""

    def __init__(
        self, names: Names, problems: Problems, limits: Limits, main: Source, shapes: Mapping[str | None, Shape]
    ) -> None:
        self.main = main
        self.shapes = shapes
        self.problems = problems
        self.bounds = Bounds(problems, limits)
        self.evaluator = Evaluator(names, problems, limits)
        self.binder = Binder(self.evaluator, problems)
        self.inputs: list[Input] = []
        self.nodes: dict[Path, Node] = {}
        self.readers: dict[Path, tuple[bool, ast.Call]] = {}
        self.assertions: list[Assertion] = []
        self.devices: list[str] = []
        self.used: dict[int, tuple[Defined, set[str]]] = {}

    @property
    def names(self) -> Names:
        """The names of the model or block whose body unfolds."""
        return self.evaluator.names

    @contextmanager
    def within(self, names: Names, note: str | None = None) -> Iterator[None]:
        """Unfold in the scope of other names; what is reported meanwhile carries the note."""
        before, self.evaluator.names = self.names, names
        try:
            with self.problems.noting(note):
                yield
        finally:
            self.evaluator.names = before

    # statements

    def body(self, statements: tuple[ast.Statement, ...], site: Site) -> Made:
        """Return what the statements of a body unfold to."""
        before, self.names.children = self.names.children, site.children
        made: Made = []
        for number, statement in enumerate(statements):
            made += self.statement(statement, site, statements[number + 1 :])
        self.names.children = before
        return made

    def statement(self, statement: ast.Statement, site: Site, below: tuple[ast.Statement, ...]) -> Made:
        """Return what one statement unfolds to."""
        match statement:
            case ast.Chain():
                return self.chain(statement, site)
            case ast.Set():
                self.binder.enter(statement, site.defaults, below)
            case ast.Assert():
                self.assertions.append(self._assertion(statement, site.path))
            case ast.For() | ast.If():
                return [each for body in control.bodies(self, statement) for each in self.body(body, site.inner())]
            case ast.Broken():
                self.names.hole = True
            case ast.Input() | ast.Output() | ast.Devices():
                self._report_misplaced(statement)
        return []

    def _report_misplaced(self, statement: ast.Input | ast.Output | ast.Devices) -> None:
        if isinstance(statement, ast.Output):
            label = "outputs belong to the model that is built, not to a part of it"
            self.problems.report(codes.BAD_OUTPUT, statement.span, label)
            return
        help = "move it to the top of the model"
        self.problems.report(codes.MISPLACED, statement.span, "this belongs to the model itself", help=help)

    def _assertion(self, statement: ast.Assert, path: Path) -> Assertion:
        stream: dict[str, object] = {}
        shape = self.names.shape
        if shape is not None and not self.names.hole:
            stream |= {"shape": shape.dims, "channels": shape.channels}
            if shape.rank > 1:
                stream["width"] = shape.dims[-1]
            if shape.rank > 2:
                stream["height"] = shape.dims[-2]
        return Assertion(statement.test, stream | self.names.values, path, self.problems.notes)

    # chains

    def chain(self, chain: ast.Chain, site: Site) -> Made:
        """Return what the steps of a chain unfold to."""
        made: Made = []
        for step in chain.steps:
            made += self.step(step, site)
        return made

    def step(self, step: ast.Step, site: Site) -> Made:
        """Return what a step unfolds to, with its repetitions."""
        made: Made = []
        if step.condition is not None:
            test = self.evaluator.truth(step.condition)
            if not isinstance(test, bool):
                self.names.hole = True
            elif not test:
                return []
        for label in self.labels(step.label):
            for _ in range(self.count(step)):
                before = len(self.nodes)
                found = self.unit(step, label, site)
                made += found
                if self.names.hole:
                    break
                if len(self.nodes) == before:
                    self.bounds.count_idle(step.span)
                if label and isinstance(self.names.stream, Tensor):
                    self._enter_label(step, label, site, found)
        if step.shape:
            judging.judge_shape(self, step.shape)
        return made

    def labels(self, label: ast.Label | None) -> list[ast.Name | None]:
        """Return the labels of a step, one for each time that it is taken; a single None if it has none."""
        if label is None:
            return [None]
        texts = self.evaluator.label_texts(label)
        if texts is None:
            self.names.hole = True
            return [None]
        return [ast.Name(text, label.span) for text in texts]

    def _enter_label(self, step: ast.Step, label: ast.Name, site: Site, made: Made) -> None:
        stream = self.names.stream
        assert isinstance(stream, Tensor)
        child = next((each for each in made if each.path == (*site.path, label.text)), None)
        values = dict(self.names.values)
        site.children.labelled[label.text] = Labelled(stream, step, site, values, label.span, child)

    def count(self, step: ast.Step) -> int:
        """Return how often a step is repeated."""
        if step.times is None:
            return 1
        value = self.evaluator.structural(step.times)
        if value is HOLE:
            return 1
        if not is_int(value) or value < 0:  # type: ignore[operator]
            help = "give a whole number of at least 0"
            self.problems.report(codes.BAD_COUNT, step.times.span, f"{shown(value)} times", help=help)
            return 1
        assert isinstance(value, int)
        if step.label and value > 1:
            if not isinstance(step.unit, ast.Group):
                label = f"the label would stand {value} times"
                help = "leave the label out inside of `[ ]`, where children are numbered, or write `block{1..n}: …`"
                self.problems.report(codes.LABEL_TWICE, step.label.span, label, help=help)
            return 1
        return value

    def unit(self, step: ast.Step, label: ast.Name | None, site: Site) -> Made:
        """Return what one step unfolds to, once."""
        unit = step.unit
        if label and isinstance(unit, ast.Group | ast.On | ast.Lanes | ast.Reference | ast.Share):
            help = "write `{ … }` or `[ … ]` for a submodule of this name"
            self.problems.report(codes.LABEL_ON_GROUP, label.span, help=help)
        if isinstance(unit, ast.Call):
            return self.call(unit, label, site)
        with self.bounds.nested(unit.span):
            return self._nested(unit, label, site, step.span)

    def _nested(self, unit: ast.Unit, label: ast.Name | None, site: Site, span: Span) -> Made:
        match unit:
            case ast.Call():
                return self.call(unit, label, site)
            case ast.Group():
                return self.chain(unit.chain, site)
            case ast.Braces() if label is None and not site.children.names_all:
                return self.body(unit.body, site.inner())
            case ast.Braces() | ast.Numbered():
                return self.container(unit, label, site, span)
            case ast.Merge():
                return forms.merge(self, unit, label, site)
            case ast.Residual():
                return forms.residual(self, unit, label, site)
            case ast.On():
                return forms.on(self, unit, site)
            case ast.Lanes():
                return forms.lanes(self, unit, site)
            case ast.Reference():
                return self.restart(unit)
            case ast.Share():
                return sharing.share(self, unit, site)

    def restart(self, reference: ast.Reference) -> Made:
        """Go on with the result of another step."""
        tensor = self.evaluator.value(reference)
        if isinstance(tensor, Tensor):
            self.names.stream = tensor
        else:
            self.names.hole = True
        return []

    def container(
        self, unit: ast.Braces | ast.Numbered, label: ast.Name | None, site: Site, span: Span
    ) -> list[Node | Container]:
        """Return the submodule that `{ }` or `[ ]` makes: none where there is nothing in it."""
        numbered = isinstance(unit, ast.Numbered)
        if label is None and not site.children.names_all:
            bracket = Span(unit.span.source, unit.span.start, unit.span.start + 1)
            self.problems.report(codes.NEEDS_LABEL, bracket, help="write a label before it: `features: [ … ]`")
        path = (*site.path, child_name(self.problems, label, "layers", site.children))
        known = () if numbered else labels(unit.body, self.names.blocks)
        children = Children(numbered=numbered, labels=known, outer=site.children)
        before = self.names.stream
        made = self.body(unit.body, Site(path, children, Defaults(site.defaults)))
        if not made:
            site.children.take_back()
            return []
        after = self.single(unit.span)
        if not isinstance(before, Tensor) or after is None:
            return []
        kind = ChildNaming.NUMBERED if numbered else ChildNaming.NAMED
        return [Container(path, kind, tuple(made), span, before.source, before.shape, after.source, after.shape)]

    def single(self, span: Span) -> Tensor | None:
        """Return the stream, or None where there is none; several streams are reported."""
        if self.names.hole or self.names.stream is None:
            return None
        if isinstance(self.names.stream, Bundle):
            count = len(self.names.stream.lanes)
            help = "bring them together with `concat` or `add`"
            self.problems.report(codes.SEVERAL_STREAMS, span, f"{count} streams flow here", help=help)
            self.names.hole = True
            return None
        return self.names.stream

    # calls

    def call(self, call: ast.Call, label: ast.Name | None, site: Site) -> Made:
        """Return what the call of an operator or block, or the name of a tensor, unfolds to."""
        callee = self.callee(call.name)
        if isinstance(callee, Defined):
            return blocks.call(self, call, callee, label, site)
        if isinstance(callee, Tensor):
            self.names.stream = callee
            return []
        if isinstance(callee, NoStep):
            self.problems.report(codes.NOT_A_STEP, call.name.span, f"`{call.name.text}` is {shown(callee.value)}")
            self.names.hole = True
            return []
        if callee is None and call.name.text in (EXCHANGE, SPLIT):
            return forms.special(self, call, label, site)
        return self.operator(call, callee, label, site)

    def callee(self, name: ast.Name) -> type[Op] | Defined | Tensor | NoStep | None:
        """Return what a name means where a step can stand; None where it means nothing. Nothing is reported."""
        if name.text in self.names.values:
            value = self.names.read(name.text)
            if isinstance(value, Defined | Tensor) or (isinstance(value, type) and issubclass(value, Op)):
                return value
            if lookup(name.text) is None:
                return NoStep(value)
        if name.text in self.names.definitions:
            return self.names.definitions[name.text]
        return lookup(name.text)

    def operator(self, call: ast.Call, op: type[Op] | None, label: ast.Name | None, site: Site) -> Made:
        """Return the node of an operator, or nothing where it has none: the stream is a hole from there on."""
        if op is None and call.name.text[0].isupper():
            self._report_no_block(call)
            return []
        bound = self.binder.bind(call, site.defaults, op)
        is_merge = op is not None and issubclass(op, Merge)
        base = call.name.text if op is None else op.name
        name = child_name(self.problems, label, base, site.children, counts=not is_merge)
        if bound is None:
            self.names.hole = True
            return []
        stream = self.names.stream
        if is_merge and not self.names.hole:
            if isinstance(stream, Bundle):
                return self.place(bound, (*site.path, name), stream.lanes, labelled=True)
            help = f"write `{call.name.text} {{ … }}` with its branches in braces"
            self.problems.report(codes.EMPTY_MERGE, call.span, "one stream flows here", help=help)
            self.names.hole = True
            return []
        tensor = self.single(call.span)
        if tensor is None:
            return []
        labelled = label is not None or site.children.numbered or site.children.fixed is not None
        return self.place(bound, (*site.path, name), (tensor,), labelled=labelled)

    def _report_no_block(self, call: ast.Call) -> None:
        defined = [name for name, value in self.names.values.items() if isinstance(value, Defined)]
        known = [name for name, each in self.names.definitions.items() if each.definition.kind != "model"]
        wanted, operators = call.name.text, [op.name for op in all_ops()]
        near = nearest(wanted, [*known, *defined]) or nearest(wanted, operators)
        near = near or suggestion(wanted, known) or "capitalised names are blocks, and this file defines none"
        definitions = self.names.definitions
        if not (definitions.is_partial or wanted in definitions.lost):
            self.problems.report(codes.NO_SUCH_BLOCK, call.name.span, help=near)
        for arg in call.args:
            self.evaluator.value(arg.value, words=("half", "tf_same", "same"))
        self.names.hole = True

    def place(self, bound: Bound, path: Path, inputs: tuple[Tensor, ...], *, labelled: bool) -> Made:
        """Return the node of a bound operator on these inputs; its result becomes the stream."""
        span = bound.call.span
        self.bounds.count_operation(span)
        shapes = tuple(tensor.shape for tensor in inputs)
        try:
            shape = bound.op.result(shapes)
        except ShapeError as error:
            judging.report_shape_error(self, bound, error.reason, inputs)
            self.names.hole = True
            return []
        if not self.bounds.holds(shape, span) or not judging.reads_what_it_can(self, bound, inputs):
            self.names.hole = True
            return []
        self.names.pin(bound.op.decides(shapes[0]))
        free = bound.op.free_axis if isinstance(bound.op, Merge) else None
        for other in shapes[1:]:
            self.same(shapes[0], other, free=free)
        sources = tuple(tensor.source for tensor in inputs)
        names = self.names
        node = Node(path, bound.op, sources, shapes, shape, span, names.device, labelled, tower=names.tower)
        judging.warn(self, node, bound, labelled=labelled)
        self.nodes[path] = node
        self.names.stream = Tensor(path, shape)
        return [node]

    def same(self, one: Shape, other: Shape, *, free: int | None = None) -> bool:
        """Whether two shapes are equal; what decides about it is pinned, unless it never matters, as on a free axis."""
        for axis, (left, right) in enumerate(zip(one.dims, other.dims, strict=False)):
            if axis == free:
                continue
            meanings = self.names.meaning(left), self.names.meaning(right)
            if not blocks.difference_is_settled(*meanings):  # type: ignore[arg-type]
                self.names.pin((left, right))
        return one.dims == other.dims
