"""Every operator's examples, held against PyTorch; and windows of all kinds, drawn at random."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_code import EXAMPLES, Function, constructor, flops, module_of, namespace, node_of, samples_of
from torch import nn

from archdsl.base.pyexpr import Ref, with_inputs
from archdsl.base.pyprint import flat
from archdsl.base.shape import Shape
from archdsl.ops import all_ops
from archdsl.ops.base import Example, Functional, Op
from archdsl.ops.reasons import ShapeError


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_the_example_is_what_the_rules_say(op: type[Op], example: Example) -> None:
    node = node_of(example)
    assert type(node.op) is op
    assert (node.shape, node.params, node.macs) == (example.output, example.params, example.macs)
    drawing = node.op.drawing(node.input)
    assert drawing.title and drawing.cell in (drawing.entry, drawing.title) and drawing.cell


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_the_example_is_what_pytorch_does(op: type[Op], example: Example) -> None:
    node = node_of(example)
    module = module_of(node)
    samples = samples_of(node)
    result = module(*samples)
    assert tuple(result.shape) == (2, *example.output.dims)
    assert sum(weight.numel() for weight in module.parameters()) == example.params
    assert flops(module, samples) == 2 * 2 * example.macs
    if isinstance(node.emission, Functional):
        assert torch.equal(Function(node).eval()(*samples), result)


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_the_order_of_the_axes_in_memory_does_not_matter(op: type[Op], example: Example) -> None:
    node = node_of(example)
    samples = samples_of(node)
    turned = [sample.permute(*reversed(range(sample.dim()))).contiguous() for sample in samples]
    turned = [sample.permute(*reversed(range(sample.dim()))) for sample in turned]
    for module in (module_of(node), *([Function(node).eval()] if isinstance(node.emission, Functional) else [])):
        torch.testing.assert_close(module(*turned), module(*samples), equal_nan=True)


@pytest.mark.parametrize("op", all_ops(), ids=lambda op: op.name)
def test_every_argument_is_explained(op: type[Op]) -> None:
    assert (op.__doc__ or "").strip().split("\n")[0].endswith(".")
    assert op.positional <= min(3, len(op.arguments))
    for argument in op.arguments.values():
        assert argument.help
        assert argument.kind.title
        if not argument.required and argument.default is not None:
            assert argument.kind.convert(argument.name, argument.default) == argument.default or argument.kind.words


def test_an_operator_is_defined_once_and_documented() -> None:
    from archdsl.ops.base import op

    with pytest.raises(ValueError, match="defined twice"):
        op("conv", family="convolution")(type("Again", (Op,), {"__doc__": "x", "examples": EXAMPLES}))
    with pytest.raises(ValueError, match="lacks a docstring or an example"):
        op("unheard_of", family="other")(type("Bare", (Op,), {}))


def test_there_is_every_activation_of_torch() -> None:
    """All modules of torch.nn.modules.activation but these are what some operator's example becomes."""
    made = set()
    for op in all_ops():
        for example in op.examples:
            call = constructor(node_of(example).emission)
            made.add(call.function if call else "")
    others = {
        "MultiheadAttention": "`attention` has its weights, and takes one tensor where this takes three",
        "Softmax2d": "`softmax` is over the channels of a map already",
    }
    lacking = {name for name in torch.nn.modules.activation.__all__ if f"nn.{name}" not in made}
    assert lacking == others.keys()


def per_axis(axes: int, low: int, high: int) -> st.SearchStrategy[int | tuple[int, ...]]:
    """Return numbers, and tuples with a number for every axis."""
    number = st.integers(low, high)
    return st.one_of(number, st.tuples(*[number] * axes))


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    axes = draw(st.integers(1, 3))
    return {
        "sizes": draw(st.lists(st.integers(1, 9), min_size=axes, max_size=axes)),
        "kernel": draw(per_axis(axes, 1, 5)),
        "stride": draw(per_axis(axes, 1, 4)),
        "padding": draw(per_axis(axes, 0, 3)),
        "dilation": draw(per_axis(axes, 1, 3)),
        "output_padding": draw(per_axis(axes, 0, 2)),
        "ceil_mode": draw(st.booleans()),
    }


def found(op: Op, x: Shape) -> tuple[int, ...] | None:
    try:
        return tuple(op.shape(x).dims)
    except ShapeError:
        return None


def wanted(module: nn.Module, x: Shape) -> tuple[int, ...] | None:
    try:
        shape = tuple(module(torch.zeros(1, *x.dims)).shape[1:])
    except RuntimeError:
        return None
    # Transposed convolutions give maps without a pixel where others refuse.
    return shape if all(shape) else None


def emitted(op: Op, x: Shape) -> tuple[int, ...] | None:
    """Return the shape that the code of an operator gives: of the module, and of the function if there is one."""
    if found(op, x) is None:
        return None
    emission = op.torch(x)
    call = constructor(emission)
    assert call is not None
    sample = torch.zeros(1, *x.dims)
    shape = eval(flat(call), namespace(op))(sample).shape[1:]
    if isinstance(emission, Functional):
        function = flat(with_inputs(emission.function, (Ref("x"),)))
        assert eval(function, {**namespace(op), "x": sample}).shape[1:] == shape
    return tuple(shape)


