"""Chains, containers and repetition: every step is bound, judged and put into the graph."""

from collections.abc import Iterator

from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate import provenance
from archdsl.elaborate.arguments import Binder, Bound
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.reserved import free_label, why_no_label
from archdsl.elaborate.scopes import Children, Default, Defaults, Names
from archdsl.elaborate.values import HOLE
from archdsl.ir import Claim, Container, Input, Kind, Node, Path
from archdsl.ops.kinds import is_int, shown
from archdsl.ops.reasons import Misfit, WindowDoesNotFit
from archdsl.shape import Shape
from archdsl.source import Span
from archdsl.symbolic import parameters_of
from archdsl.syntax import ast


class TooManyOperations(Exception):
    """Ends unfolding at the bound."""


class Steps:
    """Unfolds the body of a model. After a mistake the stream is a hole: steps are bound, and no longer judged."""

    def __init__(self, names: Names, problems: Problems, limits: Limits) -> None:
        self.names = names
        self.problems = problems
        self.limits = limits
        self.evaluator = Evaluator(names, problems)
        self.binder = Binder(self.evaluator, problems)
        self.inputs: list[Input] = []
        self.history: list[Node] = []
        self.claims: list[Claim] = []
        self.source: Path = ()
        self.begun = False
        self.idle = 0

    # statements

    def body(
        self, statements: tuple[ast.Statement, ...], path: Path, children: Children, defaults: Defaults
    ) -> list[Node | Container]:
        """Return what the statements of a body unfold to."""
        made: list[Node | Container] = []
        for number, statement in enumerate(statements):
            match statement:
                case ast.Chain():
                    made += self.chain(statement, path, children, defaults)
                case ast.Set():
                    self.set(statement, defaults, statements[number + 1 :])
                case ast.Assert():
                    self.claims.append(Claim(statement.test, self._claim_names(statement.test)))
                case ast.Input():
                    self.input(statement, path)
                case ast.Broken():
                    self.names.hole = True
        return made

    def _claim_names(self, test: ast.Expr) -> dict[str, object]:
        values = dict(self.names.values)
        stream = self.names.stream
        if stream is not None:
            values["shape"] = stream.dims
            values["channels"] = stream.channels
            if stream.rank > 1:
                values["width"] = stream.dims[-1]
            if stream.rank > 2:
                values["height"] = stream.dims[-2]
        return values

    def set(self, statement: ast.Set, defaults: Defaults, below: tuple[ast.Statement | ast.Model, ...]) -> None:
        """Enter the defaults of a `set` statement."""
        called = {call.name.text for part in below for call in calls(part)}
        for setting in statement.settings:
            op = self.binder.operator(setting.name)
            if op is None:
                continue
            given = self.binder.given(op, setting, positional=0)
            if given is None:
                continue
            if op.name not in called:
                help = "move it above the calls that it is for, or leave it out"
                self.problems.report(codes.UNUSED_SET, setting.span, f"no `{op.name}` follows", help=help)
            for name, default in given.items():
                defaults.given[op.name, name] = Default(default.value, default.span)

    def input(self, statement: ast.Input, path: Path) -> None:
        """Start the stream."""
        if path or self.begun:
            self.problems.report(codes.INPUT_TOO_LATE, statement.span, help="move it to the top of the model")
            return
        if self.inputs:
            earlier = Label(self.inputs[0].span, "the stream starts here")
            self.problems.report(codes.ONE_INPUT, statement.span, secondary=(earlier,))
            return
        sizes = self.sizes(statement.shape)
        if sizes is None or not self._usable_input(statement.name):
            self.names.hole = True
        self.names.stream = Shape(sizes or (1,))
        self.inputs.append(Input(statement.name.text, self.names.stream, statement.span))
        self.source = self.inputs[0].path

    def _usable_input(self, name: ast.Name) -> bool:
        from archdsl.elaborate.reserved import why_no_parameter

        why = why_no_parameter(name.text)
        if why:
            self.problems.report(codes.RESERVED_NAME, name.span, why, help=f"call it `{name.text}_in`, say")
        return not why

    def sizes(self, shape: ast.ShapeOf) -> tuple[int, ...] | None:
        """Return the sizes of a written shape, or None after reporting what is wrong."""
        sizes: list[int] = []
        for dim in shape.dims:
            value = self.evaluator.value(dim.value)
            if value is HOLE:
                return None
            if not is_int(value) or value < 1:  # type: ignore[operator]
                label = f"a size is a whole number of at least 1, not {shown(value)}"
                self.problems.report(codes.BAD_SHAPE, dim.value.span, label)
                return None
            sizes.append(value)  # type: ignore[arg-type]
        return tuple(sizes)

    # steps

    def chain(self, chain: ast.Chain, path: Path, children: Children, defaults: Defaults) -> list[Node | Container]:
        """Return what the steps of a chain unfold to."""
        made: list[Node | Container] = []
        for step in chain.steps:
            self.begun = True
            for _ in range(self.count(step)):
                before = len(self.history)
                made += self.unit(step, path, children, defaults)
                if self.names.hole:
                    break
                if len(self.history) == before:
                    self._count_idle(step.span)
            if step.shape:
                self.judge_shape(step.shape)
        return made

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
        if step.label and value > 1 and isinstance(step.unit, ast.Group):
            return 1
        if step.label and value > 1:
            label = f"the label would stand {value} times"
            help = "leave the label out inside of `[ ]`, where children are numbered"
            self.problems.report(codes.LABEL_TWICE, step.label.span, label, help=help)
            return 1
        return value

    def unit(self, step: ast.Step, path: Path, children: Children, defaults: Defaults) -> list[Node | Container]:
        """Return what one step unfolds to, once."""
        match step.unit:
            case ast.Call():
                node = self.call(step, step.unit, path, children, defaults)
                return [node] if node else []
            case ast.Group():
                if step.label:
                    help = "write `{ … }` or `[ … ]` for a submodule of this name"
                    self.problems.report(codes.LABEL_ON_GROUP, step.label.span, help=help)
                return self.chain(step.unit.chain, path, children, defaults)
            case ast.Braces() if step.label is None and not children.numbered:
                return self.body(step.unit.body, path, children, Defaults(defaults))
            case ast.Braces() | ast.Numbered():
                made = self.container(step, step.unit, path, children, defaults)
                return [made] if made else []

    def container(
        self,
        step: ast.Step,
        unit: ast.Braces | ast.Numbered,
        path: Path,
        children: Children,
        defaults: Defaults,
    ) -> Container | None:
        """Return the submodule that `{ }` or `[ ]` makes: none where there is nothing in it."""
        numbered = isinstance(unit, ast.Numbered)
        if step.label is None and not children.numbered:
            bracket = Span(unit.span.source, unit.span.start, unit.span.start + 1)
            self.problems.report(codes.NEEDS_LABEL, bracket, help="write a label before it: `features: [ … ]`")
        name = self.name(step, "layers", children)
        inner = Children(numbered=numbered, labels=() if numbered else labels(unit.body))
        made = self.body(unit.body, (*path, name), inner, Defaults(defaults))
        if not made:
            children.take_back()
            return None
        kind = Kind.NUMBERED if numbered else Kind.NAMED
        return Container((*path, name), kind, tuple(made), step.span)

    def name(self, step: ast.Step, operator: str, children: Children) -> str:
        """Return the name of a child, after checking that its label can be one."""
        if step.label is None:
            return children.next_name(operator)
        label = step.label
        if children.numbered:
            help = "leave the label out, or write `{ … }` around the steps"
            self.problems.report(codes.LABEL_IN_NUMBERED, label.span, help=help)
            return children.next_name(operator)
        why = why_no_label(label.text)
        if why:
            self.problems.report(codes.RESERVED_NAME, label.span, why, help=f"call it `{free_label(label.text)}`, say")
        if label.text in children.places:
            self._report_twice(label, children.places[label.text])
            return label.text
        children.places[label.text] = label.span
        return label.text

    def _report_twice(self, label: ast.Name, first: Span) -> None:
        if first == label.span:
            help = "leave the label out, and write `[ … ]` around the steps"
            self.problems.report(codes.LABEL_TWICE, label.span, "this step is repeated with its label", help=help)
            return
        earlier = Label(first, "first here")
        help = f"call it `{label.text}_2`, say"
        self.problems.report(codes.LABEL_TWICE, label.span, secondary=(earlier,), help=help)

    def call(self, step: ast.Step, call: ast.Call, path: Path, children: Children, defaults: Defaults) -> Node | None:
        """Return the node of an operator, or None where it has none: the stream is a hole from there on."""
        bound = self.binder.bind(call, defaults)
        name = self.name(step, call.name.text, children)
        if bound is None:
            self.names.hole = True
        stream = self.names.stream
        if bound is None or self.names.hole or stream is None:
            return None
        self._count_operation(call.span)
        try:
            shape = bound.op.shape(stream)
        except Misfit as misfit:
            self._report_misfit(bound, misfit)
            self.names.hole = True
            return None
        if not self._bounded(shape, call.span):
            return None
        node = Node((*path, name), bound.op, (self.source,), (stream,), shape, call.span)
        self._warn(node, bound, labelled=step.label is not None or children.numbered)
        self._move(node)
        return node

    def _move(self, node: Node) -> None:
        self.history.append(node)
        self.source = node.path
        self.names.stream = node.shape

    def _count_operation(self, span: Span) -> None:
        if len(self.history) >= self.limits.operations:
            most = self.limits.operations
            label = f"this would be operation {len(self.history) + 1:,}, and at most {most:,} are made"
            help = "raise the bound with --max-operations"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help=help)
            raise TooManyOperations

    def _count_idle(self, span: Span) -> None:
        """Count a step that made nothing, so that repeating it ends too."""
        self.idle += 1
        if self.idle > self.limits.operations:
            label = f"this would be step {self.idle:,} that makes no operation"
            self.problems.report(codes.TOO_MANY_OPERATIONS, span, label, help="repeat it less often")
            raise TooManyOperations

    def _bounded(self, shape: Shape, span: Span) -> bool:
        if int(shape.volume) < 2**63:
            return True
        self.problems.report(codes.NUMBER_TOO_LARGE, span, f"{shape} has more than 2**63 elements")
        self.names.hole = True
        return False

    def _warn(self, node: Node, bound: Bound, *, labelled: bool) -> None:
        for reason in bound.op.advice(node.input):
            self.problems.report(reason.code, bound.place(reason), reason.label(), help=reason.help())
        if node.params and not labelled:
            help = f"write `{node.path[-1]}: {bound.call.name.text}…`, or another name for it"
            label = f"its weights are called `{'.'.join(node.path)}`"
            self.problems.report(codes.UNLABELLED, bound.call.name.span, label, help=help)

    def _report_misfit(self, bound: Bound, misfit: Misfit) -> None:
        reason = misfit.reason
        given = self.inputs[0] if self.inputs else None
        notes: tuple[str, ...] = ()
        help = reason.help()
        if isinstance(reason, WindowDoesNotFit):
            notes = provenance.shrinking(self.history, given)
            lines = provenance.pools(self.history)
            if lines and help:
                help += f", or drop {_one_of_the_pools(lines)}"
        secondary = () if notes or not reason.about_stream else provenance.last_change(self.history, given)
        if reason.at in bound.defaults:
            secondary = (*secondary, Label(bound.defaults[reason.at], f"`{reason.at}` comes from here"))
        self.problems.report(
            reason.code, bound.place(reason), reason.label(), notes=notes, secondary=secondary, help=help
        )

    def judge_shape(self, stated: ast.ShapeOf) -> None:
        """Compare a stated shape with the stream."""
        sizes = self.sizes(stated)
        stream = self.names.stream
        if sizes is None or stream is None or self.names.hole:
            return
        for size in sizes:
            self.names.pinned |= parameters_of(size)
        if sizes == stream.dims:
            return
        given = self.inputs[0] if self.inputs else None
        self.problems.report(
            codes.SHAPE_DIFFERS,
            stated.span,
            f"the stream is {stream} here",
            secondary=provenance.last_change(self.history, given),
            help=f"write `:: {stream}`, or change a step before it",
        )


def _one_of_the_pools(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"the pool on line {lines[0]}"
    return "one of the pools on lines " + ", ".join(map(str, lines[:-1])) + f" and {lines[-1]}"


def calls(part: ast.Statement | ast.Model) -> Iterator[ast.Call]:
    """Yield all calls of operators that are written in a part of a program."""
    match part:
        case ast.Model():
            for statement in part.body:
                yield from calls(statement)
        case ast.Chain():
            for step in part.steps:
                match step.unit:
                    case ast.Call():
                        yield step.unit
                    case ast.Group():
                        yield from calls(step.unit.chain)
                    case ast.Braces() | ast.Numbered():
                        for statement in step.unit.body:
                            yield from calls(statement)
        case _:
            return


def labels(body: tuple[ast.Statement, ...]) -> Iterator[str]:
    """Yield the labels that name children of a body: those in groups and unlabelled braces too."""
    for statement in body:
        if not isinstance(statement, ast.Chain):
            continue
        for step in statement.steps:
            if step.label:
                yield step.label.text
            if isinstance(step.unit, ast.Group):
                yield from labels((step.unit.chain,))
            elif isinstance(step.unit, ast.Braces) and step.label is None:
                yield from labels(step.unit.body)
