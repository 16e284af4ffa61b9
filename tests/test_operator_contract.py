"""The promises of operators, held against PyTorch for all examples: the file of a new operator alone is tested by them.

Shape, parameters and operations of the examples are held against PyTorch in `test_ops`, the bytes that autograd saves
in `test_memory`, and the receptive fields of whole nets in `test_fields`.
"""

import inspect
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from built import module as generated
from operator_code import (
    EXAMPLES,
    OPERATORS,
    Function,
    constructor,
    graph_of_example,
    module_of,
    namespace,
    node_of,
    samples_of,
)
from torch import Tensor, nn

from archdsl.base.pyexpr import Call
from archdsl.base.pyprint import flat
from archdsl.base.symbolic import TracedInt, parameters_of
from archdsl.ir.graph import Node
from archdsl.ops.argument_types import PerAxis, WholeNumber, is_int
from archdsl.ops.base import Example, ForwardOnly, Functional, Merge, Op, Submodule, Trait
from archdsl.ops.declared import Argument
from archdsl.ops.initialisers import InitialiserType
from archdsl.ops.reasons import ShapeError

# The form of the code


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_operators_with_state_are_submodules(op: type[Op], example: Example) -> None:
    code = node_of(example).emission
    # A layer without its weights, such as `groupnorm(2, affine = false)`, may stay a submodule.
    is_layer = any(has_state(module_of(node_of(other))) for other in op.examples)
    assert isinstance(code, ForwardOnly) == issubclass(op, Merge)
    assert is_layer or not isinstance(code, Submodule)
    assert isinstance(code, Submodule) or not has_state(module_of(node_of(example)))


def has_state(module: nn.Module) -> bool:
    return bool([*module.parameters(), *module.buffers()])


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_layers_are_children_where_children_have_labels_or_numbers(op: type[Op], example: Example) -> None:
    is_merge = issubclass(op, Merge)
    net = generated(graph_of_example(example, "first: {call}"))
    assert [name for name, _ in net.named_children()] == ([] if is_merge else ["first"])
    graph = graph_of_example(example, "layers: [tanh -> sigmoid]; {call}" if is_merge else "layers: [{call} -> tanh]")
    net = generated(graph).eval()
    assert [name for name, _ in net.get_submodule("layers").named_children()] == ["0", "1"]
    if not is_merge:
        node, child = graph.nodes[0], net.get_submodule("layers.0")
        alone = module_of(node)
        assert str(child) == str(alone)
        alone.load_state_dict(child.state_dict())
        assert torch.equal(net(*samples_of(node)), torch.tanh(alone(*samples_of(node))))


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_the_function_computes_what_the_module_does(op: type[Op], example: Example) -> None:
    node = node_of(example)
    if isinstance(node.emission, Submodule):
        pytest.skip("there is no function")
    for training in (False, True):
        module, function = module_of(node).train(training), Function(node).train(training)
        torch.manual_seed(0)
        expected = module(*samples_of(node))
        torch.manual_seed(0)
        assert torch.equal(function(*samples_of(node)), expected)


# The state_dict


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_parameters_and_buffers_are_those_of_the_module(op: type[Op], example: Example) -> None:
    node = node_of(example)
    module, x = module_of(node), node.input.plain()
    state = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    parameters, buffers = dict(node.op.parameter_sizes(x)), dict(node.op.buffer_sizes(x))
    assert parameters == {name: tuple(each.shape) for name, each in module.named_parameters()}
    assert buffers == {name: sizes for name, sizes in state.items() if name not in parameters}
    assert node.op.fixed(x) == sum(map(prod, buffers.values()))
    for value in node.op.initial_values(x):
        sizes = [sizes for name, sizes in parameters.items() if name.startswith(value.parameter)]
        assert sizes, value
        assert value.is_prefix or [prod(value.dims)] == [*map(prod, sizes)], value
        assert tuple(value.dims) in sizes or not value.is_prefix, value


# Memory in training