def make(name: str, **values: Any) -> Op:
    op = next(op for op in all_ops() if op.name == name)
    arguments = {arg: op.arguments[arg].default for arg in op.arguments} | values
    return op(**arguments)


@settings(max_examples=300)
@given(windows())
def test_pools_fit_exactly_where_pytorchs_do(window: dict[str, Any]) -> None:
    x = Shape.of(2, *window["sizes"])
    options = {key: window[key] for key in ("kernel", "stride", "padding", "ceil_mode")}
    axes = len(window["sizes"])
    for name, kind in (("maxpool", "Max"), ("avgpool", "Avg")):
        module = getattr(nn, f"{kind}Pool{axes}d")(
            window["kernel"], window["stride"], window["padding"], ceil_mode=window["ceil_mode"]
        )
        pool = make(name, **options)
        assert found(pool, x) == wanted(module, x) == emitted(pool, x)


@settings(max_examples=300)
@given(windows(), st.sampled_from([1, 2, 2.5]))
def test_pools_without_padding_fit_exactly_where_pytorchs_do(window: dict[str, Any], power: float) -> None:
    x = Shape.of(2, *window["sizes"])
    axes = len(window["sizes"])
    options = {key: window[key] for key in ("kernel", "stride", "ceil_mode")}
    pool = make("lppool", power=power, **options)
    # LPPool1d knows no tuples.
    plain = [value[0] if axes == 1 and isinstance(value, tuple) else value for value in options.values()]
    module = getattr(nn, f"LPPool{axes}d")(power, *plain)
    assert found(pool, x) == wanted(module, x) == emitted(pool, x)
    if axes == 2:
        subsample = make("subsample", kernel=window["kernel"], stride=window["stride"])
        assert found(subsample, x) == wanted(nn.AvgPool2d(window["kernel"], window["stride"]), x)
        assert found(subsample, x) == emitted(subsample, x)


@settings(max_examples=300)
@given(windows(), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))
def test_convolutions_fit_exactly_where_pytorchs_do(window: dict[str, Any], groups: int, into: int, out: int) -> None:
    x = Shape.of(into, *window["sizes"])
    options = {key: window[key] for key in ("kernel", "stride", "padding", "dilation")}
    conv = make("conv", out=out, groups=groups, **options)
    try:
        module = getattr(nn, f"Conv{len(window['sizes'])}d")(
            into, out, window["kernel"], window["stride"], window["padding"], window["dilation"], groups
        )
    except ValueError:
        assert found(conv, x) is None
        return
    assert found(conv, x) == wanted(module, x) == emitted(conv, x)
    if found(conv, x):
        assert conv.params(x) == sum(weight.numel() for weight in module.parameters())


@settings(max_examples=300)
@given(windows(), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))
def test_transposed_convolutions_fit_exactly_where_pytorchs_do(
    window: dict[str, Any], groups: int, into: int, out: int
) -> None:
    x = Shape.of(into, *window["sizes"])
    options = {key: window[key] for key in ("kernel", "stride", "padding", "output_padding", "dilation")}
    conv = make("conv_transpose", out=out, groups=groups, **options)
    try:
        module = getattr(nn, f"ConvTranspose{len(window['sizes'])}d")(
            into,
            out,
            window["kernel"],
            window["stride"],
            window["padding"],
            window["output_padding"],
            groups,
            dilation=window["dilation"],
        )
    except ValueError:
        assert found(conv, x) is None
        return
    assert found(conv, x) == wanted(module, x) == emitted(conv, x)
    if found(conv, x):
        assert conv.params(x) == sum(weight.numel() for weight in module.parameters())


@settings(max_examples=100)
@given(windows())
def test_operators_with_sizes_per_axis_give_what_they_say(window: dict[str, Any]) -> None:
    """`half`, factors and sizes of the result, each as one number and as one per axis."""
    x = Shape.of(2, *window["sizes"])
    kernel, stride, dilation = window["kernel"], window["stride"], window["dilation"]
    made = [
        make("conv", out=3, kernel=kernel, stride=stride, dilation=dilation, padding="half"),
        make("maxpool", kernel=kernel, stride=stride, padding="half"),
        make("upsample", scale=stride),
        make("adaptive_avgpool", size=kernel),
        make("adaptive_maxpool", size=kernel),
        make("patches", size=stride),
    ]
    for op in made:
        assert found(op, x) == emitted(op, x)


@settings(max_examples=100)
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_tensorflows_padding_gives_the_ceiling(size: int, kernel: int, stride: int, dilation: int) -> None:
    conv = make("conv", out=1, kernel=kernel, stride=stride, dilation=dilation, padding="tf_same")
    x = Shape.of(1, size, size)
    assert conv.shape(x).dims == (1, -(-size // stride), -(-size // stride))
    module = eval(flat(conv.torch(x).call), namespace(conv))  # type: ignore[union-attr]
    assert tuple(module(torch.zeros(1, *x.dims)).shape[1:]) == conv.shape(x).dims
