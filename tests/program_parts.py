"""The parts of random programs: how each is written, and which shapes flow through it.

`flow` is a second, much smaller elaborator: it follows shapes and labels only, with the operators' own shape rules, so
that a generator knows what may come next and what must come out. `Wrong` says that a part does not fit where it stands.
"""

# ruff: noqa: FBT003, RUF005

import re
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from archdsl.base.shape import Shape
from archdsl.ops import lookup
from archdsl.ops.argument_types import Word
from archdsl.ops.base import Merge as MergeOp
from archdsl.ops.base import Op
from archdsl.ops.reasons import ShapeError

Dims: TypeAlias = tuple[int, ...]
Stream: TypeAlias = "Dims | list[Dims]"
LARGEST = 2_500
CONSTANTS = {"true": True, "false": False, "none": None}
FUNCTIONS = {"max": max, "min": min, "len": len, "sum": sum, "range": range, "enumerate": enumerate, "zip": zip}


class Wrong(Exception):
    """A part does not fit where it stands."""


@dataclass(frozen=True)
class Tensor:
    """What a block is given as a tensor."""

    dims: Dims


@dataclass
class Labelled:
    """A step with a label: what came out of it, and what went in; `scope` is None if it is no submodule."""

    out: Dims
    into: Dims
    step: "Step | None" = None
    scope: "Scope | None" = None
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Scope:
    """The labels of a body, and those around it."""

    numbered: bool = False
    outer: "Scope | None" = None
    labels: dict[str, Labelled] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def find(self, label: str) -> Labelled | None:
        scope: Scope | None = self
        while scope is not None:
            if label in scope.labels:
                return scope.labels[label]
            scope = scope.outer
        return None

    def known(self) -> dict[str, Labelled]:
        return {**(self.outer.known() if self.outer else {}), **self.labels}


@dataclass
class State:
    """The stream at a point of a body, and all names that can be used there."""

    stream: Stream
    scope: Scope
    values: dict[str, object]
    defaults: dict[tuple[str, str], object] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    depth: int = 0
    defined: "dict[str, Definition]" = field(default_factory=dict)
    made: list[int] = field(default_factory=lambda: [0])

    def copy(self) -> "State":
        """Return a state that can go its own way; the scope's labels are copied too."""
        new = copy(self)
        new.scope = Scope(self.scope.numbered, self.scope.outer, dict(self.scope.labels), set(self.scope.taken))
        new.values = dict(self.values)
        new.defaults = dict(self.defaults)
        return new

    def single(self) -> Dims:
        if isinstance(self.stream, list):
            raise Wrong("several streams")
        return self.stream

    def put(self, dims: Stream) -> None:
        for each in dims if isinstance(dims, list) else [dims]:
            if Shape(each).volume > LARGEST or not all(each):
                raise Wrong("too large")
        self.stream = dims

    def value(self, text: str) -> Any:
        """Return the value of an expression of the language."""
        names: dict[str, object] = {**WORDS, **CONSTANTS, **FUNCTIONS}
        if isinstance(self.stream, tuple):
            dims = self.stream
            names |= {"shape": dims, "channels": dims[0]}
            names |= {"width": dims[-1]} if len(dims) > 1 else {}
            names |= {"height": dims[-2]} if len(dims) > 2 else {}
        python = re.sub(r"\b\d+(x\d+)+\b", lambda found: f"({found[0].replace('x', ', ')})", text)
        try:
            value = eval(python, {"__builtins__": {}}, {**names, **self.values})
            # `/` is exact on integers, else a mistake.
            if "/ 2" in text.replace("//", "") and type(value) is float and not value.is_integer():
                raise Wrong("a remainder")
            return int(value) if "/ 2" in text.replace("//", "") and type(value) is float else value
        except (NameError, TypeError, IndexError, ZeroDivisionError, ValueError) as error:
            raise Wrong(str(error)) from error


