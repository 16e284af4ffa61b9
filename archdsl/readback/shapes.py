"""The sizes of results, by rules of PyTorch's documentation, for every computation that generated code contains."""

from collections.abc import Callable
from math import prod
from typing import TypeAlias

from archdsl.readback.values import Sizes, Step

Rule: TypeAlias = Callable[..., Sizes]


class DoesNotFit(Exception):
    """The sizes of the inputs do not fit the computation. The message is the requirement."""


def sizes_after(step: Step, *inputs: Sizes) -> Sizes:
    """Return the sizes of the result of a computation.

    Raises:
        DoesNotFit: PyTorch would raise an error.
        KeyError: The computation is unknown.
    """
    return _RULES[step[0]](step, *inputs)


def is_known(step: Step) -> bool:
    """Return whether there is a rule for a computation."""
    return step[0] in _RULES


def _require(holds: object, requirement: str) -> None:
    if not holds:
        raise DoesNotFit(requirement)


def _same(step: Step, x: Sizes) -> Sizes:
    return x


def _window(size: int, kernel: int, stride: int, padding: int, dilation: int, *, ceil: bool = False) -> int:
    free = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-free // stride) if ceil else free // stride) + 1
    # PyTorch drops a window that starts after the map and the padding before it.
    count -= ceil and (count - 1) * stride >= size + padding
    _require(count > 0, f"a window of at most {size + 2 * padding} pixels")
    return count


def _map(x: Sizes, axes: int, channels: int | None = None) -> Sizes:
    _require(len(x) == axes + 2, f"{axes} axes after the channels")
    _require(channels is None or x[1] == channels, f"{channels} channels")
    return x[2:]


