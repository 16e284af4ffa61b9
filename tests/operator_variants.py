"""Calls near the examples of operators: other values of each argument, other sizes, other numbers of axes."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from operator_code import (
    node_of,
)

from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops.argument_types import (
    Bitmaps,
    Choice,
    Chosen,
    IndexTable,
    Number,
    PaddingKind,
    PerAxis,
    Truth,
    WholeNumber,
    Word,
    is_int,
    shown,
)
from archdsl.ops.base import Op
from archdsl.ops.declared import Argument
from archdsl.ops.reasons import ShapeError


@dataclass(frozen=True)
class Variant:
    """A step that differs from an example in one argument or in its inputs.

    Attributes:
        example: The call of the example and its inputs.
        difference: The difference from the example; empty for the example itself.
        step: The example as a step of a graph, with the inputs of the variant.
        change: An argument with its value, if that is the difference.
    """

    example: str
    difference: str
    step: Node
    change: tuple[Argument, object] | None = None

    def __str__(self) -> str:
        return f"{self.example}, {self.difference}"

    def made(self) -> Node:
        """Return the step with the change; raise `ShapeError` if the argument or the operator refuses it."""
        op = self.step.op
        if self.change is not None:
            argument, value = self.change
            op = op.changed(**{argument.name: argument.kind.convert(argument.name, value)})
        return replace(self.step, op=op, shape=op.result(self.step.inputs).plain())


@cache
def variants(op: type[Op]) -> tuple[Variant, ...]:
    """Return the examples of an operator, each followed by its variants."""
    return tuple(varied(op))


def varied(op: type[Op]) -> Iterator[Variant]:
    used: set[object] = set()
    for example in op.examples:
        node = node_of(example)
        title = f"{example.call} on {shapes(node.inputs)}"
        # A value is tried once for each choice of the words and truth values.
        modes = tuple(str(value) for value in node.op.values.values() if isinstance(value, Chosen | bool))
        yield Variant(title, "", node)
        for argument in op.arguments.values():
            numbers = {v for name, v in node.op.values.items() if name != argument.name and isinstance(v, int | float)}
            peers = [v for v in sorted(numbers) if not isinstance(v, bool)]
            for value in values(argument, node.op.values[argument.name], node.input, peers):
                difference = f"{argument.name} = {shown(value)}"
                if (difference, modes) in used:
                    continue
                used.add((difference, modes))
                yield Variant(title, difference, node, (argument, value))
        if (node.input.rank, modes) in used:
            continue
        used.add((node.input.rank, modes))
        for inputs in others(node.inputs):
            yield Variant(title, f"on {shapes(inputs)}", replace(node, inputs=inputs))


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
            found += [*(Word(word) for word in choices), Word("other"), choices[-1], None]
        case Number(low=low, high=high, above=above):
            ends = [end for end in (low, high, above) if end is not None]
            found += [0.3, 3.0, -0.5, *ends, *(end + 0.5 for end in ends), *peers]
        case WholeNumber(low=low):
            number = given if is_int(given) else 2
            found += [more for peer in peers if is_int(peer) for more in (peer, peer + 1)]
            found += [
                1,
                2,
                3,
                number + 1,
                *((side - 1, side, side + 1) if side < 100 else ()),
                *([low - 1] if low is not None else []),
            ]
            if isinstance(argument.kind, PerAxis):
                found += [(2, 3, 1, 2, 1)[:count] for count in (axes, axes + 1, axes + 2) if count > 0]
            if isinstance(argument.kind, PaddingKind):
                found += [Word(word) for word in argument.kind.words]
        case IndexTable() | Bitmaps() if given is not None:
            found += [given[:-1], (*given, given[0])]
            if isinstance(argument.kind, IndexTable):
                rows = [(-1,), (x.channels,), (0, 0), ()]
                found += [(row, *given[1:]) for row in rows] + [(tuple(range(x.channels)),) * len(given)]
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


def accepted(op: type[Op]) -> Iterator[tuple[Variant, Node]]:
    """Yield the variants of an operator that fit, with their steps."""
    for variant in variants(op):
        with suppress(ShapeError):
            yield variant, variant.made()
