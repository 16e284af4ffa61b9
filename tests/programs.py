"""Whole random programs: `draw(seed)` always gives the same one."""

from dataclasses import dataclass
from random import Random

from program_arguments import number_text
from program_definitions import RATE
from program_drawing import Drawing, Place
from program_parts import (
    Body,
    Call,
    Chain,
    Definition,
    Dims,
    Labelled,
    Output,
    Param,
    Scope,
    State,
    Step,
    Wrong,
    computed,
)

from archdsl.base.role import Role

# Channels with many divisors, so that groups, heads and halves fit.
INPUTS: tuple[tuple[int, Dims], ...] = (
    (6, (4, 8, 8)), (4, (3, 9, 7)), (3, (6, 6, 6)), (2, (8, 5, 5)), (3, (4, 6)), (3, (6, 8)), (2, (12,)), (2, (8,)),
    (2, (2, 3, 4, 4)), (1, (4, 2, 3, 3)),
)  # fmt: skip
DOC = "A net that was drawn at random."


@dataclass(frozen=True)
class Program:
    """A program, the shapes that it must give, and the forms of the language that it uses.

    The stream goes by the name of one of the `lasting` outputs, those of evaluation, if it is nothing else at the end.
    """

    seed: int
    text: str
    shapes: dict[str, Dims]
    forms: frozenset[str]
    lasting: frozenset[str]

    def __str__(self) -> str:
        return f"seed {self.seed}\n{self.text}"


def draw(seed: int) -> Program:
    """Return the program of a seed."""
    for attempt in range(20):
        try:
            return _Whole(seed, attempt).program()
        except Wrong:
            continue
    raise AssertionError(f"no program came of seed {seed}")


