"""The statements of `forward` of a merged class: the tensors that each reads in each form of the block."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archdsl.base.pyexpr import Expr, ValueRef
from archdsl.emit.class_draft import NO_TENSOR, ForwardStep
from archdsl.emit.merge.alignment import Slot
from archdsl.emit.merge.conditions import Condition
from archdsl.emit.merge.samples import Unmergeable
from archdsl.ir.graph import Path


@dataclass(slots=True)
class Input:
    """A tensor that a statement reads.

    Attributes:
        by_form: The tensor in each form.
        test: The test between two tensors that always exist, None where the forms read one variable.
        true: The tensor where the test holds.
        false: The tensor where it does not.
    """

    by_form: dict[int, Path]
    test: Expr = None
    true: Path = NO_TENSOR
    false: Path = NO_TENSOR

    @property
    def tensors(self) -> tuple[Path, ...]:
        """The tensors that it may be."""
        return tuple(dict.fromkeys(self.by_form.values()))


@dataclass(slots=True)
class Line:
    """A statement of `forward`.

    Attributes:
        slot: The step that it computes, None for a copy of a variable.
        condition: When it runs.
        step: The statement, with numbers of inputs in place of tensors.
        inputs: The tensors that it reads.
        sides: The number of the step in the forms that have it.
        value: The tensor that it computes.
        tests: The flags that are on, and those that are off, where it runs.
        is_call: Whether it calls a module of a generated class.
    """

    slot: Slot | None
    condition: Condition
    step: ForwardStep
    inputs: list[Input]
    sides: dict[int, int]
    value: Path
    tests: tuple[tuple[str, bool], ...] = ()
    is_call: bool = False

    def runs_in(self, form: int) -> bool:
        """Return whether a form has it."""
        return self.slot is None or form in self.sides

    def reads_in(self, form: int) -> tuple[Path, ...]:
        """Return the tensors that it reads in a form."""
        found = (each.by_form.get(form, NO_TENSOR) for each in self.inputs)
        return tuple(path for path in found if path != NO_TENSOR)


@dataclass(slots=True)
class _Copy:
    """A copy of a tensor, whose variable is that of the results of some optional statements."""

    path: Path
    copy: Path
    values: set[Path] = field(default_factory=set)


@dataclass(slots=True)
class Copies:
    """Copies of variables, for tensors that are read later under their own name.

    Attributes:
        lines: The statements of `forward`, to which the copies are added.
        results: The tensors that `forward` returns.
        forms: The numbers of the forms.
        kept: The tensors whose variables hold no other tensor.
        read_later: Whether to copy other tensors that are read later, too.
    """

    lines: list[Line]
    results: Sequence[Input]
    forms: Iterable[int]
    kept: frozenset[Path]
    read_later: bool
    _made: list[_Copy] = field(default_factory=list)

    def enter(self) -> None:
        """Copy each tensor that shares a variable with the result of an optional statement and is read later."""
        for each in [each for line in self.lines for each in line.inputs] + [*self.results]:
            tensors = each.tensors
            if each.test is not None or len(tensors) < 2:
                continue
            optional = [line for line in self.lines if line.value in tensors and line.condition]
            always = [path for path in tensors if path not in [line.value for line in optional]]
            if len(always) != 1 or not optional:
                continue
            (path,) = always
            if path == NO_TENSOR:
                raise Unmergeable("a statement reads a tensor that is none in some uses")
            first = self.lines.index(optional[0])
            values = {line.value for line in optional}
            known = next((each for each in self._made if each.path == path and each.values & values), None)
            is_later = self.read_later and (known is not None or self._is_read_after(first, path, tensors))
            if is_later or path in self.kept:
                copy = known or self._copied(first, path)
                copy.values |= values
                each.by_form = {form: copy.copy if own == path else own for form, own in each.by_form.items()}

    def _is_read_after(self, number: int, path: Path, tensors: tuple[Path, ...]) -> bool:
        """Return whether a statement after this one reads a tensor as itself."""
        later = [each for line in self.lines[number + 1 :] for each in line.inputs] + [*self.results]
        return any(path in each.tensors and {*each.tensors} != {*tensors} for each in later)

    def _copied(self, number: int, path: Path) -> _Copy:
        copy = ("", "copy", str(len(self._made)))
        step = ForwardStep(copy, copy, ValueRef(path), (path,), self.lines[number].step.shape)
        self.lines.insert(number, Line(None, (), step, [Input(dict.fromkeys(self.forms, path))], {}, copy))
        made = _Copy(path, copy)
        self._made.append(made)
        return made


def arranged(lines: Sequence[Line]) -> list[Line]:
    """Return statements in an order in which neighbours with opposite tests become an `if` with an `else`.

    Statements of opposite tests never run together, so their order does not matter.
    """
    return _arranged([(line.tests, line) for line in lines])


def _arranged(lines: Sequence[tuple[tuple[tuple[str, bool], ...], Line]]) -> list[Line]:
    found: list[Line] = []
    at = 0
    while at < len(lines):
        tests, line = lines[at]
        if not tests:
            found.append(line)
            at += 1
            continue
        name, holds = tests[0]
        sides: Mapping[bool, list[tuple[tuple[tuple[str, bool], ...], Line]]] = {holds: [], not holds: []}
        while at < len(lines) and lines[at][0] and lines[at][0][0][0] == name:
            (_, own), *rest = lines[at][0]
            sides[own].append((tuple(rest), lines[at][1]))
            at += 1
        found += [each for side in sides.values() for each in _arranged(side)]
    return found
