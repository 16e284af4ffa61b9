"""What the modules of PyTorch compute and which tensors they hold, by the documentation of `torch.nn`.

Each rule has the signature of its class, without `device` and `dtype`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from archdsl.readback.values import Layer, Named, Sizes, per_axis, uniform

# A size for all axes or one for each.
Axes: TypeAlias = int | Sizes


def conv(
    axes: int,
    in_channels: int,
    out_channels: int,
    kernel_size: Axes,
    stride: Axes = 1,
    padding: Axes = 0,
    dilation: Axes = 1,
    groups: int = 1,
    bias: bool = True,
) -> Layer:
    """`nn.Conv1d` to `3d`."""
    kernel = per_axis(kernel_size, axes)
    numbers = (per_axis(stride, axes), per_axis(padding, axes), per_axis(dilation, axes))
    step = ("conv", axes, in_channels, out_channels, kernel, *numbers, groups, bias)
    return Layer((step,), _weights((out_channels, in_channels // groups, *kernel), out_channels, bias=bias))


def _conv_transpose(
    axes: int,
    in_channels: int,
    out_channels: int,
    kernel_size: Axes,
    stride: Axes = 1,
    padding: Axes = 0,
    output_padding: Axes = 0,
    groups: int = 1,
    bias: bool = True,
    dilation: Axes = 1,
) -> Layer:
    kernel, steps, pads, more, spread = (
        per_axis(each, axes) for each in (kernel_size, stride, padding, output_padding, dilation)
    )
    step = ("conv_transpose", axes, in_channels, out_channels, kernel, steps, pads, more, groups, bias, spread)
    return Layer((step,), _weights((in_channels, out_channels // groups, *kernel), out_channels, bias=bias))


def _weights(weight: Sizes, out: int, *, bias: bool) -> Named:
    return (("weight", weight), ("bias", (out,))) if bias else (("weight", weight),)


def _linear(in_features: int, out_features: int, bias: bool = True) -> Layer:
    step = ("linear", in_features, out_features, bias)
    return Layer((step,), _weights((out_features, in_features), out_features, bias=bias))


def _batch_norm(axes: int, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True) -> Layer:
    step = ("batch_norm", axes, num_features, eps, momentum, affine)
    return Layer((step,), _scales(num_features) if affine else (), _statistics(num_features))


def _scales(channels: int) -> Named:
    return (("weight", (channels,)), ("bias", (channels,)))


def _statistics(channels: int) -> Named:
    return (("running_mean", (channels,)), ("running_var", (channels,)), ("num_batches_tracked", ()))


def _instance_norm(
    axes: int,
    num_features: int,
    eps: float = 1e-5,
    momentum: float = 0.1,
    affine: bool = False,
    track_running_stats: bool = False,
) -> Layer:
    step: tuple[Any, ...] = ("instance_norm", None, eps, None, False, False)
    if affine or track_running_stats:
        step = ("instance_norm", num_features, eps, momentum if track_running_stats else None, affine)
        step = (*step, track_running_stats)
    return Layer(
        (step,), _scales(num_features) if affine else (), _statistics(num_features) if track_running_stats else ()
    )


def _group_norm(num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True) -> Layer:
    return Layer((("group_norm", num_groups, num_channels, eps, affine),), _scales(num_channels) if affine else ())


def _layer_norm(normalized_shape: Axes, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True) -> Layer:
    sizes = per_axis(normalized_shape, 1)
    found: Named = (("weight", sizes), ("bias", sizes)) if bias else (("weight", sizes),)
    has_bias = bias and elementwise_affine
    return Layer((("layer_norm", sizes, eps, elementwise_affine, has_bias),), found if elementwise_affine else ())


def _rms_norm(normalized_shape: Axes, eps: float | None = None, elementwise_affine: bool = True) -> Layer:
    sizes = per_axis(normalized_shape, 1)
    return Layer((("rms_norm", sizes, eps, elementwise_affine),), (("weight", sizes),) if elementwise_affine else ())


def _lrn(size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Layer:
    return Layer((("lrn", size, alpha, beta, k),))


def max_pool(
    axes: int, kernel_size: Axes, stride: Axes | None = None, padding: Axes = 0, dilation: Axes = 1, **flags: bool
) -> Layer:
    """`nn.MaxPool1d` to `3d`."""
    ceil = flags.pop("ceil_mode", False)
    _require_none(flags)
    kernel = per_axis(kernel_size, axes)
    steps = kernel if stride is None else per_axis(stride, axes)
    return Layer((("max_pool", axes, kernel, steps, per_axis(padding, axes), per_axis(dilation, axes), ceil),))


def avg_pool(
    axes: int,
    kernel_size: Axes,
    stride: Axes | None = None,
    padding: Axes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Layer:
    """`nn.AvgPool1d` to `3d`."""
    kernel = per_axis(kernel_size, axes)
    steps = kernel if stride is None else per_axis(stride, axes)
    return Layer((("avg_pool", axes, kernel, steps, per_axis(padding, axes), ceil_mode, count_include_pad),))


def lp_pool(
    axes: int, norm_type: float, kernel_size: Axes, stride: Axes | None = None, ceil_mode: bool = False
) -> Layer:
    """`nn.LPPool1d` to `3d`."""
    kernel = per_axis(kernel_size, axes)
    steps = kernel if stride is None else per_axis(stride, axes)
    return Layer((("lp_pool", axes, norm_type, kernel, steps, ceil_mode),))


def adaptive_avg_pool(axes: int, output_size: Axes) -> Layer:
    """`nn.AdaptiveAvgPool1d` to `3d`."""
    return Layer((("adaptive_avg_pool", axes, per_axis(output_size, axes)),))


def adaptive_max_pool(axes: int, output_size: Axes) -> Layer:
    """`nn.AdaptiveMaxPool1d` to `3d`."""
    return Layer((("adaptive_max_pool", axes, per_axis(output_size, axes)),))


def _flatten(start_dim: int = 1) -> Layer:
    return Layer((("flatten", start_dim),))


def _unflatten(dim: int, unflattened_size: Sizes) -> Layer:
    sizes = tuple(unflattened_size)
    return Layer((("reshape", sizes) if dim == 1 else ("unflatten", dim, sizes),))


def _unfold(kernel_size: Axes, *, stride: Axes = 1) -> Layer:
    return Layer((("unfold", per_axis(kernel_size, 2), per_axis(stride, 2)),))


def _padding(mode: str) -> Callable[..., Layer]:
    def rule(axes: int, padding: Axes, value: float = 0.0) -> Layer:
        return Layer((("pad", per_axis(padding, 2 * axes), mode, value),))

    return rule


def _upsample(*, scale_factor: Axes, mode: str = "nearest", align_corners: bool = False) -> Layer:
    scale = scale_factor if isinstance(scale_factor, int) else uniform(scale_factor)
    return Layer((("upsample", scale, mode, align_corners),))


def _dropout(p: float = 0.5) -> Layer:
    return Layer((("dropout", p),))


def _channel_dropout(axes: int, p: float = 0.5) -> Layer:
    return Layer((("channel_dropout", axes, p),))


def _alpha_dropout(p: float = 0.5) -> Layer:
    return Layer((("alpha_dropout", p),))


def _of_a_number(kind: str) -> Callable[[int], Layer]:
    def rule(number: int) -> Layer:
        return Layer(((kind, number),))

    return rule


def _embedding(num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> Layer:
    step = ("embedding", num_embeddings, embedding_dim, padding_idx)
    return Layer((step,), (("weight", (num_embeddings, embedding_dim)),))


def _prelu(num_parameters: int = 1, init: float = 0.25) -> Layer:
    return Layer((("prelu", num_parameters, init),), (("weight", (num_parameters,)),))


def _identity() -> Layer:
    return Layer((("identity",),))


def _require_none(flags: dict[str, bool]) -> None:
    if flags:
        raise TypeError(f"unknown argument {next(iter(flags))}")


# Rules of classes that end in the number of axes, such as `nn.Conv2d`, by the name before it.
BY_AXES: dict[str, Callable[..., Layer]] = {
    "nn.Conv": conv,
    "nn.ConvTranspose": _conv_transpose,
    "nn.BatchNorm": _batch_norm,
    "nn.InstanceNorm": _instance_norm,
    "nn.MaxPool": max_pool,
    "nn.AvgPool": avg_pool,
    "nn.LPPool": lp_pool,
    "nn.AdaptiveAvgPool": adaptive_avg_pool,
    "nn.AdaptiveMaxPool": adaptive_max_pool,
    "nn.ZeroPad": _padding("constant"),
    "nn.ConstantPad": _padding("constant"),
    "nn.ReflectionPad": _padding("reflect"),
    "nn.ReplicationPad": _padding("replicate"),
    "nn.CircularPad": _padding("circular"),
    "nn.Dropout": _channel_dropout,
}
PLAIN: dict[str, Callable[..., Layer]] = {
    "nn.Linear": _linear,
    "nn.GroupNorm": _group_norm,
    "nn.LayerNorm": _layer_norm,
    "nn.RMSNorm": _rms_norm,
    "nn.LocalResponseNorm": _lrn,
    "nn.Flatten": _flatten,
    "nn.Unflatten": _unflatten,
    "nn.Unfold": _unfold,
    "nn.Upsample": _upsample,
    "nn.Dropout": _dropout,
    "nn.AlphaDropout": _alpha_dropout,
    "nn.PixelShuffle": _of_a_number("pixel_shuffle"),
    "nn.PixelUnshuffle": _of_a_number("pixel_unshuffle"),
    "nn.ChannelShuffle": _of_a_number("channel_shuffle"),
    "nn.Embedding": _embedding,
    "nn.PReLU": _prelu,
    "nn.Identity": _identity,
}
