"""Calls near the examples of operators, compared with PyTorch."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import Any

import pytest
import torch
from operator_code import (
    EXAMPLES,
    OPERATORS,
    Function,
    constructor,
    flops,
    module_of,
    namespace,
    node_of,
    said_bytes,
    samples_of,
    saved_bytes,
)
from operator_variants import accepted, variants
from torch import Tensor, nn

from archdsl.base.pyexpr import Call
from archdsl.base.pyprint import flat
from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops.argument_types import (
    Chosen,
)
from archdsl.ops.base import Example, Functional, Op, Submodule
from archdsl.ops.reasons import ShapeError


def fused(op: type[Op]) -> Iterator[tuple[str, Node]]:
    """Yield the steps that can replace two copies of each example."""
    for example in op.examples:
        step = node_of(example)
        wide = tuple(Shape((2 * x.channels, *x.map)) for x in step.inputs)
        fusion = step.op.fusion(2, step.inputs)
        for fused, inputs in ((fusion.parallel, wide), (fusion.shared_input, step.inputs)):
            if fused is not None:
                shape = fused.result(inputs).plain()
                yield f"2 x {example.call}", replace(step, op=fused, inputs=inputs, shape=shape)


def built(step: Node) -> tuple[nn.Module, list[Tensor]]:
    """Return the module of a step and samples; on the device without data if the step is large."""
    volume = max(*(x.volume for x in step.inputs), step.shape.volume)
    if step.op.params(step.input) < 1e6 and volume < 1e4:
        return module_of(step), samples_of(step)
    with torch.device("meta"):
        kind = None if step.op.indices() is None else torch.int64
        return module_of(step), [torch.empty((2, *x.dims), dtype=kind) for x in step.inputs]


FORMULA = re.compile(r"^([\d\s()+*/.,-]+) = ([\d.]+)(, rounded (up|down) to (\d+))?")


@pytest.mark.parametrize("op", OPERATORS)
def test_variants_are_what_pytorch_does(op: type[Op]) -> None:
    for variant, step in (*accepted(op), *fused(op)):
        x, shape = step.input, step.shape
        module, samples = built(step)
        state = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        parameters = {name: tuple(weight.shape) for name, weight in module.named_parameters()}
        if isinstance(step.emission, Functional):
            torch.testing.assert_close(Function(step).eval()(*samples), module(*samples), equal_nan=True)
        with torch.backends.mkldnn.flags(enabled=False):
            result, saved = saved_bytes(module, samples)
        assert tuple(result.shape) == (2, *shape.dims), variant
        assert dict(step.op.parameter_sizes(x)) == parameters, variant
        assert {**dict(step.op.buffer_sizes(x)), **parameters} == state, variant
        assert step.op.params(x) == sum(map(prod, parameters.values())), variant
        assert result.is_meta or said_bytes(step.op, step.inputs, shape, samples) == saved, variant
        if type(step.op).macs is not Op.macs:
            assert step.op.macs(x, shape) == operations(module, samples), variant


def operations(module: nn.Module, samples: list[Tensor]) -> int:
    """Return the multiply-accumulates for one sample: two for each that PyTorch counts."""
    if isinstance(module, nn.RNNBase):
        # PyTorch counts them slowly. Each step multiplies a vector by each matrix.
        return samples[0].shape[1] * sum(weight.numel() for weight in module.parameters() if weight.dim() == 2)
    return flops(module, samples) // (2 * len(samples[0]))


@pytest.mark.parametrize("op", OPERATORS)
def test_formulas_give_the_numbers_of_the_variants(op: type[Op]) -> None:
    for variant, step in accepted(op):
        sums = step.op.sums(step.input, step.shape)
        assert not sums.params or evaluated(sums.params) == step.op.params(step.input), variant
        assert (evaluated(sums.macs) if sums.macs else 0) == step.op.macs(step.input, step.shape), variant
        for line in sums.shape:
            if formula := FORMULA.match(line):
                result = formula[5] or formula[2]
                assert evaluated(formula[1]) == pytest.approx(float(formula[2]), rel=1e-4), (variant, line)
                assert float(result) in step.shape.dims, (variant, line)


def evaluated(text: str) -> float:
    assert re.fullmatch(r"[\d\s()+*/.-]+", text), text
    return float(eval(text))


# The names of arguments in PyTorch.
NAMES = {
    "axes": ("dim",),
    "axis": ("dim",),
    "count": ("num_embeddings",),
    "factor": ("upscale_factor", "downscale_factor"),
    "groups": ("num_groups",),
    "kernel": ("kernel_size",),
    "layers": ("num_layers",),
    "out": ("out_channels", "out_features"),
    "power": ("norm_type",),
    "projection": ("proj_size",),
    "rate": ("p",),
    "scale": ("scale_factor",),
    "size": ("output_size", "embedding_dim"),
    "slope": ("negative_slope",),
}
# Other arguments of these operators decide whether they have an effect.
CONDITIONAL = {("instancenorm", "momentum"), ("layernorm", "bias"), ("upsample", "align_corners")}


@pytest.mark.parametrize("op", OPERATORS)
def test_values_arrive_in_the_module(op: type[Op]) -> None:
    for variant, step in accepted(op):
        call = constructor(step.emission)
        if call is None:
            continue
        found = passed(call, namespace(op))
        for name, value in step.op.values.items():
            targets = [each for each in (name, *NAMES.get(name, ())) if each in found]
            if not is_passed(value) or (op.name, name) in CONDITIONAL:
                continue
            if name in ("axis", "axes"):
                value = shifted(value)
            for target in targets:
                # Pools without a stride move by their size.
                arrived = found[target] if found[target] is not None else found.get("kernel_size")
                assert uniform(arrived) == uniform(value), (variant, target)


@pytest.mark.parametrize("op", OPERATORS)
def test_code_leaves_out_values_that_are_defaults(op: type[Op]) -> None:
    names = namespace(op)
    for variant, step in accepted(op):
        module = constructor(step.emission)
        usual = defaults_of(eval(str(module.function), names)) if module else {}
        calls = [module] if isinstance(step.emission, Submodule) else [module, step.emission.function]
        for call in calls:
            if isinstance(call, Call) and not str(call.function).startswith("torch."):
                for name, value in call.named:
                    assert name not in usual or value != usual[name], (str(variant), flat(call))


@pytest.mark.parametrize("op", OPERATORS)
def test_defaults_are_those_of_pytorch(op: type[Op]) -> None:
    for example in op.examples:
        call = constructor(node_of(example).emission)
        usual = defaults_of(eval(str(call.function), namespace(op))) if call else {}
        for argument in op.arguments.values():
            # The axes of PyTorch's functions are those of a batch.
            if argument.required or argument.name == "axis":
                continue
            for name in {argument.name, *NAMES.get(argument.name, ())} & usual.keys():
                assert argument.default == usual[name] or (op.name, argument.name) in CONDITIONAL, argument.name


def defaults_of(kind: type[nn.Module]) -> dict[str, Any]:
    """Return the defaults of the parameters of a class."""
    if issubclass(kind, nn.RNNBase):
        with torch.device("meta"):
            return vars(kind(1, 1))
    parameters = inspect.signature(kind).parameters.values()
    return {each.name: each.default for each in parameters if each.default is not each.empty}


def shifted(axes: Any) -> Any:
    """Return the axes of a batch for those of a sample."""
    return tuple(axis + 1 for axis in axes) if isinstance(axes, tuple) else axes + 1


def is_passed(value: object) -> bool:
    """Return whether PyTorch takes a value as it is, unlike initialisers, `half`, and a size that is computed."""
    numbers = value if isinstance(value, tuple) else (value,)
    return isinstance(value, Chosen) or all(isinstance(each, int | float) and each != -1 for each in numbers)


def passed(call: Call, names: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all parameters of a class."""
    kind = eval(str(call.function), names)
    bound = inspect.signature(kind).bind(*call.args, **dict(call.named))
    bound.apply_defaults()
    if not issubclass(kind, nn.RNNBase):
        return bound.arguments
    with torch.device("meta"):
        return {**bound.arguments, **vars(eval(flat(call), names))}


