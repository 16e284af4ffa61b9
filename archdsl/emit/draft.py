"""One class in the making: what its constructor sets and what its `forward` does, before equal classes are one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from archdsl.emit.dataflow import Dataflow
from archdsl.emit.scope import Scope, names_in
from archdsl.emit.variables import Value, named
from archdsl.ir import Container, Kind, Node, Output, Path
from archdsl.ops.base import INPUT, Stateless, Submodule, input_at
from archdsl.pyexpr import Call, Expr, Ref, Sequence, call, mapped
from archdsl.shape import Shape

PENDING = "§"


@dataclass(frozen=True, slots=True)
class Entry:
    """A submodule that the constructor makes: an attribute of this name, or a number in an `nn.Sequential`."""

    name: str
    module: Expr
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A line of `forward`: `variable = expr`, or with `over` the variable that is added to. `path` is what it computes.

    `expr` has references to values, as `_value` makes them.
    """

    path: Path
    value: Path
    expr: Expr
    reads: tuple[Path, ...]
    shape: Shape
    label: str = ""
    lane: str = ""
    is_part: bool = False
    over: Path | None = None
    optional: bool = False
    in_training: bool = False


def value(path: Path) -> Ref:
    """Return what stands for a value in the expressions of statements."""
    return Ref(f"${'.'.join(path)}")


@dataclass(slots=True)
class Draft:
    """The class of one container: a block in one use, the model, or a submodule that is no plain sequence.

    `name` is what the class would be called if no other one were.
    """

    container: Container
    scope: Scope
    number: int
    name: str
    arguments: list[tuple[str, Path]]
    outputs: tuple[Output, ...] = ()
    entries: list[Entry] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    variables: dict[Path, str] = field(default_factory=dict)
    aliases: dict[Path, Expr] = field(default_factory=dict)

    @property
    def is_numbered(self) -> bool:
        """Whether it is an `nn.Sequential` with a `forward` of its own."""
        return self.container.kind is Kind.NUMBERED

    def written(self, expr: Expr) -> Expr:
        """Return an expression of `forward` with variables for values."""

        def change(part: Expr) -> Expr:
            if isinstance(part, Ref) and part.name.startswith("$"):
                return Ref(self.variables[_path(part)])
            return part

        return mapped(expr, change)

    @property
    def applied(self) -> frozenset[str]:
        """The parameters that `forward` reads, so that the constructor has to keep them."""
        found = frozenset[str]().union(*(names_in(each.expr) for each in self.statements))
        return frozenset(name.removeprefix("self.") for name in found)

    @property
    def mentions(self) -> frozenset[str]:
        """The parameters that its code mentions."""
        return self.applied.union(*(names_in(entry.module) for entry in self.entries))

    def origin(self, path: Path) -> Path:
        """Return the value that a step passes on."""
        return _origin(path, self.aliases)

    def shape_of(self, path: Path) -> Shape:
        """Return the shape of a value that comes in or goes out, as the class itself sees it."""
        found = _shape_in(self.container, path)
        assert found is not None
        return found

    def results(self) -> tuple[Path, ...]:
        """Return the values that go out."""
        return tuple(output.path for output in self.outputs) or (self.container.output,)