@dataclass
class Step:
    """A forward and a backward pass of one operator: its tensors, and those that autograd saves."""

    inputs: list[Tensor]
    result: Tensor
    saved: list[Tensor]
    own: set[int]

    @property
    def foreign(self) -> set[int]:
        """The storages of saved tensors that are neither an input nor the result nor a parameter."""
        return {*map(storage, self.saved)} - {*map(storage, [*self.inputs, self.result])} - self.own


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def training_step(node: Node, module: nn.Module) -> Step:
    saved: list[Tensor] = []
    inputs = [x.requires_grad_().clone() if x.is_floating_point() else x for x in samples_of(node)]
    module.train()
    torch.manual_seed(0)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        result = module(*inputs)
    return Step(inputs, result, saved, {storage(each) for each in (*module.parameters(), *module.buffers())})


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_autograd_saves_the_tensors_that_the_operator_names(op: type[Op], example: Example) -> None:
    node = node_of(example)
    with torch.backends.mkldnn.flags(enabled=False):
        step = training_step(node, module_of(node))
    held = {*map(storage, step.saved)}
    said = node.op.saved_for_backward(node.inputs, node.shape)
    is_view = storage(step.result) in map(storage, step.inputs)
    assert node.op.autograd.is_view == is_view
    assert said.input == all(storage(x) in held for x in step.inputs)
    if not is_view:
        assert said.output == (storage(step.result) in held)
    if is_view or said.output:
        assert node.op.autograd.needs_output


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_a_result_that_is_not_needed_may_be_overwritten(op: type[Op], example: Example) -> None:
    node = node_of(example)
    module = module_of(node).train()
    gradients: list[list[Tensor | None]] = []
    overwritten = True
    for in_place in (False, True):
        samples = [sample.requires_grad_(node.op.indices() is None) for sample in samples_of(node)]
        module.zero_grad()
        torch.manual_seed(0)
        try:
            F.relu(module(*samples), inplace=in_place).square().sum().backward()
        except RuntimeError as error:
            assert "modified by an inplace operation" in str(error) or "leaf Variable" in str(error)
            overwritten = False
        gradients.append([*(each.grad for each in samples), *(weight.grad for weight in module.parameters())])
    if overwritten:
        torch.testing.assert_close(gradients[0], gradients[1])
    assert overwritten or node.op.autograd.needs_output


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_the_gradient_is_shared_where_the_operator_says_so(op: type[Op], example: Example) -> None:
    node = node_of(example)
    step = training_step(node, module_of(node))
    inputs = [x for x in step.inputs if x.is_floating_point()]
    given = torch.rand_like(step.result, memory_format=torch.contiguous_format)
    shared = False
    if inputs:
        found = torch.autograd.grad(step.result, inputs, given)
        # A single value that is spread over the input's elements needs a new tensor for the next operator.
        shared = all(storage(each) == storage(given) and 0 not in each.stride() for each in found)
    assert node.op.autograd.shares_gradient == shared


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_the_in_place_form_agrees_wherever_pytorch_has_one(op: type[Op], example: Example) -> None:
    node = node_of(example)
    emission = node.emission
    if not isinstance(emission, Functional):
        pytest.skip("only functions have a form in place")
    assert isinstance(emission.module.function, str)
    kind = eval(emission.module.function, namespace(op))
    if not emission.in_place:
        # Dropouts save their mask, not their input, and are left out in evaluation.
        assert "inplace" not in inspect.signature(kind).parameters or Trait.DROPS in op.traits
        assert not node.op.autograd.copies_in_place
        return
    module = eval(flat(emission.module.with_named(inplace=True)), namespace(op))
    step = training_step(node, module)
    torch.manual_seed(0)
    torch.testing.assert_close(step.result, module_of(node).train()(*samples_of(node)))
    assert storage(step.result) == storage(step.inputs[0])
    usual = training_step(node, module_of(node))
    assert node.op.autograd.copies_in_place == (len(step.foreign) > len(usual.foreign))


# Chance


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_results_are_random_only_in_training_and_only_where_the_operator_says_so(
    op: type[Op], example: Example
) -> None:
    node = node_of(example)
    module, samples = module_of(node), samples_of(node)
    for training in (False, True):
        results = []
        for seed in range(8):
            torch.manual_seed(seed)
            results.append(module.train(training)(*samples))
        is_random = any(not torch.equal(results[0], each) for each in results)
        # A layer with weights may drop elements within, which nothing outside asks for.
        assert is_random == (training and op.is_random) or (training and bool(node.op.values.get("dropout")))


# Copies of an operator