def uniform(value: object) -> object:
    """Return one number for equal ones."""
    return value[0] if isinstance(value, tuple | list) and len({*value}) == 1 else value


@pytest.mark.parametrize("op", OPERATORS)
def test_an_argument_that_an_error_adds_makes_the_call_fit(op: type[Op]) -> None:
    for variant in variants(op):
        try:
            variant.made()
        except ShapeError as error:
            if offered := error.reason.argument_to_add():
                name, text = offered
                value = tuple(map(int, text.split("x"))) if "x" in text else int(text)
                step = variant.step
                given = {} if variant.change is None else {variant.change[0].name: variant.change[1]}
                given[name] = value
                changed = {each: op.arguments[each].kind.convert(each, value) for each, value in given.items()}
                step.op.changed(**changed).result(step.inputs)


# One drops whole samples in training; the other is rare without weights.
UNFUSED = {"drop_path", "layernorm"}


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_an_operator_that_treats_lanes_alike_can_be_fused(op: type[Op], example: Example) -> None:
    node = node_of(example)
    module = module_of(node)
    if module.state_dict() or node.op.indices() is not None or op.name in UNFUSED:
        return
    samples = [samples_of(node, seed) for seed in range(2)]
    try:
        wide = module(*(torch.cat(parts, 1) for parts in zip(*samples, strict=True)))
    except (RuntimeError, ValueError):
        # Such as a reshape to given sizes.
        return
    apart = torch.cat([module(*each) for each in samples], 1)
    is_lanewise = wide.shape == apart.shape and torch.allclose(wide, apart, equal_nan=True)
    assert not is_lanewise or node.op.fusion(2, node.inputs).parallel is not None