class Drafts:
    """Makes the drafts of a graph, inner classes first."""

    def __init__(self, flow: Dataflow, scopes: dict[Path, Scope]) -> None:
        self.flow = flow
        self.scopes = scopes
        self.made: list[Draft] = []

    def draft(self, container: Container, scope: Scope, outputs: tuple[Output, ...] = ()) -> Draft:
        """Return the draft of a container's class, after those of the classes that it uses."""
        arguments = self.flow.inputs(container)
        if outputs:
            arguments = [(given.name, given.path) for given in self.flow.graph.inputs]
        name = self.flow.graph.name if outputs else _class_name(container)
        draft = Draft(container, scope, -1, name, arguments, outputs)
        places = self._children(draft, container, ())
        if any(isinstance(child, Container) and child.inline for child in container.children):
            places = _in_order(places, self.flow)
        if not container.inline:
            training = _only_in_training(places, outputs, self.flow)
            for child, prefix in places:
                self._step(draft, child, prefix, in_training=_made(child)[-1] in training)
            self._settle_optional(draft)
            self._name(draft)
        draft.number = len(self.made)
        self.made.append(draft)
        return draft

    def _children(
        self, draft: Draft, container: Container, prefix: tuple[str, ...]
    ) -> list[tuple[Node | Container, tuple[str, ...]]]:
        """Enter the submodules of a container; return the steps of `forward` with the names before theirs."""
        places: list[tuple[Node | Container, tuple[str, ...]]] = []
        for child in container.children:
            if not prefix and not child.weights and self._is_module(child, container):
                expr = self.module(child, draft.scope, draft.container)
                draft.entries.append(Entry(child.path[-1], expr, child.optional))
            if isinstance(child, Container) and child.inline:
                places += self._children(draft, child, (*prefix, child.path[-1]))
            else:
                places.append((child, prefix))
        return places

    def _is_module(self, child: Node | Container, container: Container) -> bool:
        if isinstance(child, Container):
            return True
        emission = child.emission
        if isinstance(emission, Submodule):
            return True
        return container.kind is Kind.NUMBERED and emission.module is not None

    # modules

    def module(self, child: Node | Container, scope: Scope, owner: Container) -> Expr:
        """Return the expression that makes the module of a child."""
        if isinstance(child, Node):
            return scope.expression(self._operator(child, owner))
        if child.use or child.inline or not self.flow.is_chain(child):
            return self._class(child, scope)
        modules = [self.module(each, scope, owner) for each in child.children]
        if child.kind is Kind.NUMBERED:
            return Call("nn.Sequential", tuple(modules))
        pairs = tuple(
            Sequence((each.path[-1], module), "(") for each, module in zip(child.children, modules, strict=True)
        )
        return call("nn.Sequential", call("OrderedDict", Sequence(pairs, "[", exploded=True)))

    def _operator(self, node: Node, owner: Container) -> Call:
        emission = node.emission
        match emission:
            case Submodule():
                made = emission.call
                return Call(made.function, made.args, made.named, ("factory",))
            case Stateless():
                assert emission.module is not None
                in_place = emission.in_place and self.flow.may_overwrite(node.sources[0], owner.path)
                return emission.module.with_named(inplace=True) if in_place else emission.module

    def _class(self, child: Container, scope: Scope) -> Call:
        """Return the call of a class that is not settled yet, with all arguments that it may need by name."""
        if child.use is None:
            inner = self.draft(child, scope)
            named = tuple((name, _own(name, scope.values[name])) for name in sorted(inner.mentions))
        else:
            inner = self.draft(child, self.scopes[child.path])
            named = tuple((given.name, given.value) for given in child.use.arguments if given.name in inner.mentions)
        return Call(f"{PENDING}{inner.number}", (), tuple((name, scope.expression(arg)) for name, arg in named))  # type: ignore[arg-type]

    # forward

    def _step(self, draft: Draft, child: Node | Container, prefix: tuple[str, ...], *, in_training: bool) -> None:
        if isinstance(child, Container):
            reads = tuple(path for _, path in self.flow.inputs(child))
            expr: Expr = Call(self._attribute(draft, child, prefix), tuple(map(value, reads)))
            over = None
            target = child.output if child.output not in reads else child.path
            label = self.flow.outputs.get(target) or _label(child)
        else:
            if self.flow.is_alias(child) and not (draft.is_numbered and not prefix):
                draft.statements.append(Statement(child.path, child.path, value(child.sources[0]), (), child.shape))
                return
            expr, over = self._applied(draft, child, prefix)
            reads, target, label = child.sources, child.path, self.flow.outputs.get(child.path) or _label(child)
        is_part = isinstance(child, Container) and self._is_part(target)
        draft.statements.append(
            Statement(
                child.path,
                target,
                expr,
                reads,
                child.shape,
                label=label,
                lane=prefix[-1] if prefix else "",
                is_part=is_part,
                over=over,
                optional=child.optional,
                in_training=in_training,
            )
        )

    def _is_part(self, path: Path) -> bool:
        """Whether the only reader of a value takes others too."""
        if self.flow.readers[path] != 1:
            return False
        return path in self.flow.parts

    def _applied(self, draft: Draft, node: Node, prefix: tuple[str, ...]) -> tuple[Expr, Path | None]:
        """Return the expression of a node, and the value that it is written over if it is `+=`."""
        emission = node.emission
        inputs = tuple(map(value, node.sources))
        if isinstance(emission, Submodule) or (draft.is_numbered and emission.module is not None):
            return Call(self._attribute(draft, node, prefix), inputs), None
        function = emission.function
        within = draft.container.path
        if emission.in_place and self.flow.may_overwrite(node.sources[0], within):
            assert isinstance(function, Call)
            function = function.with_named(inplace=True)
        over = node.sources[-1] if emission.sums and len(inputs) == 2 and inputs[0] != inputs[1] else None
        if over is not None and self.flow.may_overwrite(over, within) and over[: len(within)] == within:
            return inputs[0], over
        return draft.scope.in_forward(_filled(function, inputs)), None

    def _attribute(self, draft: Draft, child: Node | Container, prefix: tuple[str, ...]) -> Expr:
        name = (child.weights or child.path)[-1]
        if draft.is_numbered and not prefix:
            return Ref(f"self[{[entry.name for entry in draft.entries].index(name)}]")
        return Ref(".".join(("self", *prefix, name)))

    def _settle_optional(self, draft: Draft) -> None:
        """Keep as optional only projections that other uses of the class can leave out; resolve what passes on."""
        alias = {each.path: each.expr for each in draft.statements if not each.reads}
        runs = list(_runs(draft.statements))
        optional: set[Path] = set()
        for run in runs:
            if self._can_be_left_out(draft, run):
                optional |= {each.path for each in run}
                start = run[0].reads[0]
                alias[run[-1].value] = value(start)
        statements = [each for each in draft.statements if each.reads]
        resolved = []
        for each in statements:
            is_optional = each.path in optional
            own = {} if is_optional else alias
            resolved.append(_resolved(each, own, optional=is_optional))
        draft.statements = resolved
        draft.entries = [
            Entry(entry.name, entry.module, (*draft.container.path, entry.name) in optional) for entry in draft.entries
        ]
        draft.aliases = alias

    def _can_be_left_out(self, draft: Draft, run: list[Statement]) -> bool:
        start, value_ = run[0].reads[0], run[0].reads[0]
        entries = {(*draft.container.path, entry.name) for entry in draft.entries}
        for each in run:
            if each.path not in entries or each.reads != (value_,) or (each is not run[0] and self._shared(value_)):
                return False
            value_ = each.value
        later = draft.statements[draft.statements.index(run[-1]) + 1 :]
        return not self._shared(value_) and not any(start in each.reads for each in later)

    def _shared(self, path: Path) -> bool:
        return self.flow.readers[path] > 1

    def _name(self, draft: Draft) -> None:
        """Choose the variables."""
        values = [
            Value(each.value, each.reads, each.label, each.lane, each.is_part, each.over)
            for each in draft.statements
            if not each.optional
        ]
        given = {path: name for name, path in draft.arguments}
        results = frozenset(draft.origin(path) for path in draft.results())
        draft.variables = named(values, given, results)
        for each in draft.statements:
            if each.optional:
                draft.variables[each.value] = draft.variables[draft.origin(each.reads[0])]
        for path in draft.aliases:
            draft.variables[path] = draft.variables[draft.origin(path)]


