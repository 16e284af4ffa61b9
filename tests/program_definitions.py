"""Blocks, macros and models of random programs: drawn where they are first needed, and used again where they fit."""

from typing import TYPE_CHECKING

from program_arguments import real, some_number
from program_parts import Body, Chain, Definition, Param, Scope, State, Step, Tensor, Use, Wrong, argument

from archdsl.ops.argument_types import Number

if TYPE_CHECKING:
    from program_drawing import Drawing, Place

ACTS = ("relu", "tanh", "sigmoid", "relu6", "gelu", "identity", "silu", "elu", "batchnorm", "dropout")
NAMES = ("Block", "Unit", "Basic", "Layers", "Stage", "Conv2dNorm", "Mixer", "Identity", "Sequential")
PARAMS = {
    "width": ("width", "w", "c", "out", "growth"),
    "kernel": ("k", "kernel", "side"),
    "times": ("n", "depth", "times"),
    "rate": ("rate", "p", "drop"),
    "flag": ("flag", "bias", "deep"),
    "act": ("Act", "act", "relu"),
    "block": ("Inner", "Block", "B"),
    "tensor": ("skip", "other", "y"),
    "list": ("widths", "sizes", "cs"),
}
WEIGHTS = {"width": 6, "kernel": 2, "times": 1, "rate": 2, "flag": 1, "act": 2, "block": 1.5, "tensor": 1.5, "list": 1}
RATE = Number("a number", low=0.0, high=1.0)


class Definitions:
    """The definitions of a program, in their order in the file."""

    def __init__(self, drawing: "Drawing") -> None:
        self.drawing = drawing
        self.made: dict[str, Definition] = {}
        self.defaults: dict[tuple[str, str], object] = {}
        self.open = 0
        self.names: set[str] = set()

    def params(self, state: State) -> list[Param]:
        """Return parameters of different roles; those behind a default have one too."""
        random = self.drawing.random
        found: list[Param] = []
        for _ in range(random.choice((0, 1, 1, 2, 2, 3))):
            (role,) = random.choices(list(WEIGHTS), list(WEIGHTS.values()))
            name = random.choice(PARAMS[role])
            if any(param.name == name for param in found) or name in state.defined:
                continue
            default = None
            if role not in ("tensor", "block") and random.random() < 0.5:
                default = self.argument(role, State((1,), Scope(), {}), plain=True)
                self.drawing.forms.add("default")
            found.append(Param(name, role, default))
        return found

    def argument(self, role: str, state: State, *, plain: bool = False) -> str:
        """Return an argument of a role; a plain one uses no names."""
        random = self.drawing.random
        within = State((1,), Scope(), {}) if plain else state
        match role:
            case "width":
                return some_number(random, within, 1, 8) if not plain else str(random.randint(1, 6))
            case "kernel":
                return random.choice(["1", "3", "2"])
            case "times":
                return random.choice(["0", "1", "2", "3"])
            case "rate":
                return real(random, RATE, within)
            case "flag":
                return random.choice(["true", "false"])
            case "act":
                return random.choice(ACTS)
            case "list":
                return str([random.randint(1, 6) for _ in range(random.randint(1, 3))])
            case "tensor":
                known = list(state.scope.known())
                if not known:
                    raise Wrong("no label")
                return f"@{random.choice(known)}"
            case "block":
                fitting = [name for name, each in self.made.items() if not needed(each) and each.kind != "model"]
                if not fitting:
                    raise Wrong("no block without arguments")
                self.drawing.forms.add("block as argument")
                return random.choice(fitting)
        raise AssertionError(role)

    def arguments(self, definition: Definition, state: State) -> list[tuple[str | None, str]]:
        random = self.drawing.random
        args: list[tuple[str | None, str]] = []
        positional = True
        for param in definition.params:
            if param.default is not None and random.random() < 0.5:
                positional = False
                continue
            positional = positional and random.random() < 0.8
            args.append((None if positional else param.name, self.argument(param.role, state)))
        return args

    def use(self, state: State, place: "Place") -> Use:
        """Return the use of a definition that fits here, of a new one where none does."""
        random = self.drawing.random
        blocks = [name for name, value in state.values.items() if isinstance(value, Definition)]
        if blocks and random.random() < 0.5:
            name = random.choice(blocks)
            definition = state.values[name]
            assert isinstance(definition, Definition)
            return Use(name, definition)
        known = list(self.made.values())
        random.shuffle(known)
        for definition in known[:4] if random.random() < 0.8 else []:
            use = self._fitting(definition, state)
            if use is not None:
                self.drawing.forms.add(f"{definition.kind} again")
                return use
        if self.open > 1 or len(self.made) > 5:
            raise Wrong("enough definitions")
        return self.new(state)

    def _fitting(self, definition: Definition, state: State) -> Use | None:
        if definition.name in state.values:
            return None
        for _ in range(3):
            try:
                use = Use(definition.name, definition, self.arguments(definition, state))
                use.flow(state.copy(), "label" if use.makes_child else None)
            except Wrong:
                continue
            return use
        return None

    def new(self, state: State) -> Use:
        """Return the first use of a new definition, which is drawn for it."""
        from program_drawing import Place

        drawing, random = self.drawing, self.drawing.random
        dims = state.single()
        kind = random.choices(["block", "macro", "model"], [6, 2, 0.7])[0]
        params = [] if kind == "model" and random.random() < 0.5 else self.params(state)
        if kind == "model":
            params = [param for param in params if param.role not in ("tensor", "block")]
        drawing.count += 1
        name = random.choice(NAMES)
        taken = {*state.defined, *state.values, *self.names}
        name = name if name not in taken else f"{name}{drawing.count}"
        self.names.add(name)
        definition = Definition(kind, name, params, Body(), dict(self.defaults))
        if kind == "model":
            definition.given = dims
            definition.inputs = [f"input image: [{', '.join(map(str, dims))}]"]
        definition.doc = random.choice([None, None, 'What it does: "quotes", {braces} and a \\ backslash.'])
        args = self.arguments(definition, state)
        inner = State(
            dims,
            Scope(),
            definition.bound(state, args),
            dict(self.defaults),
            state.devices,
            state.depth + 1,
            state.defined,
            state.made,
        )
        if kind == "macro":
            inner.scope = Scope(state.scope.numbered)
        if kind == "model":
            inner.devices = ()
        place = Place(labels=kind != "macro" or random.random() < 0.3, depth=1)
        self.open += 1
        try:
            definition.body = self._body(definition, inner, place)
        finally:
            self.open -= 1
        if isinstance(inner.stream, list):
            raise Wrong("several streams")
        drawing.forms |= {kind, *(f"parameter {param.role}" for param in params)}
        use = Use(name, definition, args)
        use.flow(state.copy(), "label" if use.makes_child else None)
        self.made[name] = state.defined[name] = definition
        return use

    def _body(self, definition: Definition, state: State, place: "Place") -> Body:
        drawing, random = self.drawing, self.drawing.random
        if definition.kind != "model" and random.random() < 0.35:
            drawing.forms.add("one line")
            return Body([drawing.chain(state, place, random.choice((2, 3, 4)))])
        return drawing.body(state, place, random.choice((1, 2, 2, 3)))


def needed(definition: Definition) -> list[Param]:
    return [param for param in definition.params if param.default is None]


__all__ = ["Chain", "Definitions", "Step", "Tensor", "argument"]
