"""Calls near the examples of operators: other values of each argument, other sizes, other numbers of axes.

What PyTorch knows is held against PyTorch. What an operator says (words in drawings, formulas, warnings and errors with
their numbers) is kept in `tests/operators/`, one file for each operator; `pytest --regen` writes it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
import torch
from operator_code import OPERATORS, Function, constructor, namespace, node_of
from torch import nn

from archdsl.base.pyexpr import Ref, with_inputs
from archdsl.base.pyprint import flat
from archdsl.base.shape import Shape
from archdsl.ops import all_ops
from archdsl.ops.analysis import Saved
from archdsl.ops.argument_types import (
    Choice,
    Chosen,
    Number,
    PaddingKind,
    PerAxis,
    Truth,
    WholeNumber,
    Word,
    is_int,
    shown,
)
from archdsl.ops.base import ForwardOnly, Functional, Op
from archdsl.ops.declared import Argument
from archdsl.ops.reasons import ShapeError

KEPT = Path(__file__).parent / "operators"


@dataclass(frozen=True)
class Variant:
    """An operator with its inputs, and the words for what differs from an example."""

    title: str
    op: Op
    inputs: tuple[Shape, ...]
    change: tuple[Argument, object] | None = None

    def made(self) -> Op:
        """Return the operator with the change; raise `ShapeError` if the argument does not take the value."""
        if self.change is None:
            return self.op
        argument, value = self.change
        return self.op.changed(**{argument.name: argument.kind.convert(argument.name, value)})


def variants(op: type[Op]) -> Iterator[Variant]:
    """Yield the examples of an operator, each followed by its variants."""
    used: set[object] = set()
    for example in op.examples:
        node = node_of(example)
        # A value is tried once for each choice of the words and truth values.
        modes = tuple(str(value) for value in node.op.values.values() if isinstance(value, Chosen | bool))
        yield Variant(f"{example.call} on {shapes(node.inputs)}", node.op, node.inputs)
        for argument in op.arguments.values():
            numbers = {v for name, v in node.op.values.items() if name != argument.name and isinstance(v, int | float)}
            peers = [v for v in sorted(numbers) if not isinstance(v, bool)]
            for value in values(argument, node.op.values[argument.name], node.input, peers):
                title = f"  {argument.name} = {shown(value)}"
                if (title, modes) in used:
                    continue
                used.add((title, modes))
                yield Variant(title, node.op, node.inputs, (argument, value))
        if (node.input.rank, modes) in used:
            continue
        used.add((node.input.rank, modes))
        for inputs in others(node.inputs):
            yield Variant(f"  on {shapes(inputs)}", node.op, inputs)


def shapes(inputs: tuple[Shape, ...]) -> str:
    return " and ".join(map(str, inputs))


def values(argument: Argument, given: Any, x: Shape, peers: list[int | float]) -> list[object]:
    """Return values of an argument for an input, some of which are refused; `peers` are values of other arguments."""
    side, axes = x.dims[-1], x.rank - 1
    found: list[object] = [] if argument.required or argument.default is None else [argument.default]
    match argument.kind:
        case Truth():
            found += [True, False]
        case Choice(choices=choices):
            found += [Word(word) for word in choices]
        case Number(low=low, high=high, above=above):
            ends = [end for end in (low, high, above) if end is not None]
            found += [0.3, 3.0, -0.5, *ends, *(end + 0.5 for end in ends), *peers]
        case WholeNumber(low=low):
            number = given if is_int(given) else 2
            found += filter(is_int, peers)
            found += [
                1,
                2,
                3,
                number + 1,
                *((side - 1, side, side + 1) if side < 100 else ()),
                *([low - 1] if low is not None else []),
            ]
            if isinstance(argument.kind, PerAxis):
                found += [(2, 3, 1, 2)[:count] for count in (axes, axes + 1) if count > 0]
            if isinstance(argument.kind, PaddingKind):
                found += [Word(word) for word in argument.kind.words]
    return [value for n, value in enumerate(found) if value not in found[:n] and value != given]


def others(inputs: tuple[Shape, ...]) -> Iterator[tuple[Shape, ...]]:
    """Yield inputs with other sizes and other numbers of axes."""
    dims = inputs[0].dims
    changed = [(*dims[:-1], dims[-1] + 1), (dims[0] + 1, *dims[1:]), (2 * dims[0], *dims[1:]), (1, *dims[1:])]
    changed += [(dims[0], *(1 for _ in dims[1:])), (*dims[:-1], 1), dims[:-1], (*dims, 3), (*dims, 3, 2), (dims[0],)]
    for sizes in dict.fromkeys(changed):
        if sizes and sizes != dims:
            yield (Shape(sizes), *inputs[1:])
            if len(inputs) > 1:
                yield (*inputs[:-1], Shape(sizes))
                yield (Shape(sizes),) * len(inputs)


def account(variant: Variant) -> list[str]:
    """Return what an operator says about a call."""
    try:
        op = variant.made()
        shape = op.result(variant.inputs).plain()
    except ShapeError as error:
        reason = error.reason
        offered = reason.argument_to_add()
        add = f"; adds {offered[0]} = {offered[1]}" if offered else ""
        about = " (shape)" if reason.about_stream else ""
        return [f"{variant.title}: {reason.code.id} at {reason.at}{about}: {reason.label()}; {reason.help()}{add}"]
    x = variant.inputs[0]
    sums, drawing = op.sums(x, shape), op.drawing(x)
    words = [
        drawing.title,
        *([drawing.entry] if drawing.entry else []),
        *([f"/ {drawing.stride}"] if drawing.stride else []),
    ]
    return [
        f"{variant.title}: {shape}, {op.params(x)} parameters, {op.macs(x, shape)} operations, {' | '.join(words)}",
        *(f"    {line}" for line in (*sums.shape, sums.params, sums.macs, sums.why) if line),
        f"    {code(op, variant.inputs)}",
        f"    saves {record(op.saved_for_backward(variant.inputs, shape))}",
        *(f"    warns: {reason.label()}; {reason.help()}" for reason in op.advice(x)),
    ]


def differences(op: type[Op]) -> Iterator[str]:
    """Yield what an operator says about each example, and what differs for its variants."""
    usual: list[str] = []
    for variant in variants(op):
        lines = account(variant)
        if not variant.title.startswith(" "):
            usual = lines
            yield from lines
        else:
            yield lines[0]
            yield from (f"  {line}" for line in lines[1:] if line not in usual)


def record(saved: Saved) -> str:
    """Return the fields of a record that are not empty."""
    return ", ".join(f"{name} {int(value)}" for name, value in saved._asdict().items() if value) or "nothing"


def code(op: Op, inputs: tuple[Shape, ...]) -> str:
    emission = op.emission(inputs)
    if isinstance(emission, ForwardOnly):
        return flat(with_inputs(emission.function, tuple(Ref(f"x{n}") for n in range(len(inputs)))))
    call = constructor(emission)
    assert call is not None
    function = flat(with_inputs(emission.function, (Ref("x"),))) if isinstance(emission, Functional) else ""
    return f"{flat(call)}  {function}".rstrip()


@pytest.mark.parametrize("op", OPERATORS)
def test_operators_say_what_is_kept(op: type[Op], *, regen: bool) -> None:
    found = "\n".join(differences(op)) + "\n"
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
    assert {path.stem for path in KEPT.glob("*.txt")} == names, "`pytest --regen tests/test_operator_variants.py -n 0`"


FORMULA = re.compile(r"^([\d\s()+*/.,-]+) = ([\d.]+)(, rounded (up|down) to (\d+))?")


@pytest.mark.parametrize("op", OPERATORS)
def test_variants_are_what_pytorch_does(op: type[Op]) -> None:
    """Shape and parameters of the module agree with the rules, and formulas give the numbers that they claim."""
    for variant in variants(op):
        try:
            made = variant.made()
            shape = made.result(variant.inputs).plain()
        except ShapeError:
            continue
        x = variant.inputs[0]
        sums = made.sums(x, shape)
        assert not sums.params or evaluated(sums.params) == made.params(x), variant
        assert not sums.macs or evaluated(sums.macs) == made.macs(x, shape), variant
        for line in sums.shape:
            if formula := FORMULA.match(line):
                assert evaluated(formula[1]) == pytest.approx(float(formula[2]), rel=1e-4), (variant, line)
        is_small = made.params(x) < 1e6 and max(*(each.volume for each in variant.inputs), shape.volume) < 1e4
        with torch.device("cpu" if is_small else "meta") as device:
            module = module_of(made, variant.inputs)
            samples = [
                torch.zeros(2, *each.dims, dtype=torch.int64 if made.indices() else None) for each in variant.inputs
            ]
            assert tuple(module.to(device).eval()(*samples).shape) == (2, *shape.dims), variant
        assert sum(weight.numel() for weight in module.parameters()) == made.params(x), variant


def evaluated(text: str) -> float:
    assert re.fullmatch(r"[\d\s()+*/.-]+", text), text
    return float(eval(text))


def module_of(op: Op, inputs: tuple[Shape, ...]) -> nn.Module:
    call = constructor(op.emission(inputs))
    if call is not None:
        module = eval(flat(call), namespace(op))
        assert isinstance(module, nn.Module)
        return module

    class Node:
        emission = op.emission(inputs)

    Node.op = op  # type: ignore[attr-defined]
    return Function(Node)  # type: ignore[arg-type]
