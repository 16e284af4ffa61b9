"""Random programs, drawn step by step: the generator knows the stream's shape, so that most of them are valid."""

# ruff: noqa: FBT003, UP031

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from program_arguments import SMALL, divisors, draw_call, draw_operator, number_text, numbers
from program_definitions import Definitions
from program_parts import (
    Assert,
    Body,
    Call,
    Chain,
    Container,
    Dims,
    Exchange,
    For,
    Group,
    If,
    Merge,
    On,
    Output,
    Ref,
    Residual,
    Scope,
    Set,
    Share,
    Split,
    State,
    Statement,
    Step,
    TakeTensor,
    Tensor,
    Towers,
    Unit,
    Wrong,
    in_towers,
)  # fmt: skip

from archdsl.ops import all_ops, lookup
from archdsl.ops.base import Merge as MergeOp

MERGES = tuple(op.name for op in all_ops() if issubclass(op, MergeOp))
LABELS = (
    "a", "b", "x", "y", "z", "x1", "out", "conv", "relu", "bn", "head", "stem", "w", "n", "add", "tower", "features",
    "layers", "linear", "project", "norm", "self", "long_label_of_a_step", "conv_1", "F", "nn",
)  # fmt: skip


@dataclass
class Place:
    """What a body may hold where something is drawn."""

    labels: bool = True
    loop: tuple[str, ...] = ()
    depth: int = 0
    root: bool = False
    tower: bool = False