def _resolved(statement: Statement, alias: dict[Path, Expr], *, optional: bool) -> Statement:
    """Return a statement that reads what others only pass on from where it comes."""

    def change(part: Expr) -> Expr:
        if isinstance(part, Ref) and part.name.startswith("$"):
            return value(_origin(_path(part), alias))
        return part

    over = _origin(statement.over, alias) if statement.over else None
    return replace(
        statement,
        expr=mapped(statement.expr, change),
        reads=tuple(_origin(path, alias) for path in statement.reads),
        over=over,
        optional=optional,
    )


def _class_name(container: Container) -> str:
    """Return what a class would be called: like its block, or after the label of the submodule."""
    if container.use:
        return container.use.block
    label = next((part for part in reversed(container.path) if not part.isdigit()), "")
    if container.inline:
        label = label.rstrip("0123456789")
    return "".join(word[:1].upper() + word[1:] for word in label.split("_")) or "Layers"


def _shape_in(container: Container, path: Path) -> Shape | None:
    """Return the shape that a value has for those in a container who make or read it."""
    for child in container.children:
        if isinstance(child, Node):
            if child.path == path:
                return child.shape
            if path in child.sources:
                return child.inputs[child.sources.index(path)]
            continue
        if child.output == path:
            return child.shape
        if child.source == path:
            return child.input
        found = None if child.use else _shape_in(child, path)
        if found is not None:
            return found
    return container.input if path == container.source else None