WORDS = {
    word: Word(word)
    for word in ("half", "tf_same", "nearest", "linear", "bilinear", "bicubic", "trilinear", "constant", "reflect")
    + ("replicate", "circular", "tanh", "relu")
}


def indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def computed(label: str, values: Mapping[str, object]) -> list[str]:
    """Return the names that a label stands for."""
    texts = [""]
    for number, part in enumerate(re.split(r"[{}]", label)):
        found = [part]
        if number % 2:
            try:
                ends = [eval(end, {"__builtins__": {}}, dict(values)) for end in part.split("..")]
            except NameError as error:
                raise Wrong(str(error)) from error
            found = [str(each) for each in (range(ends[0], ends[-1] + 1) if len(ends) > 1 else ends)]
        texts = [text + each for text in texts for each in found]
    return texts


class Unit:
    """What a step does: `text` is how it is written, over several lines if it has a body."""

    def text(self) -> list[str]:
        raise NotImplementedError

    def flow(self, state: State, label: str | None) -> None:
        raise NotImplementedError

    makes_child = False


def arguments(args: list[tuple[str | None, str]]) -> str:
    return f"({', '.join(f'{name} = {text}' if name else text for name, text in args)})" if args else ""


@dataclass
class Call(Unit):
    """The use of an operator, or of a parameter that is one."""

    name: str
    args: list[tuple[str | None, str]] = field(default_factory=list)
    makes_child = True

    def text(self) -> list[str]:
        return [self.name + arguments(self.args)]

    def op(self, state: State) -> Op:
        found = state.values.get(self.name, self.name)
        cls = lookup(found) if isinstance(found, str) else None
        if cls is None:
            raise Wrong(f"{self.name} is no operator")
        given = {
            name or list(cls.arguments)[number]: state.value(text) for number, (name, text) in enumerate(self.args)
        }
        inherited = {arg: value for (op, arg), value in state.defaults.items() if op == cls.name and arg not in given}
        try:
            return cls(**{arg: cls.arguments[arg].kind.convert(arg, v) for arg, v in (given | inherited).items()})
        except ShapeError as error:
            raise Wrong(error.reason.label()) from error

    def flow(self, state: State, label: str | None) -> None:
        op = self.op(state)
        if isinstance(state.stream, list) != isinstance(op, MergeOp):
            raise Wrong("one stream or several")
        streams = state.stream if isinstance(state.stream, list) else [state.stream]
        state.made[0] += 1
        state.put(result(op, streams))


def result(op: Op, streams: list[Dims]) -> Dims:
    """Return what comes out of an operator, unless it has too many weights for a test."""
    shapes = tuple(map(Shape, streams))
    missing = [
        name for name, argument in op.arguments.items() if argument.required and getattr(op, name) is argument.default
    ]
    if missing:
        raise Wrong(f"{op.name} needs {missing}")
    try:
        found = op.result(shapes)
        if op.params(shapes[0]) > 20_000 or op.macs(shapes[0], found) > 2_000_000:
            raise Wrong("too many weights")
    except ShapeError as error:
        raise Wrong(error.reason.label()) from error
    return tuple(map(int, found.dims))


@dataclass
class Body:
    """Statements, each a line or several."""

    statements: "list[Statement]" = field(default_factory=list)

    def text(self) -> list[str]:
        return [line for statement in self.statements for line in statement.text()]

    def flow(self, state: State) -> None:
        for statement in self.statements:
            statement.flow(state)


@dataclass
class Container(Unit):
    """`{ … }` or `[ … ]`."""

    body: Body
    numbered: bool = False
    makes_child = True

    def text(self) -> list[str]:
        opening, closing = "[]" if self.numbered else "{}"
        return [opening, *indented(self.body.text()), closing]

    def flow(self, state: State, label: str | None) -> None:
        if not self.numbered and label is None and not state.scope.numbered:
            defaults = dict(state.defaults)
            self.body.flow(state)
            state.defaults = defaults
            return
        inner = state.copy()
        inner.scope = Scope(self.numbered, state.scope)
        self.body.flow(inner)
        state.put(inner.single())