class _Whole:
    """The file around a model."""

    def __init__(self, seed: int, attempt: int) -> None:
        self.random = Random(seed * 1_000 + attempt)
        self.seed = seed
        self.drawing = Drawing(self.random)
        self.lines: list[str] = []

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def program(self) -> Program:
        drawing, random = self.drawing, self.random
        head: list[str] = []
        state = State((1,), Scope(), {}, defined=drawing.definitions.made)
        while self.chance(0.3):
            setting = drawing.setting(state)
            setting.flow(state)
            head += setting.text()
            drawing.forms.add("set in a file")
        defaults = drawing.definitions.defaults = dict(state.defaults)
        params = self._params(state)
        inputs = self._inputs(state, params)
        state.defaults = dict(defaults)
        body = self._begin(state)
        body.statements += drawing.body(state, Place(root=True), random.choice((1, 2, 3))).statements
        if isinstance(state.stream, list):
            body.statements.append(Chain([drawing.joining(state, Place())]))
            body.statements[-1].flow(state)
        name = random.choice(["Net", "Model", "Whole", "ResNet", "M"])
        whole = Definition("model", name, params, body, defaults, doc=random.choice([None, DOC]), inputs=inputs)
        lines = [line for each in drawing.definitions.made.values() for line in [*each.text(), ""]]
        alias = self._alias(whole)
        text = "\n".join([*head, *lines, *whole.text(), *alias]) + "\n"
        assert isinstance(state.stream, tuple)
        outputs = {computed(each.name, state.values)[0]: each for each in body.statements if isinstance(each, Output)}
        shapes = {"output": state.stream, **{name: each.dims for name, each in outputs.items()}}
        lasting = frozenset(name for name, each in outputs.items() if not each.when_training)
        return Program(self.seed, text, shapes, frozenset(drawing.forms), lasting)

    def _params(self, state: State) -> list[Param]:
        random, found = self.random, []
        for name in random.sample(
            ["width", "classes", "n", "k", "rate", "flag", "w", "depth", "act"], random.choice((0, 1, 2, 3))
        ):
            role = {"rate": "rate", "flag": "flag", "act": "act", "n": "times", "k": "kernel"}.get(name, "width")
            default = self.drawing.definitions.argument(role, State((1,), Scope(), {}), plain=True)
            if role == "act":
                continue
            state.values[name] = state.value(default)
            found.append(Param(name, role, default))
            self.drawing.forms.add("model parameter")
        return found

    def _inputs(self, state: State, params: list[Param]) -> list[str]:
        random, lines = self.random, []
        if self.chance(0.25):
            lines.append("devices gpu0, gpu1" if self.chance(0.5) else "devices gpu{0..1}")
            state.devices = ("gpu0", "gpu1")
            self.drawing.forms.add("devices")
        self.ids = self.chance(0.1)
        count = random.choice((1, 1, 1, 2, 3))
        names = random.sample(["image", "a", "x", "signal", "y", "other"], count)
        if self.ids:
            names[0] = "ids"
            state.stream = random.choice([(6,), (4, 3), (9,)])
            self.ids_dims = state.stream
        for number, name in enumerate(names):
            (dims,) = random.choices([dims for _, dims in INPUTS], [weight for weight, _ in INPUTS])
            dims = self.ids_dims if number == 0 and self.ids else dims
            lines.append(f"input {name}: {self._role(dims, number)}{self._shape(dims, state, number)}")
            if number or not self.ids:
                state.scope.labels[name] = Labelled(dims, dims)
            if number == 0:
                state.stream = dims
        self.unused = names[1:]
        self.drawing.forms |= {"several inputs"} if count > 1 else set()
        return lines

    def _role(self, dims: Dims, number: int) -> str:
        """Return a role before a shape, at times; it changes no other choice."""
        random = Random(f"role {self.seed} {number}")
        fitting = [role.value for role in (Role.MAP, Role.SEQUENCE, Role.VECTOR, Role.PLAIN) if role.fits(len(dims))]
        if random.random() > 0.3:
            return ""
        self.drawing.forms.add("stated role")
        return f"{random.choice(fitting)} "

    def _shape(self, dims: Dims, state: State, number: int) -> str:
        plain = State([], Scope(), dict(state.values))
        if self.chance(0.5):
            return "x".join(map(str, dims))
        texts = [number_text(self.random, plain, size) for size in dims]
        if self.chance(0.4) and number == 0:
            self.drawing.forms.add("named dimensions")
            state.values |= {f"d{axis}": size for axis, size in enumerate(dims)}
            texts = [f"d{axis} = {text}" for axis, text in enumerate(texts)]
        return f"[{', '.join(texts)}]"

    def _begin(self, state: State) -> Body:
        """Return the statements that use all inputs, those with indices first."""
        body = Body()
        drawing = self.drawing

        def add(steps: list[Step]) -> None:
            chain = Chain(steps)
            chain.flow(state)
            body.statements.append(chain)

        if self.ids:
            drawing.forms.add("indices")
            add([Step(Call("embedding", [(None, str(self.random.randint(2, 9))), (None, "4")]), "embed")])
        for name in self.unused:
            from program_parts import Merge, Ref

            before, target = state.copy(), state.single()
            trial = state.copy()
            Ref(name).flow(trial, None)
            branch = [Step(Ref(name)), *drawing.leading(trial, Place(), target)]
            merge = Merge(Call("add"), Body([Chain(branch), Chain([Step(Call("identity"))])]))
            state.stream = before.stream
            add([Step(merge)])
        return body

    def _alias(self, whole: Definition) -> list[str]:
        """Return a model that is the model with arguments, at times."""
        if not self.chance(0.25):
            return []
        self.drawing.forms.add("model from a model")
        given = [param for param in whole.params if self.chance(0.6)]
        args = ", ".join(f"{param.name} = {param.default}" for param in given)
        for param in given:
            if self.chance(0.5):
                param.default = None
                self.drawing.forms.add("parameter without a default")
        # Those without a default come first nowhere: arguments are given by name.
        return ["", f"model Whole2 = {whole.name}({args})" if args else f"model Whole2 = {whole.name}"]


__all__ = ["RATE", "Program", "draw"]