def _conv(step: Step, x: Sizes) -> Sizes:
    _, axes, into, out, kernel, stride, padding, dilation, groups, _ = step
    sides = _map(x, axes, into)
    _require(into % groups == 0 == out % groups, f"channels that {groups} divides")
    if padding == "tf_same":
        return (x[0], out, *(-(-size // step) for size, step in zip(sides, stride, strict=True)))
    return (x[0], out, *map(_window, sides, kernel, stride, padding, dilation))


def _connected(step: Step, x: Sizes) -> Sizes:
    _, into, connect, kernel, stride, padding, dilation, _ = step
    return (x[0], len(connect), *map(_window, _map(x, 2, into), kernel, stride, padding, dilation))


def _conv_transpose(step: Step, x: Sizes) -> Sizes:
    _, axes, into, out, kernel, stride, padding, output_padding, _, _, dilation = step
    sides = zip(_map(x, axes, into), kernel, stride, padding, output_padding, dilation, strict=True)
    return (x[0], out, *((n - 1) * s - 2 * p + d * (k - 1) + o + 1 for n, k, s, p, o, d in sides))


def _linear(step: Step, x: Sizes) -> Sizes:
    _require(x[-1] == step[1], f"{step[1]} features")
    return (*x[:-1], step[2])


def _grouped_linear(step: Step, x: Sizes) -> Sizes:
    _, into, out, groups, _ = step
    _require(len(x) == 2 and x[1] == into * groups, f"{groups} times {into} features")
    return (x[0], out)


def _batch_norm(step: Step, x: Sizes) -> Sizes:
    axes, channels = step[1], step[2]
    _require(len(x) == axes + 2 or (axes == 1 and len(x) == 2), f"{axes} axes after the channels")
    _require(x[1] == channels, f"{channels} channels")
    return x


def _instance_norm(step: Step, x: Sizes) -> Sizes:
    _require(step[1] is None or x[1] == step[1], f"{step[1]} channels")
    return x


def _group_norm(step: Step, x: Sizes) -> Sizes:
    _require(x[1] == step[2] and x[1] % step[1] == 0, f"{step[2]} channels in {step[1]} groups")
    return x


def _over_last(step: Step, x: Sizes) -> Sizes:
    _require(x[len(x) - len(step[1]) :] == step[1], f"{step[1]} as the last sizes")
    return x


def _channel_layer_norm(step: Step, x: Sizes) -> Sizes:
    _map(x, 2, step[1])
    return x


def _max_pool(step: Step, x: Sizes) -> Sizes:
    _, axes, kernel, stride, padding, dilation, ceil = step
    sides = zip(_map(x, axes), kernel, stride, padding, dilation, strict=True)
    return (*x[:2], *(_window(*each, ceil=ceil) for each in sides))


def _avg_pool(step: Step, x: Sizes) -> Sizes:
    _, axes, kernel, stride, padding, ceil, _ = step
    sides = zip(_map(x, axes), kernel, stride, padding, strict=True)
    return (*x[:2], *(_window(*each, 1, ceil=ceil) for each in sides))


def _lp_pool(step: Step, x: Sizes) -> Sizes:
    _, axes, _, kernel, stride, ceil = step
    sides = zip(_map(x, axes), kernel, stride, strict=True)
    return (*x[:2], *(_window(*each, 0, 1, ceil=ceil) for each in sides))


def _subsample(step: Step, x: Sizes) -> Sizes:
    _, channels, kernel, stride = step
    sides = zip(_map(x, 2, channels), kernel, stride, strict=True)
    return (*x[:2], *(_window(*each, 0, 1) for each in sides))


def _adaptive_pool(step: Step, x: Sizes) -> Sizes:
    _map(x, step[1])
    return (*x[:2], *step[2])


def _flatten(step: Step, x: Sizes) -> Sizes:
    _require(len(x) > step[1], f"more than {step[1]} axes")
    return (*x[: step[1]], prod(x[step[1] :]))


def _reshape(step: Step, x: Sizes) -> Sizes:
    _require(prod(x[1:]) == prod(step[1]), f"{prod(step[1])} values in a sample")
    return (x[0], *step[1])


def _unflatten(step: Step, x: Sizes) -> Sizes:
    _, axis, parts = step
    _require(axis < len(x) and x[axis] == prod(parts), f"{prod(parts)} indices in axis {axis}")
    return (*x[:axis], *parts, *x[axis + 1 :])


def _permute(step: Step, x: Sizes) -> Sizes:
    _require(sorted(step[1]) == list(range(len(x))), f"{len(x)} axes")
    return tuple(x[axis] for axis in step[1])


def _narrow(step: Step, x: Sizes) -> Sizes:
    _, axis, start, length = step
    _require(axis < len(x) and start + length <= x[axis], f"at least {start + length} indices in axis {axis}")
    return (*x[:axis], length, *x[axis + 1 :])


def _pad(step: Step, x: Sizes) -> Sizes:
    amounts = step[1]
    _require(len(amounts) <= 2 * len(x) - 2, "an amount for each side of an axis")
    found = list(x)
    for place in range(len(amounts) // 2):
        found[-1 - place] += amounts[2 * place] + amounts[2 * place + 1]
    return tuple(found)


def _upsample(step: Step, x: Sizes) -> Sizes:
    scales = (step[1],) * (len(x) - 2) if isinstance(step[1], int) else step[1]
    _require(len(scales) == len(x) - 2, f"{len(scales)} axes after the channels")
    return (*x[:2], *(size * scale for size, scale in zip(x[2:], scales, strict=True)))


def _pixel_shuffle(step: Step, x: Sizes) -> Sizes:
    factor = step[1]
    _require(len(x) == 4 and x[1] % factor**2 == 0, f"channels that {factor**2} divides")
    return (x[0], x[1] // factor**2, x[2] * factor, x[3] * factor)


def _pixel_unshuffle(step: Step, x: Sizes) -> Sizes:
    factor = step[1]
    _require(len(x) == 4 and x[2] % factor == 0 == x[3] % factor, f"sides that {factor} divides")
    return (x[0], x[1] * factor**2, x[2] // factor, x[3] // factor)


def _channel_shuffle(step: Step, x: Sizes) -> Sizes:
    _require(x[1] % step[1] == 0, f"channels that {step[1]} divides")
    return x


def _unfold(step: Step, x: Sizes) -> Sizes:
    _, size, stride = step
    counts = [(n - k) // s + 1 for n, k, s in zip(_map(x, 2), size, stride, strict=True)]
    return (x[0], x[1] * prod(size), prod(counts))


def _reduced(step: Step, x: Sizes) -> Sizes:
    _, axes, keepdim = step
    _require(max(axes) < len(x), f"an axis {max(axes)}")
    return tuple(1 if axis in axes else size for axis, size in enumerate(x) if keepdim or axis not in axes)


def _glu(step: Step, x: Sizes) -> Sizes:
    _require(step[1] < len(x) and x[step[1]] % 2 == 0, "an even size")
    return (*x[: step[1]], x[step[1]] // 2, *x[step[1] + 1 :])


def _along(step: Step, x: Sizes) -> Sizes:
    _require(step[1] < len(x), f"an axis {step[1]}")
    return x


def _scale(step: Step, x: Sizes) -> Sizes:
    return _broadcast(step, x, step[1])


def _broadcast(step: Step, *inputs: Sizes) -> Sizes:
    rank = max(map(len, inputs))
    rows = [(1,) * (rank - len(each)) + each for each in inputs]
    for sizes in zip(*rows, strict=True):
        _require(len({*sizes} - {1}) <= 1, "equal sizes or 1")
    return tuple(max(sizes) for sizes in zip(*rows, strict=True))


def _equal(step: Step, *inputs: Sizes) -> Sizes:
    _require(len(set(inputs)) == 1, "inputs of one shape")
    return inputs[0]


def _embedding(step: Step, x: Sizes) -> Sizes:
    return (*x, step[2])


def _positional(step: Step, x: Sizes) -> Sizes:
    _require(x[1:] == step[1], f"samples of sizes {step[1]}")
    return x


def _sinusoidal(step: Step, x: Sizes) -> Sizes:
    _require(x[1:] == step[1:3], f"samples of sizes {step[1:3]}")
    return x


def _sequence(x: Sizes, features: int) -> None:
    _require(len(x) == 3 and x[2] == features, f"a sequence of {features} features")


def _class_token(step: Step, x: Sizes) -> Sizes:
    _sequence(x, step[1])
    return (x[0], x[1] + 1, x[2])


def _attention(step: Step, x: Sizes) -> Sizes:
    _sequence(x, step[1])
    _require(step[1] % step[2] == 0 == step[2] % step[3], "heads that divide the features")
    return x


def _recurrent(step: Step, x: Sizes) -> Sizes:
    _, into, hidden, _, bidirectional, _, _, last, more = step
    _sequence(x, into)
    features = (more or hidden if step[0] == "lstm" else hidden) * (2 if bidirectional else 1)
    return (x[0], features) if last else (*x[:2], features)


def _rbf(step: Step, x: Sizes) -> Sizes:
    features, units = (len(step[1][0]), len(step[1])) if isinstance(step[1][0], str) else step[1]
    _require(x[1:] == (features,), f"{features} features")
    return (x[0], units)


def _prelu(step: Step, x: Sizes) -> Sizes:
    _require(step[1] in (1, x[1]), f"1 slope or {x[1]}")
    return x


def _cat(step: Step, *inputs: Sizes) -> Sizes:
    axis = step[1]
    _require(len({(*each[:axis], 0, *each[axis + 1 :]) for each in inputs}) == 1, f"equal sizes but for axis {axis}")
    return (*inputs[0][:axis], sum(each[axis] for each in inputs), *inputs[0][axis + 1 :])


def _stack(step: Step, *inputs: Sizes) -> Sizes:
    first = _equal(step, *inputs)
    _require(step[1] <= len(first), f"an axis {step[1]}")
    return (*first[: step[1]], len(inputs), *first[step[1] :])


def _exchange(step: Step, x: Sizes) -> Sizes:
    _, joined, axis, count = step
    return (*x[:axis], x[axis] * count, *x[axis + 1 :]) if joined == "cat" else x


def _to_samples(step: Step, x: Sizes) -> Sizes:
    _require(x[1] % step[1] == 0, f"channels that {step[1]} divides")
    return (x[0] * step[1], x[1] // step[1], *x[2:])


def _to_towers(step: Step, x: Sizes) -> Sizes:
    _require(x[0] % step[1] == 0, f"samples that {step[1]} divides")
    return (x[0] // step[1], x[1] * step[1], *x[2:])


_ELEMENTWISE = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh",
    "rrelu", "threshold", "gelu", "softplus", "softsign", "logsigmoid", "tanhshrink", "softshrink", "hardshrink",
    "tanh", "sigmoid", "scaled_tanh", "identity", "times", "dropout", "channel_dropout", "alpha_dropout", "drop_path",
    "lrn", "move", "clone",
)  # fmt: skip
_RULES: dict[str, Rule] = dict.fromkeys(_ELEMENTWISE, _same) | {
    "conv": _conv,
    "connected_conv": _connected,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "grouped_linear": _grouped_linear,
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "group_norm": _group_norm,
    "layer_norm": _over_last,
    "rms_norm": _over_last,
    "channel_layer_norm": _channel_layer_norm,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "lp_pool": _lp_pool,
    "subsample": _subsample,
    "adaptive_avg_pool": _adaptive_pool,
    "adaptive_max_pool": _adaptive_pool,
    "flatten": _flatten,
    "reshape": _reshape,
    "unflatten": _unflatten,
    "permute": _permute,
    "narrow": _narrow,
    "pad": _pad,
    "upsample": _upsample,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
    "unfold": _unfold,
    "mean": _reduced,
    "sum": _reduced,
    "glu": _glu,
    "softmax": _along,
    "log_softmax": _along,
    "softmin": _along,
    "scale": _scale,
    "embedding": _embedding,
    "positional": _positional,
    "sinusoidal": _sinusoidal,
    "class_token": _class_token,
    "attention": _attention,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "rbf": _rbf,
    "prelu": _prelu,
    "cat": _cat,
    "stack": _stack,
    "add": _equal,
    "mul": _broadcast,
    "exchange": _exchange,
    "to_samples": _to_samples,
    "to_towers": _to_towers,
}