@dataclass
class Group(Unit):
    """`( … )`."""

    chain: "Chain"

    def text(self) -> list[str]:
        lines = self.chain.text()
        return [f"({lines[0]}", *lines[1:-1], f"{lines[-1]})"] if len(lines) > 1 else [f"({lines[0]})"]

    def flow(self, state: State, label: str | None) -> None:
        self.chain.flow(state)


@dataclass
class Merge(Unit):
    """`concat { … }`."""

    call: Call
    body: Body
    makes_child = True

    def text(self) -> list[str]:
        return [f"{self.call.text()[0]} {{", *indented(self.body.text()), "}"]

    def flow(self, state: State, label: str | None) -> None:
        start, ends = state.single(), []
        op = self.call.op(state)
        defaults = dict(state.defaults)
        for chain in branches(self.body, state, start):
            state.stream = start
            chain.flow(state)
            ends.append(state.single())
        state.defaults = defaults
        if not ends:
            raise Wrong("no branch")
        state.made[0] += 1
        state.put(result(op, ends))


def branches(body: Body, state: State, start: Dims) -> "Iterator[Chain]":
    """Yield the branches of a merge, those in `for` and `if` too, where what they need is in `state`."""
    for statement in body.statements:
        if isinstance(statement, For):
            for _ in statement.rounds(state):
                yield from branches(statement.body, state, start)
        elif isinstance(statement, If):
            state.stream = start
            yield from branches(statement.taken(state), state, start)
        elif isinstance(statement, Chain):
            state.stream = start
            only = statement.steps[0]
            if len(statement.steps) > 1 or only.condition is None or state.value(only.condition):
                yield statement
        else:
            statement.flow(state)


@dataclass
class Residual(Unit):
    """`residual { … } project { … }`."""

    body: Body
    project: Body | None = None

    def text(self) -> list[str]:
        lines = ["residual {", *indented(self.body.text()), "}"]
        if self.project is None:
            return lines
        return [*lines[:-1], "} project {", *indented(self.project.text()), "}"]

    def flow(self, state: State, label: str | None) -> None:
        start = state.single()
        defaults = dict(state.defaults)
        self.body.flow(state)
        end = state.single()
        state.defaults = dict(defaults)
        if start != end:
            if self.project is None:
                raise Wrong("shapes differ")
            state.stream = start
            self.project.flow(state)
            if state.single() != end:
                raise Wrong("shapes differ")
        state.defaults = defaults
        state.made[0] += 1
        state.put(end)


@dataclass
class On(Unit):
    """`on gpu0 { … }`."""

    place: str
    body: Body

    def text(self) -> list[str]:
        return [f"on {self.place} {{", *indented(self.body.text()), "}"]

    def flow(self, state: State, label: str | None) -> None:
        if not set(computed(self.place, state.values)) <= set(state.devices):
            raise Wrong("no such device")
        defaults = dict(state.defaults)
        self.body.flow(state)
        state.defaults = defaults


@dataclass
class Towers(Unit):
    """`group tower{0..1} on gpu{0..1} { … }`."""

    name: str
    place: str | None
    body: Body

    def text(self) -> list[str]:
        on = f" on {self.place}" if self.place else ""
        return [f"group {self.name}{on} {{", *indented(self.body.text()), "}"]

    def enter(self, state: State) -> list[State]:
        names = computed(self.name, state.values)
        if self.place and not set(computed(self.place, state.values)) <= set(state.devices):
            raise Wrong("no such device")
        streams = state.stream if isinstance(state.stream, list) else [state.stream] * len(names)
        if len(streams) != len(names) or state.scope.taken & {*names}:
            raise Wrong("names and streams")
        state.scope.taken |= {*names}
        towers = []
        for number, stream in enumerate(streams):
            tower = state.copy()
            tower.stream, tower.scope = stream, Scope(False, state.scope)
            tower.values["tower"] = number
            towers.append(tower)
        return towers

    def flow(self, state: State, label: str | None) -> None:
        towers = self.enter(state)
        for statement in self.body.statements:
            in_towers(statement, towers)
        state.put([tower.single() for tower in towers])


