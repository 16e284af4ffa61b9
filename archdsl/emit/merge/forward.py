"""`forward` of a merged class: its statements, when they run, and its variables."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from archdsl.base.pyexpr import (
    Attribute,
    Call,
    ClassRef,
    Conditional,
    Expr,
    Infix,
    InputRef,
    Ref,
    ValueRef,
    structure,
    with_inputs,
)
from archdsl.base.pylogic import negated
from archdsl.emit.class_draft import NO_TENSOR, ClassDraft, ForwardStep, without_overwriting
from archdsl.emit.class_parameters import own
from archdsl.emit.merge.alignment import Slot, argument_of, is_label
from archdsl.emit.merge.conditions import Condition, Literal
from archdsl.emit.merge.either import Either
from archdsl.emit.merge.expressions import Expressions
from archdsl.emit.merge.flow import Effect, Joined, require_right
from archdsl.emit.merge.lines import Copies, Input, Line, arranged
from archdsl.emit.merge.parts import with_numbers
from archdsl.emit.merge.samples import Sample, Unmergeable
from archdsl.emit.variables import Value, named
from archdsl.ir.graph import Container, Node, Path
from archdsl.ops.merge import Add

# For each form, the tensors of the class that a tensor of the form may be.
Known: TypeAlias = dict[int, dict[Path, dict[Path, None]]]


@dataclass(slots=True)
class Forward:
    """Merges the statements of the forms of a block.

    Attributes:
        made: The draft of the class.
        samples: The uses, by form.
        condition: Returns when a step exists that has a child in some forms.
        expressions: Merges expressions.
        either: Finds the tests that values depend on.
        mark: Returns a key of the class of a draft, by its number.
        drafts: All drafts.
        taken: The names that no flag can have.
        hidden: The names that no attribute can have beside submodules and methods.
    """

    made: ClassDraft
    samples: Mapping[int, list[Sample]]
    condition: Callable[[Slot], Condition]
    expressions: Expressions
    either: Either
    mark: Callable[[int], Hashable]
    drafts: Sequence[ClassDraft]
    taken: set[str]
    hidden: frozenset[str]
    flags: dict[str, Expr] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    results: list[Input] = field(default_factory=list)
    joined: Joined = field(default_factory=Joined)
    _known: Known = field(default_factory=dict)
    _given: dict[Path, str] = field(default_factory=dict)
    _numbers: dict[int, dict[Path, int]] = field(default_factory=dict)

    @property
    def forms(self) -> dict[int, ClassDraft]:
        """A draft of each form."""
        return {form: samples[0].draft for form, samples in self.samples.items()}

    @property
    def _optional(self) -> dict[Path, str]:
        """The optional tensors, and their names."""
        return {path: name for path, name in self._given.items() if name in self.made.optional}

    def enter(self, slots: Sequence[Slot]) -> None:
        """Enter the statements, their variables and the flags that they read into the draft of the class.

        Raises:
            Unmergeable: There is no `forward` that is right in all forms.
        """
        self._given = {("", "given", str(n)): name for n, (name, _) in enumerate(self.made.arguments)}
        self._numbers = {form: {each.path: n for n, each in enumerate(d.whole)} for form, d in self.forms.items()}
        for form, draft in self.forms.items():
            known = self._known[form] = {NO_TENSOR: {NO_TENSOR: None}}
            for path, (_, tensor) in zip(self._given, draft.arguments, strict=True):
                known.setdefault(tensor, {})[path] = None
        for slot in slots:
            for part in self._parts(slot):
                self._line(part)
        self.results = [
            self._input({form: self._candidates(form, each.results()[n]) for form, each in self.forms.items()})
            for n in range(len(self.made.results()))
        ]
        lines, inputs = self.lines, [*self._inputs()]
        before = [{**each.by_form} for each in inputs]
        try:
            self._settle(copies=False)
        except Unmergeable:
            for each, by_form in zip(inputs, before, strict=True):
                each.by_form = by_form
            self.lines, self.joined = lines, Joined()
            self._settle(copies=True)

    def _settle(self, *, copies: bool) -> None:
        """Give each statement its variables and tests."""
        kept = frozenset(self._optional)
        self.lines = [*self.lines]
        Copies(self.lines, self.results, self.forms, kept, copies).enter()
        for each in self._inputs():
            if each.test is None:
                if NO_TENSOR in each.tensors and len(each.tensors) > 1:
                    raise Unmergeable("a statement reads a tensor that is none in some uses")
                self.joined.join(path for path in each.tensors if path != NO_TENSOR)
        passing = self._passing()
        for line in self.lines:
            if id(line) not in passing and line.slot is not None:
                slot = line.slot
                line.tests = tuple(self._flag(each, slot) for each in line.condition)
            self._require_present(line)
        if any(path in kept for each in self.results for path in each.tensors):
            raise Unmergeable("it returns an optional tensor")
        self.lines = arranged(self.lines)
        steps = [self._step(line, is_passing=id(line) in passing) for line in self.lines]
        names = self._variables(steps)
        effects = [
            {form: Effect(line.reads_in(form), line.value) for form in self.forms if line.runs_in(form)}
            for line in self.lines
        ]
        given = {form: [*self._given] for form in self.forms}
        results = {form: [each.by_form[form] for each in self.results] for form in self.forms}
        require_right(effects, given, results, names)
        self._enter(steps, passing, names)

    def _enter(self, steps: list[ForwardStep], passing: set[int], names: dict[Path, str]) -> None:
        made = self.made
        made.steps, made.sides = steps, [line.sides for line in self.lines]
        identities = {line.slot.name for line in self.lines if id(line) in passing and line.slot}
        made.entries = [replace(each, passes=each.name in identities) for each in made.entries]
        made.flags = self.flags
        form = next(iter(self.forms))
        made.variables = {**names}
        for path, tensors in self._known[form].items():
            if tensors.keys() <= names.keys():
                made.variables[path] = names[next(iter(tensors))]
        for path, result in zip(self.forms[form].results(), self.results, strict=True):
            made.variables[path] = names[result.by_form[form]]

    # lines

    def _inputs(self) -> Iterator[Input]:
        """Yield the inputs of all statements, and the results."""
        for line in self.lines:
            yield from line.inputs
        yield from self.results

    def _parts(self, slot: Slot) -> list[Slot]:
        """Return the step, divided where forms compute it by statements of different kinds."""
        parts: dict[Hashable, Slot] = {}
        for form, child in slot.children.items():
            if (number := self._numbers[form].get(child.path)) is not None:
                kind = self._kind(form, child, self.forms[form].whole[number])
                parts.setdefault(kind, Slot(slot.key)).children[form] = child
        return [*parts.values()]

    def _kind(self, form: int, child: Node | Container, step: ForwardStep) -> Hashable:
        callee = self._callee(form, child)
        if callee is not None:
            return "class", self.mark(callee)
        is_call = isinstance(step.expr, Call) and isinstance(step.expr.function, Attribute)
        return is_call, len(step.reads)

    def _callee(self, form: int, child: Node | Container) -> int | None:
        """Return the number of the draft whose class computes a step, None if it has none."""
        draft = self.forms[form]
        position = draft.positions.get((child.weights or child.path)[-1])
        module = None if position is None else draft.entries[position].module
        if isinstance(child, Container) and isinstance(module, Call) and isinstance(module.function, ClassRef):
            return module.function.number
        return None

    def _line(self, slot: Slot) -> None:
        """Enter the statement of a step."""
        numbers = {form: self._numbers[form][child.path] for form, child in slot.children.items()}
        sides = {form: self.forms[form].whole[number] for form, number in numbers.items()}
        if any(step.over is None for step in sides.values()):
            sides = {form: without_overwriting(step) for form, step in sides.items()}
        inputs, expr = self._applied(slot, sides)
        if any(each.test is not None for each in inputs):
            sides = {form: without_overwriting(step) for form, step in sides.items()}
            inputs, expr = self._applied(slot, sides)
        first = next(iter(sides.values()))
        value = ("", "made", str(len(self.lines)))
        step = replace(
            first, value=value, expr=expr,
            label=next((step.label for step in sides.values() if step.label), ""),
            is_merged=any(step.is_merged for step in sides.values()),
        )  # fmt: skip
        if first.over is not None:
            over = [self._candidates(form, each.over or NO_TENSOR) for form, each in sides.items()]
            step = replace(step, over=next(iter(over[0])))
        is_call = self._callee(*next(iter(slot.children.items()))) is not None
        self.lines.append(Line(slot, self.condition(slot), step, inputs, numbers, value, is_call=is_call))
        for form, side in sides.items():
            self._known[form][side.value] = self._known[form][side.path] = {value: None}

    def _applied(self, slot: Slot, sides: Mapping[int, ForwardStep]) -> tuple[list[Input], Expr]:
        """Return the tensors that a step reads, and its expression with numbers in place of them."""
        form, first = next(iter(sides.items()))
        if self._callee(form, slot.children[form]) is not None:
            calls = {each: step.expr for each, step in sides.items() if isinstance(step.expr, Call)}
            (function, *others) = {structure(each.function): each.function for each in calls.values()}.values()
            if others or len(calls) < len(sides):
                raise Unmergeable(f"`{slot.name}` is called in different ways")
            width = max(len(each.args) for each in calls.values())
            read = {
                each: [part.path if isinstance(part, ValueRef) else NO_TENSOR for part in made.args]
                for each, made in calls.items()
            }
            expr: Expr = Call(function, tuple(map(InputRef, range(width))))
        else:
            names = {
                argument_of(child, self.forms[each].container)
                for each, child in slot.children.items()
                if child.path[-1] not in self.forms[each].positions
            }
            if not names.isdisjoint(self.expressions.varying):
                raise Unmergeable(f"`{', '.join(sorted(names))}` is applied without a module of its own")
            read = {each: [*step.reads] for each, step in sides.items()}
            width = len(first.reads)
            expr = self.expressions.merged({each: with_numbers(step, self.forms[each]) for each, step in sides.items()})
        columns = [
            {each: self._candidates(each, own[n] if n < len(own) else NO_TENSOR) for each, own in read.items()}
            for n in range(width)
        ]
        return [self._input(each, slot) for each in columns], expr

    def _candidates(self, form: int, path: Path) -> dict[Path, None]:
        """Return the tensors of the class that a tensor of a form may be."""
        draft = self.forms[form]
        origin = path if path == NO_TENSOR else draft.origin_in_whole(path)
        known = self._known[form]
        if origin not in known:
            raise Unmergeable("it returns a tensor that it does not compute")
        return known[origin]

    def _input(self, column: Mapping[int, Mapping[Path, None]], slot: Slot | None = None) -> Input:
        """Return what a statement reads, from the tensors that it may be in each form."""
        common = _common(column)
        if len(common) == 1:
            return Input(dict.fromkeys(column, common[0]))
        if common:
            raise Unmergeable("two tensors are the same in all uses that have a step")
        for test, *sides in self.either.sides(slot.children, column.keys()) if slot else ():
            (true, false) = (_common({form: column[form] for form in each}) for each in sides)
            if len(true) == len(false) == 1 and all(map(self._always_exists, (*true, *false))):
                by_form = {form: path for each, (path,) in zip(sides, (true, false), strict=True) for form in each}
                return Input({form: by_form[form] for form in column}, test, true[0], false[0])
        if any(len(each) > 1 for each in column.values()):
            raise Unmergeable("two tensors are the same in some uses only")
        return Input({form: next(iter(each)) for form, each in column.items()})

    def _always_exists(self, path: Path) -> bool:
        return path == NO_TENSOR or not any(line.condition for line in self.lines if line.value == path)

    # tests

    def _passing(self) -> set[int]:
        """Return the identities of the optional lines for which a module that passes its input on can stand.

        Each is a submodule whose only input has the variable of its result; in a run of such steps, that of the last.
        """
        of = self.joined.of
        entries = {entry.name for entry in self.made.entries if entry.test is not None}
        slots = [line.slot.name for line in self.lines if line.slot]
        optional = {
            number
            for number, line in enumerate(self.lines)
            if line.condition and line.slot and line.slot.name in entries and slots.count(line.slot.name) == 1
            if len(line.inputs) == 1 and line.inputs[0].test is None
        }
        readers: dict[Path, list[int]] = {}
        for number, line in enumerate(self.lines):
            for path in dict.fromkeys(path for each in line.inputs for path in each.tensors):
                readers.setdefault(path, []).append(number)
        for number in sorted(optional, reverse=True):
            line = self.lines[number]
            after = readers.get(line.value, [])
            if len(after) != 1 or after[0] not in optional:
                continue
            last, start = self.lines[after[0]], line.inputs[0].tensors[0]
            if last.condition == line.condition and of(last.value) == of(start):
                self.joined.join((start, line.value))
        return {
            id(self.lines[n]) for n in optional if of(self.lines[n].value) == of(self.lines[n].inputs[0].tensors[0])
        }

    def _require_present(self, line: Line) -> None:
        """Require that a statement runs only where the optional tensors exist that it reads."""
        for number, each in enumerate(line.inputs):
            for path in each.tensors:
                name = self._optional.get(path, "")
                if name and (name, True) not in line.tests and not self._takes_none(line, number):
                    raise Unmergeable(f"it reads `{name}` where that may be none")

    def _takes_none(self, line: Line, number: int) -> bool:
        """Return whether the argument with this number of a call is optional."""
        form = next(iter(line.sides), None)
        callee = self._callee(form, line.slot.children[form]) if line.slot and form is not None else None
        if callee is None:
            return False
        inner = self.drafts[callee]
        return inner.arguments[number][0] in inner.optional

    def _flag(self, literal: Literal, slot: Slot) -> tuple[str, bool]:
        """Return the attribute that says whether a test holds, and its value; for a tensor, the name of the tensor."""
        wanted, opposite = structure(literal.test), structure(negated(literal.test))
        for parameter, size in self.made.present.items():
            name = next((each for each in (parameter, f"{parameter}_") if each in self.made.optional), "")
            for symbol, holds in ((">", True), ("==", False)):
                if name and wanted == structure(Infix(self._size(size), symbol, 0)):
                    return name, literal.holds == holds
        if isinstance(literal.test, Ref) and literal.test.name not in self.hidden:
            self.flags[literal.test.name] = literal.test
            return literal.test.name, literal.holds
        for name, test in self.flags.items():
            if structure(test) in (wanted, opposite):
                return name, literal.holds == (structure(test) == wanted)
        name = base = f"has_{_flagged(slot)}"
        number = 2
        while name in self.taken or name in self.flags:
            name, number = f"{base}_{number}", number + 1
        self.flags[name] = literal.test if literal.holds else negated(literal.test)
        return name, True

    def _size(self, name: str) -> Expr:
        return own(name, self.made.parameters.values[name])

    # variables

    def _step(self, line: Line, *, is_passing: bool) -> ForwardStep:
        """Return a line with its tensors and tests."""
        inputs = tuple(self._chosen(each, line) for each in line.inputs)
        if line.is_call and isinstance(line.step.expr, Call):
            while inputs and inputs[-1] is None:
                inputs = inputs[:-1]
            expr: Expr = replace(line.step.expr, args=inputs)
        else:
            expr = line.step.expr if line.slot is None else with_inputs(line.step.expr, inputs)
        reads = dict.fromkeys(path for each in line.inputs for path in each.tensors if path != NO_TENSOR)
        return replace(line.step, expr=expr, reads=(*reads,), passes=is_passing, tests=line.tests)

    def _chosen(self, given: Input, line: Line) -> Expr:
        """Return the expression of a tensor that a statement reads."""
        if given.test is None:
            path = given.tensors[0]
            return None if path == NO_TENSOR else ValueRef(path)
        assert line.slot
        name, holds = self._flag(Literal(given.test, holds=True), line.slot)
        true, false = (None if each == NO_TENSOR else ValueRef(each) for each in (given.true, given.false))
        if name in self.made.optional:
            test: Expr = Infix(Ref(name), "is not" if holds else "is", None)
            return Conditional(true, test, false)
        flag = Attribute(Ref("self"), name)
        return Conditional(true, flag, false) if holds else Conditional(false, flag, true)

    def _variables(self, steps: Sequence[ForwardStep]) -> dict[Path, str]:
        """Return the variable of each tensor; joined tensors have one."""
        of = self.joined.of
        values = []
        for step in steps:
            reads = dict.fromkeys(map(of, step.reads))
            over = of(step.over) if step.over else None
            if step.passes and of(step.value) in reads:
                continue
            values.append(Value(of(step.value), tuple(reads), step.label, "", step.is_merged, over))
        arguments = {of(path): name for path, name in reversed([*self._given.items()])}
        kept = {of(path) for each in self.results for path in each.tensors} | {of(path) for path in self._optional}
        names = named(values, arguments, frozenset(kept), {})
        return {path: names[of(path)] for path in (*self._given, *(step.value for step in steps))}


def _common(column: Mapping[int, Mapping[Path, None]]) -> list[Path]:
    """Return the tensors that are candidates in all forms."""
    first, *others = column.values()
    return [path for path in first if all(path in each for each in others)]


def _flagged(slot: Slot) -> str:
    child = next(iter(slot.children.values()))
    if isinstance(child, Node) and isinstance(child.op, Add) and not is_label(child):
        return "shortcut"
    return slot.name if is_label(child) or not isinstance(child, Node) else child.op.name
