"""What the functions of PyTorch and of archdsl's support code compute with one tensor.

Each rule has the signature of its function without the tensor.
"""

from collections.abc import Callable, Mapping
from typing import Any

from archdsl.readback import layers
from archdsl.readback.activations import of_function, require_training
from archdsl.readback.layers import Axes
from archdsl.readback.values import Layer, Sizes, Step, Tensor, per_axis, uniform


def step_of(name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Step | None:
    """Return the computation of a function, None if it is unknown.

    Raises:
        TypeError: The function does not take these arguments.
    """
    found = of_function(name, args, named)
    if found is not None:
        return found
    if name in _PLAIN:
        return _PLAIN[name](*args, **named)
    if name[-1:] == "d" and name[-2:-1].isdigit() and name[:-2] in _BY_AXES:
        return _BY_AXES[name[:-2]](int(name[-2]), *args, **named)
    return None


def method_of(name: str, x: Tensor, args: tuple[Any, ...]) -> Step | None:
    """Return the computation of a method of a tensor; None if it is unknown.

    Raises:
        TypeError: The method does not take these arguments.
    """
    rule = _METHODS.get(name)
    return None if rule is None else rule(x.sizes, *args)


def _layer(rule: Callable[..., Layer]) -> Callable[..., Step]:
    return lambda axes, *args, **named: rule(axes, *args, **named).steps[0]


def _dropout(p: float = 0.5, training: object = True) -> Step:
    require_training(training)
    return ("dropout", p)


def _alpha_dropout(p: float = 0.5, training: object = False) -> Step:
    require_training(training)
    return ("alpha_dropout", p)


def _channel_dropout(axes: int, p: float = 0.5, training: object = True) -> Step:
    require_training(training)
    return ("channel_dropout", axes, p)


def _drop_path(p: float = 0.5, training: object = True) -> Step:
    require_training(training)
    return ("drop_path", p)


def _pad(pad: Sizes, mode: str = "constant", value: float = 0.0) -> Step:
    return ("pad", tuple(pad), mode, value)


def _interpolate(
    *, scale_factor: float | tuple[float, ...], mode: str = "nearest", align_corners: bool = False
) -> Step:
    scale = tuple(map(int, scale_factor)) if isinstance(scale_factor, tuple) else int(scale_factor)
    return ("upsample", scale if isinstance(scale, int) else uniform(scale), mode, align_corners)


def _unfold(kernel_size: Axes, *, stride: Axes = 1) -> Step:
    return ("unfold", per_axis(kernel_size, 2), per_axis(stride, 2))


def _layer_norm(normalized_shape: Sizes, *, eps: float = 1e-5) -> Step:
    return ("layer_norm", tuple(normalized_shape), eps, False, False)


def _rms_norm(normalized_shape: Sizes, *, eps: float | None = None) -> Step:
    return ("rms_norm", tuple(normalized_shape), eps, False)


def _instance_norm(*, eps: float = 1e-5) -> Step:
    return ("instance_norm", None, eps, None, False, False)


def _lrn(size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Step:
    return ("lrn", size, alpha, beta, k)


def _reduction(kind: str) -> Callable[..., Step]:
    def rule(dim: Axes, keepdim: bool = False) -> Step:
        return (kind, per_axis(dim, 1), keepdim)

    return rule


def _of_a_number(kind: str) -> Callable[[int], Step]:
    return lambda number: (kind, number)


def _flatten(sizes: Sizes, start: int = 0) -> Step:
    return ("flatten", start)


def _reshape(sizes: Sizes, batch: int, *rest: int) -> Step:
    if batch != -1:
        raise TypeError("the batch must stay open")
    return ("reshape", rest)


def _unflatten(sizes: Sizes, dim: int, parts: Sizes) -> Step:
    return ("unflatten", dim, parts)


def _permute(sizes: Sizes, *dims: Any) -> Step:
    return ("permute", dims[0] if len(dims) == 1 and isinstance(dims[0], tuple) else dims)


def _transpose(sizes: Sizes, first: int, second: int) -> Step:
    order = list(range(len(sizes)))
    order[first], order[second] = order[second], order[first]
    return ("permute", tuple(order))


def _narrow(sizes: Sizes, dim: int, start: int, length: int) -> Step:
    return ("narrow", dim, start, length)


def _clone(sizes: Sizes) -> Step:
    return ("clone",)


_BY_AXES: dict[str, Callable[..., Step]] = {
    "F.max_pool": _layer(layers.max_pool),
    "F.avg_pool": _layer(layers.avg_pool),
    "F.lp_pool": _layer(layers.lp_pool),
    "F.adaptive_avg_pool": _layer(layers.adaptive_avg_pool),
    "F.adaptive_max_pool": _layer(layers.adaptive_max_pool),
    "F.dropout": _channel_dropout,
}
_PLAIN: dict[str, Callable[..., Step]] = {
    "F.dropout": _dropout,
    "F.alpha_dropout": _alpha_dropout,
    "drop_path": _drop_path,
    "scaled_tanh": lambda: ("scaled_tanh",),
    "F.pad": _pad,
    "F.interpolate": _interpolate,
    "F.unfold": _unfold,
    "F.layer_norm": _layer_norm,
    "F.rms_norm": _rms_norm,
    "F.instance_norm": _instance_norm,
    "F.local_response_norm": _lrn,
    "F.pixel_shuffle": _of_a_number("pixel_shuffle"),
    "F.pixel_unshuffle": _of_a_number("pixel_unshuffle"),
    "F.channel_shuffle": _of_a_number("channel_shuffle"),
    "torch.mean": _reduction("mean"),
    "torch.sum": _reduction("sum"),
    "towers_as_samples": _of_a_number("to_samples"),
    "samples_as_towers": _of_a_number("to_towers"),
}
_METHODS: dict[str, Callable[..., Step]] = {
    "flatten": _flatten,
    "reshape": _reshape,
    "unflatten": _unflatten,
    "permute": _permute,
    "transpose": _transpose,
    "narrow": _narrow,
    "clone": _clone,
}
