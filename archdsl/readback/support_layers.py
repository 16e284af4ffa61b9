"""What the modules that archdsl brings along compute and which tensors they hold.

Each rule has the signature of the class in the generated module, without `device` and `dtype`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.readback import layers
from archdsl.readback.layers import Axes
from archdsl.readback.values import Layer, Named, Sizes, per_axis


def _conv_same(
    in_channels: int,
    out_channels: int,
    kernel_size: Axes,
    stride: Axes = 1,
    *,
    dilation: Axes = 1,
    groups: int = 1,
    bias: bool = True,
) -> Layer:
    made = layers.conv(2, in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias)
    step = list(made.steps[0])
    step[6] = "tf_same"
    return Layer((tuple(step),), made.parameters)


def _connected_conv(
    in_channels: int,
    connect: tuple[Sizes, ...],
    kernel_size: Axes,
    stride: Axes = 1,
    padding: Axes = 0,
    dilation: Axes = 1,
    *,
    bias: bool = True,
) -> Layer:
    kernel = per_axis(kernel_size, 2)
    numbers = (per_axis(stride, 2), per_axis(padding, 2), per_axis(dilation, 2))
    weight: Named = (("weight", (sum(map(len, connect)), 1, *kernel)),)
    more: Named = (("bias", (len(connect),)),) if bias else ()
    return Layer((("connected_conv", in_channels, connect, kernel, *numbers, bias),), (*weight, *more))


def _grouped_linear(in_features: int, out_features: int, *, groups: int, bias: bool = True) -> Layer:
    weight: Named = (("weight", (out_features, in_features)),)
    more: Named = (("bias", (out_features,)),) if bias else ()
    return Layer((("grouped_linear", in_features, out_features, groups, bias),), (*weight, *more))


def _channel_layer_norm(channels: int, eps: float = 1e-5, elementwise_affine: bool = True) -> Layer:
    found: Named = (("weight", (channels,)), ("bias", (channels,)))
    return Layer((("channel_layer_norm", channels, eps, elementwise_affine),), found if elementwise_affine else ())


def _lrn(size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Layer:
    return Layer((("lrn", size, alpha, beta, k),))


def _class_token(features: int) -> Layer:
    return Layer((("class_token", features),), (("weight", (1, 1, features)),))


def _positional(*sizes: int, std: float = 0.02) -> Layer:
    return Layer((("positional", sizes, std),), (("weight", (1, *sizes)),))


def _sinusoidal(time: int, features: int, base: float = 10_000.0) -> Layer:
    return Layer((("sinusoidal", time, features, base),))


def _scale(*sizes: int, init: float = 1.0) -> Layer:
    return Layer((("scale", sizes, init),), (("weight", sizes),))


def _rbf(targets: tuple[Any, ...]) -> Layer:
    is_given = isinstance(targets[0], str)
    sizes = (len(targets), len(targets[0])) if is_given else (targets[1], targets[0])
    return Layer((("rbf", targets),), (), (("targets", sizes),))


def _subsample(channels: int, kernel_size: Axes, stride: Axes | None = None) -> Layer:
    kernel = per_axis(kernel_size, 2)
    steps = kernel if stride is None else per_axis(stride, 2)
    step = ("subsample", channels, kernel, steps)
    return Layer((step,), (("coefficient", (channels,)), ("bias", (channels,))))


def _attention(
    features: int,
    heads: int,
    *,
    kv_heads: int | None = None,
    causal: bool = False,
    bias: bool = True,
    dropout: float = 0.0,
) -> Layer:
    shared = heads if kv_heads is None else kv_heads
    rows = features + 2 * shared * (features // heads)
    first: Named = (("in_proj_weight", (rows, features)),)
    first_bias: Named = (("in_proj_bias", (rows,)),) if bias else ()
    last: Named = (("out_proj.weight", (features, features)),)
    last_bias: Named = (("out_proj.bias", (features,)),) if bias else ()
    step = ("attention", features, heads, shared, causal, bias, dropout)
    return Layer((step,), (*first, *first_bias, *last, *last_bias))


def _recurrent(kind: str, gates: int) -> Callable[..., Layer]:
    def rule(
        features: int,
        hidden: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        bias: bool = True,
        dropout: float = 0.0,
        last: bool = False,
        **more: Any,
    ) -> Layer:
        extra = more.pop({"rnn": "nonlinearity", "lstm": "proj_size"}.get(kind, ""), "tanh" if kind == "rnn" else 0)
        if more:
            raise TypeError(f"unknown argument {next(iter(more))}")
        step = (kind, features, hidden, num_layers, bidirectional, bias, dropout, last, extra)
        out = extra if kind == "lstm" and extra else hidden
        found: list[tuple[str, Sizes]] = []
        for number in range(num_layers):
            into = features if number == 0 else out * (2 if bidirectional else 1)
            for end in (f"l{number}", f"l{number}_reverse")[: 2 if bidirectional else 1]:
                found += [(f"weight_ih_{end}", (gates * hidden, into)), (f"weight_hh_{end}", (gates * hidden, out))]
                if bias:
                    found += [(f"bias_ih_{end}", (gates * hidden,)), (f"bias_hh_{end}", (gates * hidden,))]
                if out != hidden:
                    found.append((f"weight_hr_{end}", (out, hidden)))
        return Layer((step,), tuple(found))

    return rule


def _reduction(kind: str) -> Callable[..., Layer]:
    def rule(dim: Axes, keepdim: bool = False) -> Layer:
        return Layer(((kind, per_axis(dim, 1), keepdim),))

    return rule


def _permute(*dims: int) -> Layer:
    return Layer((("permute", dims),))


def _narrow(dim: int, start: int, length: int) -> Layer:
    return Layer((("narrow", dim, start, length),))


def _times(factor: float) -> Layer:
    return Layer((("times", factor),))


def _drop_path(p: float = 0.5) -> Layer:
    return Layer((("drop_path", p),))


def _scaled_tanh() -> Layer:
    return Layer((("scaled_tanh",),))


RULES: Mapping[str, Callable[..., Layer]] = {
    "Conv2dSame": _conv_same,
    "ConnectedConv2d": _connected_conv,
    "GroupedLinear": _grouped_linear,
    "LayerNorm2d": _channel_layer_norm,
    "LocalResponseNorm3d": _lrn,
    "ClassToken": _class_token,
    "PositionalEmbedding": _positional,
    "SinusoidalEncoding": _sinusoidal,
    "Scale": _scale,
    "EuclideanRBF": _rbf,
    "Subsample": _subsample,
    "SelfAttention": _attention,
    "SequenceRNN": _recurrent("rnn", 1),
    "SequenceLSTM": _recurrent("lstm", 4),
    "SequenceGRU": _recurrent("gru", 3),
    "Mean": _reduction("mean"),
    "Sum": _reduction("sum"),
    "Permute": _permute,
    "Narrow": _narrow,
    "Times": _times,
    "DropPath": _drop_path,
    "ScaledTanh": _scaled_tanh,
}
