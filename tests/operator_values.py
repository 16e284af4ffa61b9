"""Boundary values for the arguments of operators, and PyTorch's opinion of what the rules accept."""

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from operator_code import Function, constructor, namespace
from torch import Tensor, nn

from archdsl.base.pyprint import flat
from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.diag.model import Problems
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.limits import Limits
from archdsl.ir.answers import Answers
from archdsl.ir.graph import Node
from archdsl.ops.argument_types import (
    ArgumentType,
    Bitmaps,
    Choice,
    IndexTable,
    Number,
    PaddingKind,
    PerAxis,
    Sizes,
    Truth,
    WholeNumber,
    Word,
)
from archdsl.ops.base import Op, Submodule
from archdsl.ops.initialisers import InitialiserType
from archdsl.ops.reasons import ShapeError

SPAN = Span(Source("values.arch", "step"), 0, 4)
# A larger computation is left to the device where PyTorch computes only shapes.
ELEMENTS, OPERATIONS = 300_000, 20_000_000
INTEGERS = (0, 1, 2, 3, 4, 5, 7, 16, -1, -2, 2**15, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1)
NUMBERS = (
    0, 1, 2, -1, 10**18, 2**63 - 1, 0.0, -0.0, 1.0, 0.5, -0.5, 1.5, -1.5, 1e-8, 1e-45, 5e-324, 1e30, -1e30,
    3.5e38, -3.5e38, 1e300, -1e300, 1.7e308,
)  # fmt: skip
TABLES: tuple[list[list[int]], ...] = ([[0]], [[0], [1]], [[0, 0]], [[-1]], [[2**62]], [[0]] * 8, [])
BITMAPS: tuple[list[str], ...] = (["#."], ["#.#.", "...."], ["/"], [""], ["#" * 84] * 10, ["#"] * 4, [])
SIZES = (1, -1, 4, (4, -1), (-1, 2), (-1, -1), (0, 4), (2, 2, 2), (1,) * 7, 2**62, (2**40, 2**40), (2**62, -1))


def values_of(kind: ArgumentType) -> Iterator[object]:
    """Yield boundary values of an argument; the type refuses some of them."""
    match kind:
        case PaddingKind():
            yield from map(Word, kind.words)
            yield from _whole(kind)
        case Sizes():
            yield from SIZES
        case WholeNumber():
            yield from _whole(kind)
        case Number():
            yield from (None, *NUMBERS)
        case Truth():
            yield from (True, False)
        case Choice():
            yield from map(Word, kind.choices)
        case IndexTable():
            yield from (None, *TABLES)
        case Bitmaps():
            yield from (None, *BITMAPS)
        case InitialiserType():
            yield None
        case _:
            raise AssertionError(f"{type(kind).__name__} has no boundary values here")


def _whole(kind: WholeNumber) -> Iterator[object]:
    yield from (None, *INTEGERS)
    if isinstance(kind, PerAxis):
        for number in (0, 1, 3, 2**31, 2**62):
            yield from ((number,), (1, number), (number, 1), (1, 2, number), (1, 2, 3, number))


def converted(op: Op, name: str, value: object) -> Op | None:
    """Return the operator with another value for an argument, None where its type refuses the value."""
    try:
        return op.changed(**{name: op.arguments[name].kind.convert(name, value)})
    except ShapeError:
        return None


def accepted(op: Op, inputs: tuple[Shape, ...]) -> Node | None:
    """Return the step that an operator becomes; None where its rules refuse it, as `check` does."""
    try:
        shape = op.result(inputs)
    except ShapeError:
        return None
    sources = tuple(("", f"x{number}") for number in range(len(inputs)))
    budget = Budget(Problems(), Limits())
    if not budget.allows(Answers(op, inputs, shape), SPAN):
        return None
    return Node(("step",), op, sources, inputs, shape, SPAN)


def complaint(node: Node) -> str | None:
    """Return what is wrong with the answers of an operator that accepts its inputs: with its code, or the others."""
    x, y = node.input, node.shape
    op = node.op
    for answer in (op.advice, op.drawing, op.params, op.parameter_sizes, op.buffer_sizes):
        answer(x)
    for both in (op.macs, op.sums):
        both(x, y)
    for all_of_them in (op.saved_for_backward, op.input_dependence):
        all_of_them(node.inputs, y)
    op.fusion(2, node.inputs)
    is_real = _most_elements(node) <= ELEMENTS and node.macs <= OPERATIONS
    # PyTorch computes a table on the CPU, whatever its device.
    if not is_real and op.fixed(x) > ELEMENTS:
        return None
    call = constructor(node.emission)
    with torch.device("cpu" if is_real else "meta"):
        modules: list[nn.Module] = [] if call is None else [eval(flat(call), namespace(op))]
        if not isinstance(node.emission, Submodule):
            modules.append(Function(node))
        for module in modules:
            for training in (True, False):
                result = module.train(training)(*_samples(node))
                if tuple(result.shape[1:]) != tuple(map(int, y.dims)):
                    return f"the rule says {y}, PyTorch {tuple(result.shape[1:])}"
        params = sum(each.numel() for each in modules[0].parameters())
        if params != node.params:
            return f"the rule says {node.params} parameters, PyTorch has {params}"
    return None


def _most_elements(node: Node) -> int:
    """Return a bound on the elements that a step holds at a time: inputs, result, weights and its integers."""
    numbers = [abs(part) for value in node.op.values.values() for part in _integers(value)]
    if node.op.values.get("padding") == "tf_same":
        # The padded map is computed.
        numbers.append(max(numbers) ** 2)
    shapes = [prod(map(int, shape.dims)) for shape in (*node.inputs, node.shape)]
    buffers = [prod(map(int, sizes)) for _, sizes in node.op.buffer_sizes(node.input)]
    return max(*shapes, *numbers, int(node.params), *buffers, 0)


def _integers(value: object) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _integers(each)


def _samples(node: Node) -> list[Tensor]:
    count: Any = node.op.indices()
    return [
        torch.ones((2, *map(int, shape.dims))) if count is None else torch.zeros((2, *map(int, shape.dims))).long()
        for shape in node.inputs
    ]
