"""What the rules of operators accept, PyTorch accepts too: boundary values of arguments, and inputs of every rank."""

import warnings
from collections.abc import Iterator
from itertools import product

import pytest
import torch
from operator_code import OPERATORS, node_of
from operator_values import accepted, complaint, converted, values_of

from archdsl.base.shape import Shape
from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.emit.generate import generate
from archdsl.ir.graph import Node
from archdsl.ops import all_ops
from archdsl.ops.argument_types import shown
from archdsl.ops.base import Example, Merge, Op
from archdsl.ops.initialisers import Initialiser, all_initialisers

# A rule that only one value in seven of an argument would break may pass the short test; the long one tries all.
PART = 7
SHAPES = tuple(Shape(sizes) for rank in range(1, 6) for sizes in product((1, 2, 4, 6), repeat=rank))


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Silence PyTorch, which warns of unusual values."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield


def changed(example: Example) -> Iterator[tuple[Op, Node]]:
    """Yield the operator of an example with other values for each of its arguments."""
    node = node_of(example)
    for name, argument in node.op.arguments.items():
        for value in values_of(argument.kind):
            op = converted(node.op, name, value)
            if op is not None:
                yield op, node


def wrong(op: Op, inputs: tuple[Shape, ...]) -> str | None:
    """Return what is wrong with an operator that accepts these inputs; None where all is right or it refuses them."""
    try:
        node = accepted(op, inputs)
        found = None if node is None else complaint(node)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    return found and f"{op.name} {dict(op.values)} on {[str(shape) for shape in inputs]}: {found}"


@pytest.mark.parametrize("op", OPERATORS)
def test_pytorch_accepts_the_values_that_check_accepts(op: type[Op]) -> None:
    cases = list(changed(op.examples[0]))
    turn = len(op.name) % PART
    assert [found for each, node in cases[turn::PART] if (found := wrong(each, node.inputs))] == []


@pytest.mark.long
@pytest.mark.parametrize("op", OPERATORS)
def test_pytorch_accepts_all_values_that_check_accepts(op: type[Op]) -> None:
    cases = [case for example in op.examples for case in changed(example)]
    assert [found for each, node in cases if (found := wrong(each, node.inputs))] == []


def on_every_rank(op: type[Op], shapes: tuple[Shape, ...]) -> list[str]:
    """Return what is wrong with an operator on inputs of these shapes, for the arguments of all its examples."""
    found: list[str | None] = []
    for example in op.examples:
        made = node_of(example).op
        for number, shape in enumerate(shapes):
            found.append(wrong(made, (shape,)))
            if issubclass(op, Merge):
                found += [wrong(made, (shape, other)) for other in (shape, *shapes[number : number + 2])]
    return [each for each in found if each]


@pytest.mark.parametrize("op", OPERATORS)
def test_every_rule_answers_for_every_rank(op: type[Op]) -> None:
    assert on_every_rank(op, (*SHAPES[:6], *SHAPES[len(op.name) % 97 :: 97])) == []


@pytest.mark.long
@pytest.mark.parametrize("op", OPERATORS)
def test_every_rule_answers_for_every_rank_and_size(op: type[Op]) -> None:
    assert on_every_rank(op, SHAPES) == []


@pytest.mark.parametrize("initialiser", all_initialisers(), ids=lambda each: each.name)
def test_pytorch_accepts_the_values_of_initialisers(initialiser: type[Initialiser]) -> None:
    required = {name: 0.5 for name, argument in initialiser.arguments.items() if argument.required}
    for name, argument in initialiser.arguments.items():
        for value in [*values_of(argument.kind)][len(name) % PART :: PART]:
            given = ", ".join(f"{each} = {shown(number)}" for each, number in {**required, name: value}.items())
            text = f"model Net {{ input x: 4x5x5; c: conv(4, 3, init = {initialiser.name}({given})) }}"
            compiled = compile_source(Source("net.arch", text))
            if compiled.ok:
                scope: dict[str, object] = {"__name__": "generated"}
                exec(generate(compiled.models[0]), scope)
                assert isinstance(scope["Net"], type)
                scope["Net"]()


def test_all_operators_are_tried() -> None:
    assert len(OPERATORS) == len(all_ops()) > 60