def _path(reference: Expr) -> Path:
    assert isinstance(reference, Ref)
    return tuple(reference.name[1:].split("."))


def _origin(path: Path, alias: dict[Path, Expr]) -> Path:
    while path in alias:
        path = _path(alias[path])
    return path


def _runs(statements: list[Statement]) -> Iterator[list[Statement]]:
    """Yield the projections, each a run of optional statements."""
    run: list[Statement] = []
    for statement in statements:
        if statement.optional and statement.reads and (not run or statement.reads == (run[-1].value,)):
            run.append(statement)
            continue
        if run:
            yield run
        run = [statement] if statement.optional and statement.reads else []
    if run:
        yield run


def _filled(expr: Expr, inputs: tuple[Ref, ...]) -> Expr:
    """Return the expression of a function with values in the places of its inputs."""
    places = {INPUT: inputs[0]} | {input_at(number): each for number, each in enumerate(inputs)}
    return mapped(expr, lambda part: places.get(part, part) if isinstance(part, Ref) else part)


def _own(name: str, number: int | float) -> int | float:
    """Return a parameter as itself, to be handed on to a class within."""
    from archdsl.symbolic import TracedFloat, TracedInt

    return TracedInt.parameter(name, number) if isinstance(number, int) else TracedFloat.parameter(name, number)


def _label(child: Node | Container) -> str:
    """Return what the result of a step may be called; what is only called after its operator has no label."""
    name = child.path[-1].replace("@", "_")
    if name.isdigit() or (isinstance(child, Node) and re.sub(r"_\d+$", "", name) == child.op.name):
        return ""
    return name


def _made(child: Node | Container) -> tuple[Path, ...]:
    return (child.path,) if isinstance(child, Node) else (child.path, child.output)


def _only_in_training(
    places: list[tuple[Node | Container, tuple[str, ...]]], outputs: tuple[Output, ...], flow: Dataflow
) -> set[Path]:
    """Return the values that only outputs of the training need."""
    if not any(output.when_training for output in outputs):
        return set()
    needed = {output.path for output in outputs if not output.when_training}
    always: set[Path] = set()
    for child, _ in reversed(places):
        value_ = _made(child)[-1]
        if value_ in needed:
            always.add(value_)
            needed |= set(child.sources if isinstance(child, Node) else (path for _, path in flow.inputs(child)))
    return {_made(child)[-1] for child, _ in places} - always


def _in_order(
    places: list[tuple[Node | Container, tuple[str, ...]]], flow: Dataflow
) -> list[tuple[Node | Container, tuple[str, ...]]]:
    """Return steps such that each comes after what it reads, else in the order that they have."""
    makers = {path: number for number, (child, _) in enumerate(places) for path in _made(child)}
    found: list[int] = []
    done: set[int] = set()

    def reads(number: int) -> list[int]:
        child = places[number][0]
        paths = child.sources if isinstance(child, Node) else [path for _, path in flow.inputs(child)]
        return [makers[path] for path in paths if path in makers]

    for number in range(len(places)):
        stack = [number]
        while stack:
            top = stack[-1]
            waiting = [other for other in reads(top) if other not in done and other != top]
            if waiting:
                stack += reversed(waiting)
                continue
            stack.pop()
            if top not in done:
                done.add(top)
                found.append(top)
    return [places[number] for number in found]