class Drawing:
    """Draws the parts of one program; `forms` are the forms of the language that it used."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.forms: set[str] = set()
        self.definitions = Definitions(self)
        self.count = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # names

    def label(self, state: State, place: Place) -> str:
        """Return a label that is free; inside of loops one that depends on their names."""
        self.count += 1
        name = self.random.choice(LABELS) if self.chance(0.5) else f"{self.random.choice('abcdef')}{self.count}"
        if place.loop:
            parts = [f"{{{self.random.choice([each, f'{each} + 1'])}}}" for each in place.loop]
            self.forms.add("computed label")
            return f"s{self.count}_" + "_".join(parts)
        return name if name not in state.scope.taken else f"{name}_{self.count}"

    def condition(self, state: State) -> str:
        """Return a truth value: of parameters, of the stream, or computed from others."""
        known = list(numbers(state).items())
        flags = [name for name, value in state.values.items() if isinstance(value, bool)]
        text, value = self.random.choice(known) if known else ("2", 2)
        tests = [f"{text} > {value - 1}", f"{text} == {value}", f"{text} % 2 == 0", f"1 < {text} <= {value + 1}"]
        tests += [f"not {text} > {value}", f"{text} != 3 and {text} < 99", f"{text} == 77 or {text} >= 2", "true"]
        tests += [*flags, *(f"not {flag}" for flag in flags)]
        return self.random.choice(tests)

    # statements

    def body(self, state: State, place: Place, length: int) -> Body:
        """Return statements that fit, and let them flow."""
        made = Body()
        for _ in range(length):
            made.statements += self.statement(state, place)
        if not any(isinstance(each, Chain) for each in made.statements):
            made.statements.append(self.chain(state, place, 1))
        return made

    def fitting(self, state: State, make: Callable[[State], Statement]) -> list[Statement]:
        """Return the statement that a function makes if it fits; it flows then."""
        for _ in range(3):
            try:
                made = make(state.copy())
                made.flow(state.copy())
            except Wrong:
                continue
            made.flow(state)
            return [made]
        return []

    def statement(self, state: State, place: Place) -> list[Statement]:
        makers: list[tuple[float, Callable[[State], Statement]]] = [
            (12, lambda s: self.chain(s, place, self.random.choice((1, 1, 2, 3)))),
            (0.6, lambda s: self.assertion(s)),
            (0.6, lambda s: self.setting(s)),
        ]
        if place.depth < 2:
            makers += [(1, lambda s: self.loop(s, place)), (1, lambda s: self.choice(s, place))]
        if place.root:
            makers += [(1.2, lambda s: self.output(s, place))]
        weights = [weight for weight, _ in makers]
        (maker,) = self.random.choices([make for _, make in makers], weights)
        made = self.fitting(state, maker)
        if isinstance(made[:1], list) and made and isinstance(made[0], Set):
            follow = self.fitting(
                state, lambda s: Chain([Step(draw_named(self.random, s, made[0].name), self._maybe(s, place))])
            )  # type: ignore[attr-defined]
            return [*made, *follow]
        return made

    def _maybe(self, state: State, place: Place) -> str | None:
        return self.label(state, place) if place.labels and not state.scope.numbered else None

    def assertion(self, state: State) -> Assert:
        self.forms.add("assert")
        if not isinstance(state.stream, tuple):
            raise Wrong("several streams")
        text, value = self.random.choice(list(numbers(state).items()))
        return Assert(self.random.choice([f"{text} == {value}", f"{value - 1} < {text} and shape[0] > 0"]))

    def setting(self, state: State) -> Set:
        name, args = self.random.choice(
            [
                ("conv", [("bias", "false")]),
                ("conv", [("padding", "half"), ("bias", "false")]),
                ("dropout", [("rate", "0.25")]),
                ("batchnorm", [("eps", "0.001")]),
                ("leaky_relu", [("slope", "0.2")]),
                ("maxpool", [("ceil_mode", "true")]),
                ("linear", [("bias", "false")]),
                ("lrn", [("k", "2.0")]),
            ]
        )
        self.forms.add("set")
        return Set(name, [*args])

    def loop(self, state: State, place: Place) -> For:
        """Return a loop over a range, a list, or with `enumerate` and `zip`."""
        random, count = self.random, self.random.randint(1, 3)
        lists = [name for name, value in state.values.items() if isinstance(value, list)]
        values = random.choice(lists) if lists and self.chance(0.5) else str(random.sample(SMALL, count))
        self.count += 1
        i, n = random.choice([("i", "n"), ("i", f"v{self.count}"), (f"i{self.count}", "c")])
        names, items = random.choice(
            [
                ([i], f"range({count})"),
                ([i], f"range(1, {count + 1})"),
                ([n], values),
                ([i, n], f"enumerate({values})"),
                ([i, n], f"zip({[*range(count)]}, {random.sample(SMALL, count)})"),
            ]
        )
        self.forms |= {"for", *(word for word in ("enumerate", "zip", "range") if word in items)}
        entered = state.copy()
        probe = For(names, items, Body())
        for _ in probe.rounds(entered):
            break
        # A list may hold a number twice, so only a counter makes labels differ.
        counter = (names[0],) if items.startswith(("range", "enumerate", "zip")) else ()
        inner = Place(place.labels and bool(counter), (*place.loop, *counter), place.depth + 1, False, place.tower)
        return For(names, items, self.body(entered, inner, random.choice((1, 1, 2))))

    def choice(self, state: State, place: Place) -> If:
        self.forms.add("if")
        test = self.condition(state)
        inner = Place(place.labels, place.loop, place.depth + 1, False, place.tower)
        taken = state.value(test)
        live, dead = state.copy(), state.copy()
        body = self.body(live if taken else dead, inner, 1)
        otherwise = None
        if self.chance(0.6):
            self.forms.add("else")
            otherwise = self.body(dead if taken else live, inner, 1)
            if self.chance(0.2):
                self.forms.add("else if")
                otherwise = Body([If(self.condition(state), otherwise)])
        return If(test, body, otherwise)

    def output(self, state: State, place: Place) -> Output:
        when = self.chance(0.4)
        label = (
            f"{self.random.choice(['aux', 'side', 'o'])}{self.count}" if self.chance(0.8) else self.label(state, place)
        )
        self.count += 1
        known = [name for name in state.scope.known() if "ids" not in name]
        if known and self.chance(0.4):
            self.forms.add("output @label")
            first = Step(Ref(self.random.choice(known)), label)
            steps = [first]
            first.unit.flow(state, None)
        else:
            steps = [Step(draw_operator(self.random, state), label)]
            steps[0].flow(state)
        more = self.chain(state, place, 1).steps if self.chance(0.4) else []
        self.forms |= {"output", *(["when training"] if when else [])}
        return Output(Chain([*steps, *more]), when)

    # chains

    def chain(self, state: State, place: Place, length: int) -> Chain:
        """Return steps that fit; they flow."""
        steps: list[Step] = []
        for _ in range(length):
            for step in self.step(state, place):
                step.flow(state)
                steps.append(step)
        return Chain(steps)

    def step(self, state: State, place: Place) -> list[Step]:
        """Return a step that fits, or several that belong together; nothing flows yet."""
        if isinstance(state.stream, list):
            return [self.joining(state, place)]
        for _ in range(4):
            try:
                made = self._step(state, place)
                trial = state.copy()
                for step in made:
                    step.flow(trial)
            except Wrong:
                continue
            return made
        return [Step(draw_operator(self.random, state))]

    def _step(self, state: State, place: Place) -> list[Step]:
        simple: list[tuple[float, Callable[[State, Place], Unit]]] = [
            (9, lambda s, p: draw_operator(self.random, s)),
            (0.7, self.operator_parameter),
            (0.7, self.reference),
            (0.7, self.tensor_parameter),
        ]
        nested: list[tuple[float, Callable[[State, Place], Unit]]] = [
            (1.6, self.container),
            (0.8, self.group),
            (1.6, self.merge),
            (1.4, self.residual),
            (2.2, self.use),
            (0.7, self.on),
        ]
        makers = simple + (nested if place.depth < 2 else [])
        if place.depth < 2 and place.labels and not state.scope.numbered and not place.loop and self.chance(0.1):
            return self.towers(state, place)
        if self.chance(0.03):
            return self.split(state, place)
        if self.chance(0.08):
            return [Step(self.shared(state))]
        (maker,) = self.random.choices([make for _, make in makers], [weight for weight, _ in makers])
        unit = maker(state, place)
        return [self.finished(unit, state, place)]

    def finished(self, unit: Unit, state: State, place: Place) -> Step:
        """Return the step of a unit, with a label, a repetition, a condition or the shape that comes out."""
        random, step = self.random, Step(unit)
        can_have_label = unit.makes_child and place.labels and not state.scope.numbered
        needs_label = isinstance(unit, Container) and not state.scope.numbered and (unit.numbered or self.chance(0.6))
        if needs_label and not can_have_label:
            raise Wrong("no label can stand here")
        if can_have_label and (needs_label or self.chance(0.75)):
            step.label = self.label(state, place)
        if step.label and not place.loop and self.chance(0.08):
            step.label = f"{step.label}{{1..{random.randint(1, 3)}}}"
            self.forms.add("label range")
        elif not step.label and self.chance(0.12):
            times = number_text(random, state, 2)
            step.times = random.choice(["2", "3", times if times.isidentifier() or times == "2" else f"({times})", "0"])
            if not place.labels or not isinstance(unit, Group | Container):
                self.forms.add("times")
        if self.chance(0.08):
            step.condition = self.condition(state)
            self.forms.add("condition")
        if self.chance(0.12):
            step.shape = self.stated(step, state)
        if isinstance(unit, Container):
            self.forms.add("[ ]" if unit.numbered else "{ }" if step.label else "{ } without a label")
        return step

    def stated(self, step: Step, state: State) -> str | None:
        """Return the shape that comes out of a step, as `::` states it."""
        after = state.copy()
        step.flow(after)
        if isinstance(after.stream, list):
            return None
        self.forms.add("::")
        if self.chance(0.5):
            return "x".join(map(str, after.stream)) if len(after.stream) > 1 else str(after.stream[0])
        return f"[{', '.join(number_text(self.random, after, size) for size in after.stream)}]"

    # units

    def operator_parameter(self, state: State, place: Place) -> Unit:
        known = [name for name, value in state.values.items() if isinstance(value, str) and lookup(value)]
        if not known:
            raise Wrong("no operator")
        self.forms.add("operator as argument")
        return Call(self.random.choice(known))

    def tensor_parameter(self, state: State, place: Place) -> Unit:
        known = [name for name, value in state.values.items() if isinstance(value, Tensor)]
        if not known:
            raise Wrong("no tensor")
        self.forms.add("tensor as argument")
        return TakeTensor(self.random.choice(known))

    def reference(self, state: State, place: Place) -> Unit:
        known = list(state.scope.known())
        if not known:
            raise Wrong("no label")
        self.forms.add("@label")
        return Ref(self.random.choice(known))

    def shared(self, state: State) -> Unit:
        known = [
            name
            for name, found in state.scope.labels.items()
            if found.scope is not None and (found.into == state.stream or self.chance(0.02))
        ]
        if not known:
            raise Wrong("nothing to share")
        self.forms.add("share")
        return Share(self.random.choice(known))

    def container(self, state: State, place: Place) -> Unit:
        numbered = self.chance(0.5)
        named_here = place.labels and not state.scope.numbered
        if not named_here and not state.scope.numbered:
            raise Wrong("no label can stand here")
        inner = state.copy()
        inner.scope = Scope(numbered, state.scope)
        keeps = not numbered
        return Container(
            self.body(inner, Place(keeps, (), place.depth + 1, False), self.random.choice((1, 1, 2))), numbered
        )

    def group(self, state: State, place: Place) -> Unit:
        self.forms.add("( )")
        labels = place.labels and self.chance(0.5)
        return Group(self.chain(state.copy(), Place(labels, place.loop, place.depth + 1), self.random.choice((1, 2))))

    def merge(self, state: State, place: Place) -> Unit:
        """Return a merge whose branches are led to shapes that go together."""
        random = self.random
        name = random.choice(MERGES)
        start, trial = state.single(), state.copy()
        inner = Place(place.labels, place.loop, place.depth + 1, False, place.tower)
        body, first = Body(), None
        for _ in range(random.choice((1, 2, 2, 2, 3))):
            trial.stream = start
            chain = self.chain(trial, inner, random.choice((1, 1, 2)))
            if isinstance(trial.stream, list):
                chain.steps.append(self.joining(trial, inner))
                chain.steps[-1].flow(trial)
            if first is not None:
                more = self.leading(trial, inner, first, keep_channels=name == "concat")
                chain.steps += more
            first = first or trial.single()
            body.statements.append(chain)
        if self.chance(0.15):
            body.statements.append(self.branch_of_form(state, trial, inner, start, first or start, name))
        self.forms.add(name)
        args: list[tuple[str | None, str]] = []
        if name in ("concat", "stack") and self.chance(0.2):
            args = [("axis", str(random.randrange(len(first or start))))]
        return Merge(Call(name, args), body)

    def branch_of_form(
        self, state: State, trial: State, place: Place, start: Dims, target: Dims, name: str
    ) -> Statement:
        """Return branches that a loop or a condition makes."""
        trial.stream = start
        inner = Place(False, place.loop, place.depth, False)
        steps = self.leading(trial, inner, target, keep_channels=name == "concat") or [Step(Call("identity"))]
        if self.chance(0.5):
            self.forms.add("for in a merge")
            return For(["j"], f"range({self.random.randint(1, 2)})", Body([Chain(steps)]))
        self.forms.add("if in a merge")
        return If(self.condition(state), Body([Chain(steps)]))

    def leading(self, state: State, place: Place, target: Dims, *, keep_channels: bool = False) -> list[Step]:
        """Return steps that lead the stream to a shape; with `keep_channels` to one that differs in channels only."""
        now = state.single()
        if now == target or (keep_channels and now[1:] == target[1:] and now[1:]):
            return []
        steps: list[Step] = []

        def add(call: Call) -> None:
            label = self._maybe(state, place) if call.name in ("conv", "linear") else None
            step = Step(call, label)
            step.flow(state)
            steps.append(step)

        def text(number: int) -> str:
            return number_text(self.random, state, number)

        if len(now) == len(target) and len(now) in (2, 3, 4):
            if now[1:] != target[1:]:
                sides = ", ".join(map(str, target[1:])) + ("," if len(target) == 2 else "")
                add(Call("adaptive_avgpool", [(None, f"({sides})")]))
            if not keep_channels and state.single() != target:
                add(Call("conv", [(None, text(target[0])), (None, "1"), *([("padding", "0")])]))
            return steps
        if len(now) > 1:
            add(Call("flatten"))
        if state.single() != (math.prod(target),):
            add(Call("linear", [(None, text(math.prod(target)))]))
        if len(target) > 1:
            add(Call("reshape", [(None, "x".join(map(str, target)))]))
        return steps

    def residual(self, state: State, place: Place) -> Unit:
        start = state.single()
        inner = Place(place.labels, place.loop, place.depth + 1, False, place.tower)
        trial = state.copy()
        body = self.body(trial, inner, self.random.choice((1, 1, 2)))
        if isinstance(trial.stream, list):
            raise Wrong("several streams")
        self.forms.add("residual")
        end = trial.single()
        if self.chance(0.5) or (end == start and self.chance(0.5)):
            more = self.leading(trial, inner, start)
            if more:
                body.statements.append(Chain(more))
            return Residual(body)
        self.forms.add("project")
        trial.stream = start
        if self.chance(0.5) and len(end) > 1 and len(start) == len(end):
            return self.projected(body, trial, inner, end)
        project = self.leading(trial, inner, end) or [Step(Call("identity"))]
        return Residual(body, Body([Chain(project)]))

    def projected(self, body: Body, state: State, place: Place, end: Dims) -> Residual:
        """Return a residual with a submodule as its projection."""
        inner = state.copy()
        inner.scope = Scope(True, state.scope)
        project = self.leading(inner, Place(False), end) or [Step(Call("identity"))]
        if state.scope.numbered:
            return Residual(body, Body([Chain(project)]))
        if not place.labels:
            raise Wrong("no label can stand here")
        unit = Container(Body([Chain([*project, Step(Call("batchnorm"))])]), numbered=True)
        return Residual(body, Body([Chain([Step(unit, self.label(state, place))])]))

    def use(self, state: State, place: Place) -> Unit:
        """Return the use of a block, macro or model, or of a parameter that is a block."""
        return self.definitions.use(state, place)

    def on(self, state: State, place: Place) -> Unit:
        if not state.devices:
            raise Wrong("no devices")
        self.forms.add("on")
        inner = Place(place.labels, place.loop, place.depth + 1, False, place.tower)
        return On(self.random.choice(state.devices), self.body(state.copy(), inner, 1))

    # bundles

    def towers(self, state: State, place: Place) -> list[Step]:
        """Return a group of towers, and what brings them together."""
        random = self.random
        count = len(state.stream) if isinstance(state.stream, list) else random.choice((1, 2, 2, 3))
        self.count += 1
        name = f"{random.choice(['tower', 't', 'copy'])}{self.count}_{{0..{count - 1}}}"
        on = None
        if state.devices and self.chance(0.7):
            on = "gpu{0..%d}" % (count - 1) if count <= len(state.devices) else random.choice(state.devices)
        unit = Towers(name, on, Body())
        towers = unit.enter(state.copy())
        for _ in range(random.choice((1, 2, 3))):
            self._tower_statement(unit, towers, place)
        self.forms |= {"group", *(["group on"] if on else [])}
        trial = state.copy()
        steps = [Step(unit)]
        unit.flow(trial, None)
        steps.append(self.joining(trial, place))
        return steps

    def _tower_statement(self, unit: Towers, towers: list[State], place: Place) -> None:
        inner = Place(True, (), place.depth + 1, False, tower=True)
        if self.chance(0.3) and len({tower.single()[1:] for tower in towers}) == 1:
            self.forms.add("exchange")
            statement: Statement = Chain(
                [Step(Exchange()), Step(draw_operator(self.random, towers[0]), self.label(towers[0], inner))]
            )
        else:
            found = self.statement(towers[0].copy(), inner)
            if not found:
                return
            statement = found[0]
        trial = [tower.copy() for tower in towers]
        try:
            in_towers(statement, trial)
            [tower.single() for tower in trial]
        except Wrong:
            return
        towers[:] = trial
        unit.body.statements.append(statement)

    def split(self, state: State, place: Place) -> list[Step]:
        counts = [each for each in divisors(state.single()[0]) if 1 < each < 5]
        if not counts:
            raise Wrong("no parts")
        trial = state.copy()
        step = Step(Split(self.random.choice(counts)))
        step.flow(trial)
        self.forms.add("split")
        if self.chance(0.4) and place.labels and not place.loop and not state.scope.numbered and place.depth < 2:
            self.forms.add("split and group")
            return [step, *self.towers(trial, place)]
        return [step, self.joining(trial, place)]

    def joining(self, state: State, place: Place) -> Step:
        """Return the step that brings a bundle together."""
        names = [*MERGES]
        self.random.shuffle(names)
        for name in names:
            step = Step(Call(name))
            try:
                step.flow(state.copy())
            except Wrong:
                continue
            self.forms.add(f"{name} of a bundle")
            return step
        raise Wrong("the towers do not go together")


def draw_named(random: Random, state: State, name: str) -> Call:
    """Return a call of one operator."""
    op = lookup(name)
    assert op is not None
    return draw_call(op, random, state)
