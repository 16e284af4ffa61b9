"""The code of operators, and their words in drawings, formulas, warnings and errors.

They are in `tests/operators/`, one file for each operator: all words of the examples, and one line for each kind of
words of their variants. `pytest --regen` writes these files.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from itertools import product
from pathlib import Path

import pytest
from operator_code import (
    OPERATORS,
    constructor,
)
from operator_variants import Variant, variants

from archdsl.base.pyexpr import Ref, with_inputs
from archdsl.base.pyprint import flat
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops import all_ops
from archdsl.ops.base import ForwardOnly, Functional, Op, Submodule
from archdsl.ops.reasons import Reason, ShapeError

KEPT = Path(__file__).parent / "operators"
NUMBER = re.compile(r"\d+(\.\d+)?(e-?\d+)?")


@dataclass
class Account:
    """The words about an example and its variants.

    Attributes:
        example: The call of the example and its inputs.
        known: The lines of all examples of the operator, with 0 for each number.
        lines: The lines that differ from the known ones in more than their numbers.
        refused: The values that are refused, by argument and code; without those that a line is about.
    """

    example: str
    known: set[str]
    lines: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)

    def add(self, variant: Variant) -> None:
        """Add the new lines of a variant, or its error."""
        try:
            step = variant.made()
        except ShapeError as error:
            self._refuse(variant, error.reason)
            return
        op, x, shape = step.op, step.input, step.shape
        sums = op.sums(x, shape)
        lines = [drawn(op, x), *code_of(step), *sums.shape, sums.params, sums.macs, sums.why]
        lines += [f"warns: {said(reason)}" for reason in op.advice(x)]
        lines += [f"may lack: {name} = {value}" for name, value in op.alternatives()]
        lines = [line for line in lines if line]
        new = self._new(lines)
        if not variant.difference:
            new = lines
        if variant.change is None:
            new += self._new(roles_of(step))
        if new:
            self.lines += [f"  {variant.difference or 'itself'}: {shape}", *(f"    {line}" for line in new)]

    def _refuse(self, variant: Variant, reason: Reason) -> None:
        offered = reason.argument_to_add()
        add = f"; adds {' = '.join(offered)}" if offered else ""
        about = " (shape)" if reason.about_stream else ""
        line = f"{reason.code.id} at {reason.at}{about}: {said(reason)}{add}"
        if new := self._new([line]):
            self.lines += [f"  {variant.difference}: {new[0]}"]
        else:
            name, _, value = variant.difference.partition(" ")
            self.refused.setdefault(f"{reason.code.id} for {name}", []).append(value.removeprefix("= "))

    def _new(self, lines: Iterable[str]) -> list[str]:
        found = {NUMBER.sub("0", line): line for line in lines}
        new = [line for kind, line in found.items() if kind not in self.known]
        self.known.update(found)
        return new

    def written(self) -> Iterator[str]:
        """Yield the lines, and the values of each argument that are refused."""
        if self.lines or self.refused:
            yield self.example
            yield from self.lines
            yield from (f"  {words}: {', '.join(values)}" for words, values in self.refused.items())


def said(reason: Reason) -> str:
    """Return the message of a reason with its help."""
    return "; ".join(filter(None, (reason.label(), reason.help())))


def drawn(op: Op, x: Shape) -> str:
    """Return the words in drawings and tables."""
    drawing = op.drawing(x)
    return " | ".join(filter(None, (drawing.title, drawing.entry, drawing.stride and f"/ {drawing.stride}")))


def code_of(step: Node) -> list[str]:
    """Return the constructor and the function of a step."""
    emission = step.emission
    made = constructor(emission)
    calls = [made] if made else []
    if not isinstance(emission, Submodule):
        calls.append(with_inputs(emission.function, tuple(Ref(f"x{n}") for n in range(len(step.inputs)))))
    in_place = [] if isinstance(emission, Submodule) or not takes_place(emission) else ["in place"]
    return ["  ".join([*map(flat, calls), *in_place])]


def takes_place(emission: Functional | ForwardOnly) -> bool:
    """Return whether there is a form that overwrites the input, or adds to it."""
    return emission.in_place if isinstance(emission, Functional) else emission.adds_in_place


def roles_of(step: Node) -> Iterator[str]:
    """Yield what the inputs become if they are sequences or maps, with warnings; the first may have another role."""
    for first, second in product((Role.MAP, Role.CHANNELS_LAST, Role.SEQUENCE), repeat=2):
        roles = (first, *(second for _ in step.inputs[1:]))
        is_new = first is second or len(roles) > 1
        if is_new and all(role.fits(x.rank) for role, x in zip(roles, step.inputs, strict=True)):
            given = " and ".join(role.described() for role in dict.fromkeys(roles))
            reason = step.op.role_advice(roles, step.inputs, ())
            warning = f"; warns: {said(reason)}" if reason else ""
            yield f"{given}: {step.op.role(roles, step.inputs, step.shape).described()}{warning}"


def account(op: type[Op]) -> Iterator[str]:
    """Yield the words of an operator about itself, its examples and their variants."""
    names = [*op.arguments]
    names.insert(op.positional, "*")
    yield f"{op.name}({', '.join(names)}) {', '.join(sorted(str(trait.name) for trait in op.traits))}".rstrip()
    known: set[str] = set()
    found: list[Account] = []
    for variant in variants(op):
        if not variant.difference:
            found.append(Account(variant.example, known))
        found[-1].add(variant)
    for each in found:
        yield from each.written()


@pytest.mark.parametrize("op", OPERATORS)
def test_operators_say_what_is_kept(op: type[Op], *, regen: bool) -> None:
    found = "\n".join(account(op)) + "\n"
    kept = KEPT / f"{op.name}.txt"
    if regen:
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(found, encoding="utf-8")
        return
    if not kept.exists():
        pytest.skip("a new operator: the test of all files asks for it")
    expected = kept.read_text(encoding="utf-8")
    lines = unified_diff(expected.splitlines(), found.splitlines(), f"{kept.name} (kept)", "now", lineterm="")
    assert found == expected, "\n".join([*lines, "`pytest --regen` accepts this"])


def test_every_operator_has_a_file(*, regen: bool) -> None:
    names = {op.name for op in all_ops()}
    if regen:
        for path in KEPT.glob("*.txt"):
            if path.stem not in names:
                path.unlink()
    assert {path.stem for path in KEPT.glob("*.txt")} == names, "`pytest --regen tests/test_operator_words.py -n 0`"