def in_towers(statement: "Statement", towers: list[State]) -> None:
    """Take a statement in all towers, those with an exchange step by step."""
    if isinstance(statement, Chain) and any(isinstance(step.unit, Exchange) for step in statement.steps):
        for step in statement.steps:
            if isinstance(step.unit, Exchange):
                found = result(lookup("concat")(), [tower.single() for tower in towers])  # type: ignore[misc]
                towers[0].made[0] += len(towers)
                for tower in towers:
                    tower.put(found)
            else:
                in_towers(Chain([step]), towers)
        return
    for tower in towers:
        statement.flow(tower)


class Exchange(Unit):
    """`exchange`."""

    def text(self) -> list[str]:
        return ["exchange"]

    def flow(self, state: State, label: str | None) -> None:
        raise Wrong("no group around")


@dataclass
class Split(Unit):
    """`split(2)`."""

    count: int

    def text(self) -> list[str]:
        return [f"split({self.count})"]

    def flow(self, state: State, label: str | None) -> None:
        channels, *rest = state.single()
        if self.count < 2 or channels % self.count:
            raise Wrong("uneven")
        state.made[0] += self.count
        state.put([(channels // self.count, *rest)] * self.count)


@dataclass
class Ref(Unit):
    """`@label`."""

    label: str

    def text(self) -> list[str]:
        return [f"@{self.label}"]

    def flow(self, state: State, label: str | None) -> None:
        (name,) = computed(self.label, state.values)
        found = state.scope.find(name)
        if found is None:
            raise Wrong(f"no label {name}")
        state.put(found.out)


@dataclass
class TakeTensor(Unit):
    """The name of a parameter that is a tensor, as a step."""

    name: str

    def text(self) -> list[str]:
        return [self.name]

    def flow(self, state: State, label: str | None) -> None:
        value = state.values.get(self.name)
        if not isinstance(value, Tensor):
            raise Wrong("no tensor")
        state.put(value.dims)


@dataclass
class Share(Unit):
    """`share @label`."""

    label: str

    def text(self) -> list[str]:
        return [f"share @{self.label}"]

    def flow(self, state: State, label: str | None) -> None:
        (name,) = computed(self.label, state.values)
        found = state.scope.find(name)
        if found is None or found.step is None or found.scope is None or name not in state.scope.labels:
            raise Wrong("nothing to share")
        if found.into[0] != state.single()[0] or len(found.into) != len(state.single()):
            raise Wrong("weights differ")
        again = state.copy()
        again.values = dict(found.values)
        again.scope = Scope(False, state.scope)
        found.step.unit.flow(again, name)
        state.put(again.single())


@dataclass
class Use(Unit):
    """The use of a block, macro or model; `name` is that of a parameter where the block is one."""

    name: str
    definition: "Definition"
    args: list[tuple[str | None, str]] = field(default_factory=list)

    @property
    def makes_child(self) -> bool:  # type: ignore[override]
        return self.definition.kind != "macro"

    def text(self) -> list[str]:
        return [self.name + arguments(self.args)]

    def flow(self, state: State, label: str | None) -> None:
        definition = state.values.get(self.name, self.definition)
        assert isinstance(definition, Definition)
        definition.flow(state, self.args)


@dataclass
class Param:
    """A parameter: its role says which values it takes."""

    name: str
    role: str
    default: str | None = None

    def text(self) -> str:
        return f"{self.name} = {self.default}" if self.default is not None else self.name


@dataclass
class Definition:
    """`block`, `macro` or `model`."""

    kind: str
    name: str
    params: list[Param]
    body: Body
    defaults: dict[tuple[str, str], object]
    doc: str | None = None
    inputs: list[str] = field(default_factory=list)
    given: Dims = ()

    def text(self) -> list[str]:
        params = f"({', '.join(param.text() for param in self.params)})" if self.params else ""
        head = f"{self.kind} {self.name}{params}"
        doc = [f"## {self.doc}"] if self.doc else []
        only = self.body.statements[0] if len(self.body.statements) == 1 else None
        if not self.inputs and isinstance(only, Chain):
            lines = only.text()
            return [*doc, f"{head} = {lines[0]}", *lines[1:]]
        return [*doc, f"{head} {{", *indented([*self.inputs, *self.body.text()]), "}"]

    def bound(self, state: State, args: list[tuple[str | None, str]]) -> dict[str, object]:
        values: dict[str, object] = {}
        for number, (name, text) in enumerate(args):
            if number >= len(self.params) and not name:
                raise Wrong("too many arguments")
            values[name or self.params[number].name] = argument(state, text)
        for param in self.params:
            if param.name not in values:
                if param.default is None:
                    raise Wrong(f"no {param.name}")
                inner = State((1,), Scope(), dict(values), defined=state.defined)
                values[param.name] = argument(inner, param.default)
        return values

    def flow(self, state: State, args: list[tuple[str | None, str]]) -> None:
        if state.depth > 6:
            raise Wrong("too deep")
        dims = state.single()
        if self.kind == "model" and dims != self.given:
            raise Wrong("another input")
        values = self.bound(state, args)
        inner = State(
            dims, Scope(), values, dict(self.defaults), state.devices, state.depth + 1, state.defined, state.made
        )
        if self.kind == "macro":
            inner.scope = state.scope
        self.body.flow(inner)
        state.put(inner.single())


def argument(state: State, text: str) -> object:
    """Return the value of an argument of a block: an expression, a label, an operator or a block."""
    if text.startswith("@"):
        (name,) = computed(text[1:], state.values)
        found = state.scope.find(name)
        if found is None:
            raise Wrong("no such label")
        return Tensor(found.out)
    if text in state.defined and text not in state.values:
        return state.defined[text]
    if lookup(text) is not None and text not in state.values:
        return text
    return state.value(text)


@dataclass
class Step:
    """`[label:] unit [* times] [if condition] [:: shape]`."""

    unit: Unit
    label: str | None = None
    times: str | None = None
    condition: str | None = None
    shape: str | None = None

    def text(self) -> list[str]:
        lines = self.unit.text()
        before = f"{self.label}: " if self.label else ""
        after = f" * {self.times}" if self.times else ""
        after += f" if {self.condition}" if self.condition else ""
        after += f"   :: {self.shape}" if self.shape else ""
        return (
            [f"{before}{lines[0]}{after}"] if len(lines) == 1 else [before + lines[0], *lines[1:-1], lines[-1] + after]
        )

    def flow(self, state: State) -> None:
        if self.condition is None or state.value(self.condition):
            for label in computed(self.label, state.values) if self.label else [None]:
                for _ in range(int(state.value(self.times)) if self.times else 1):
                    self._once(state, label)
        if self.shape:
            stated = state.value(self.shape.replace("[", "(").replace("]", ",)"))
            stated = stated if isinstance(stated, tuple) else (stated,)
            if state.single() != stated:
                raise Wrong("another shape")

    def _once(self, state: State, label: str | None) -> None:
        before = state.stream
        if label:
            if state.scope.numbered or label in state.scope.taken:
                raise Wrong(f"the label {label} again")
            if isinstance(self.unit, Use) and not self.unit.makes_child:
                raise Wrong("a label on a macro")
            state.scope.taken.add(label)
        values, made = dict(state.values), state.made[0]
        self.unit.flow(state, label)
        if label and isinstance(state.stream, tuple) and isinstance(before, tuple):
            is_module = self.unit.makes_child and not isinstance(self.unit, Merge) and state.made[0] > made
            scope = state.scope if is_module else None
            state.scope.labels[label] = Labelled(state.stream, before, self, scope, values)


class Statement:
    """A line of a body."""

    def text(self) -> list[str]:
        raise NotImplementedError

    def flow(self, state: State) -> None:
        raise NotImplementedError


@dataclass
class Chain(Statement):
    """Steps that hand the stream on."""

    steps: list[Step]

    def text(self) -> list[str]:
        lines = self.steps[0].text()
        for step in self.steps[1:]:
            first, *rest = step.text()
            if len(lines[-1]) + len(first) > 80:
                lines += [f"  -> {first}", *rest]
            else:
                lines = [*lines[:-1], f"{lines[-1]} -> {first}", *rest]
        return lines

    def flow(self, state: State) -> None:
        for step in self.steps:
            step.flow(state)


@dataclass
class Output(Statement):
    """`output name: …`."""

    chain: Chain
    when_training: bool = False
    dims: Dims = ()

    @property
    def name(self) -> str:
        return self.chain.steps[0].label or ""

    def text(self) -> list[str]:
        lines = self.chain.text()
        lines[0] = f"output {lines[0]}"
        lines[-1] += " when training" if self.when_training else ""
        return lines

    def flow(self, state: State) -> None:
        before = state.stream
        first = self.chain.steps[0]
        restarts = isinstance(first.unit, Ref)
        chain = Chain([Step(first.unit, None), *self.chain.steps[1:]]) if restarts else self.chain
        chain.flow(state)
        self.dims = state.single()
        state.stream = before


@dataclass
class For(Statement):
    """`for i, n in … { … }`."""

    names: list[str]
    items: str
    body: Body

    def text(self) -> list[str]:
        return [f"for {', '.join(self.names)} in {self.items} {{", *indented(self.body.text()), "}"]

    def rounds(self, state: State) -> Iterator[None]:
        outer = {name: state.values[name] for name in self.names if name in state.values}
        for item in list(state.value(self.items)):
            parts = item if len(self.names) > 1 else (item,)
            if len(parts) != len(self.names):
                raise Wrong("names and items")
            state.values.update(zip(self.names, parts, strict=True))
            yield
        for name in self.names:
            state.values.pop(name, None)
        state.values.update(outer)

    def flow(self, state: State) -> None:
        for _ in self.rounds(state):
            defaults = dict(state.defaults)
            self.body.flow(state)
            state.defaults = defaults


@dataclass
class If(Statement):
    """`if … { … } else { … }`."""

    test: str
    body: Body
    otherwise: Body | None = None

    def text(self) -> list[str]:
        lines = [f"if {self.test} {{", *indented(self.body.text()), "}"]
        if self.otherwise is None:
            return lines
        if len(self.otherwise.statements) == 1 and isinstance(self.otherwise.statements[0], If):
            first, *rest = self.otherwise.text()
            return [*lines[:-1], f"}} else {first}", *rest]
        return [*lines[:-1], "} else {", *indented(self.otherwise.text()), "}"]

    def taken(self, state: State) -> Body:
        return self.body if state.value(self.test) else self.otherwise or Body()

    def flow(self, state: State) -> None:
        defaults = dict(state.defaults)
        self.taken(state).flow(state)
        state.defaults = defaults


@dataclass
class Set(Statement):
    """`set conv(bias = false)`."""

    name: str
    args: list[tuple[str | None, str]]

    def text(self) -> list[str]:
        return [f"set {self.name}{arguments(self.args)}"]

    def flow(self, state: State) -> None:
        cls = lookup(self.name)
        assert cls is not None
        for name, text in self.args:
            assert name
            state.defaults[self.name, name] = state.value(text)


@dataclass
class Assert(Statement):
    """`assert channels == 4`."""

    test: str

    def text(self) -> list[str]:
        return [f"assert {self.test}"]

    def flow(self, state: State) -> None:
        if not state.value(self.test):
            raise Wrong("an assertion")