def joined(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return the state of a layer that stands for several: their tensors concatenated along the first axis."""
    return {
        name: torch.cat([state[name] for state in states]) if first.dim() else first
        for name, first in states[0].items()
    }


def shaken(module: nn.Module) -> nn.Module:
    """Give a module random weights and statistics."""
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and name != "targets":
            tensor.copy_(torch.rand_like(tensor) + 0.1)
    return module


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
@pytest.mark.parametrize("count", [2, 3])
def test_fused_operators_compute_what_the_copies_do(op: type[Op], example: Example, count: int) -> None:
    node = node_of(example)
    fusion = node.op.fusion(count, node.inputs)
    torch.manual_seed(0)
    copies = [shaken(module_of(node)).double() for _ in range(count)]
    state = joined([copy.state_dict() for copy in copies])
    samples = [[x.double() if x.is_floating_point() else x for x in samples_of(node, n)] for n in range(count)]
    wide = tuple(type(x)((count * x.channels, *x.map)) for x in node.inputs)
    if fusion.parallel is not None:
        shape = fusion.parallel.result(wide)
        assert shape.plain().dims == (count * node.shape.dims[0], *node.shape.dims[1:])
        fused = module_of(fused_node(node, fusion.parallel, wide)).double()
        fused.load_state_dict(state)
        expected = torch.cat([copy(*x) for copy, x in zip(copies, samples, strict=True)], 1)
        found = fused(*(torch.cat(parts, 1) for parts in zip(*samples, strict=True)))
        torch.testing.assert_close(found, expected)
    if fusion.shared_input is not None:
        fused = module_of(fused_node(node, fusion.shared_input, node.inputs)).double()
        fused.load_state_dict(state)
        torch.testing.assert_close(fused(*samples[0]), torch.cat([copy(*samples[0]) for copy in copies], 1))


def fused_node(node: Node, op: Op, inputs: tuple[Any, ...]) -> Node:
    return replace(node, op=op, inputs=inputs, shape=op.result(inputs))


# Arguments


def own_arguments(op: type[Op]) -> list[Argument]:
    """Return the arguments of an operator that are no initialisers."""
    return [each for each in op.arguments.values() if not isinstance(each.kind, InitialiserType)]


def answers(op: Op, inputs: tuple[Any, ...]) -> tuple[object, ...] | None:
    """Return shape, code and parameters of an operator; None where the arguments do not fit."""
    try:
        return op.result(inputs), op.emission(inputs), op.initial_values(inputs[0])
    except ShapeError:
        return None


@pytest.mark.parametrize("op", OPERATORS)
def test_examples_give_every_argument_and_unequal_values(op: type[Op]) -> None:
    nodes = [node_of(example) for example in op.examples]
    for argument in own_arguments(op):
        values = [node.op.values[argument.name] for node in nodes]
        assert any(value != argument.default for value in values), f"no example gives `{argument.name}`"
        if isinstance(argument.kind, PerAxis):
            unequal = [value for value in values if isinstance(value, tuple) and len(set(value)) > 1]
            assert unequal, f"no example gives `{argument.name}` unequal values per axis"
    numbers = [each.name for each in own_arguments(op) if isinstance(each.kind, WholeNumber)]
    for one, other in combinations(numbers, 2):
        different = [node for node in nodes if node.op.values[one] != node.op.values[other]]
        assert different, f"`{one}` and `{other}` are equal in all examples, which hides that they are swapped"
    maps = [example.input.map for example in op.examples if example.input.rank >= 3]
    assert not maps or any(len(set(sides)) > 1 for sides in maps), "all examples have square maps"


def alternatives(argument: Argument, value: object, nodes: list[Node]) -> list[Any]:
    """Return other values of an argument, some of which may not fit."""
    found = [argument.default] if not argument.required else []
    found += [node.op.values[argument.name] for node in nodes]
    for each in list(found):
        if isinstance(each, tuple):
            found += [each[::-1], each[:-1]]
        elif isinstance(each, int | float) and not isinstance(each, bool):
            found += [each + 1, 2 * each, each / 2 if isinstance(each, float) else 1]
    return [each for each in found if each != value]


@pytest.mark.parametrize("op", OPERATORS)
def test_every_argument_has_an_effect(op: type[Op]) -> None:
    nodes = [node_of(example) for example in op.examples]
    for argument in own_arguments(op):
        effects = []
        for node in nodes:
            # Merges of equal shapes fit together in more ways.
            for inputs in {node.inputs, (node.input,) * len(node.inputs)}:
                before = answers(node.op, inputs)
                for other in alternatives(argument, node.op.values[argument.name], nodes):
                    after = answers(node.op.changed(**{argument.name: other}), inputs)
                    effects.append(None not in (before, after) and before != after)
        assert any(effects), argument.name


# Names of parameters in PyTorch that do not begin with the argument's name.
ALIASES = {"axis": ("dim", "dims"), "axes": ("dim", "dims"), "amount": ("padding",), "sizes": ("unflattened_size",)}


def traced(value: object, name: str) -> object:
    if isinstance(value, tuple):
        return tuple(traced(part, name) for part in value)
    return TracedInt.parameter(name, value) if is_int(value) else value


def landings(call: Call, op: Op) -> dict[str, frozenset[str]]:
    """Return, for each parameter of the called class, the arguments of the operator from which it is computed."""
    assert isinstance(call.function, str)
    signature = inspect.signature(eval(call.function, namespace(op)))
    bound = signature.bind(*call.args, **dict(call.named)).arguments
    return {name: parameters_of(plain_values(value)) for name, value in bound.items()}


def plain_values(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_an_argument_goes_to_the_parameter_of_its_name(op: type[Op], example: Example) -> None:
    node = node_of(example)
    values = {name: traced(value, name) for name, value in node.op.values.items()}
    numbers = {name for name, value in values.items() if parameters_of(value)}
    call = constructor(node.op.changed(**values).emission(node.inputs))
    found = landings(call, node.op) if call else {}
    for parameter, names in found.items():
        named = {name for name in numbers if parameter.startswith((name, *ALIASES.get(name, ())))}
        if named and names:
            assert names & named or not names & numbers, f"{parameter} is computed from {', '.join(names)}"


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_the_sums_of_explanations_give_the_numbers_of_the_layer(op: type[Op], example: Example) -> None:
    node = node_of(example)
    sums = node.op.sums(node.input.plain(), node.shape.plain())
    numel = sum(weight.numel() for weight in module_of(node).parameters())
    assert (eval(sums.params) if sums.params else 0) == node.params == numel
    assert bool(sums.macs) == bool(node.macs)
    assert (eval(sums.macs) if sums.macs else 0) == node.macs
