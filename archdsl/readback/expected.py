"""What a step of a graph computes, by the meaning of its operator's arguments in the language.

The rules read names, arguments and sizes from the graph; they use no code of the operators or of the emitter.
"""

from collections.abc import Callable
from math import prod
from typing import Any, TypeAlias

from archdsl.ir.graph import Node
from archdsl.ops.base import Op
from archdsl.readback.values import Sizes, Step, per_axis, uniform

Steps: TypeAlias = tuple[Step, ...]
Rule: TypeAlias = Callable[[Op, tuple[Sizes, ...]], Steps]


def sizes_of(shape: Any) -> Sizes:
    """Return the sizes of a graph's shape as plain numbers."""
    return tuple(map(int, shape.dims))


def expected_steps(node: Node) -> tuple[Steps, Steps] | None:
    """Return what is computed with each input, and then with the results; None if the operator is unknown."""
    answers = node.answers
    if not hasattr(answers, "read_back"):
        answers.read_back = _steps(node.op, tuple(map(sizes_of, node.inputs)))
    found: tuple[Steps, Steps] | None = answers.read_back
    return found


def _steps(op: Any, inputs: tuple[Sizes, ...]) -> tuple[Steps, Steps] | None:
    towers = getattr(op, "towers", None)
    if towers is not None and hasattr(op, "op"):
        inner = _steps(op.op, tuple((each[0] // towers, *each[1:]) for each in inputs))
        return inner and ((("to_samples", int(towers)), *inner[0]), (*inner[1], ("to_towers", int(towers))))
    rule = _RULES.get(op.name)
    return None if rule is None else ((), rule(op, inputs))


def _plain(value: Any) -> Any:
    """Return an argument without its trace."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, str):
        return str(value)
    return int(value) if isinstance(value, int) else float(value)


def _axes(value: Any, axes: int) -> Sizes:
    return tuple(map(int, per_axis(_plain(value), axes)))


def _conv(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    into, *sides = inputs[0]
    axes = len(sides)
    kernel, stride, dilation = _axes(op.kernel, axes), _axes(op.stride, axes), _axes(op.dilation, axes)
    padding = _padding(op.padding, kernel, dilation)
    if op.connect:
        return (("connected_conv", into, _plain(op.connect), kernel, stride, padding, dilation, op.bias),)
    numbers = (kernel, stride, padding, dilation, int(op.groups), op.bias)
    return (("conv", axes, into, int(op.out), *numbers),)


def _padding(padding: Any, kernel: Sizes, dilation: Sizes) -> Sizes | str:
    if padding == "tf_same":
        return "tf_same"
    if padding == "half":
        return tuple(spread * (side - 1) // 2 for side, spread in zip(kernel, dilation, strict=True))
    return _axes(padding, len(kernel))


def _conv_transpose(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    axes = len(inputs[0]) - 1
    kernel, stride, padding, more, dilation = (
        _axes(each, axes) for each in (op.kernel, op.stride, op.padding, op.output_padding, op.dilation)
    )
    numbers = (kernel, stride, padding, more, int(op.groups), op.bias, dilation)
    return (("conv_transpose", axes, inputs[0][0], int(op.out), *numbers),)


def _linear(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    if hasattr(op, "layer"):
        groups, out = int(op.groups), int(op.layer.out)
        return (("grouped_linear", inputs[0][0] // groups, groups * out, groups, op.layer.bias),)
    return (("linear", inputs[0][-1], int(op.out), op.bias),)


def _pool(kind: str) -> Rule:
    def rule(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
        axes = len(inputs[0]) - 1
        kernel = _axes(op.kernel, axes)
        stride = kernel if op.stride is None else _axes(op.stride, axes)
        if kind == "lp_pool":
            return ((kind, axes, _plain(op.power), kernel, stride, op.ceil_mode),)
        padding = _padding(op.padding, kernel, (1,) * axes)
        if kind == "avg_pool":
            return ((kind, axes, kernel, stride, padding, op.ceil_mode, op.count_include_pad),)
        return ((kind, axes, kernel, stride, padding, (1,) * axes, op.ceil_mode),)

    return rule


def _subsample(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    kernel = _axes(op.kernel, 2)
    return (("subsample", inputs[0][0], kernel, kernel if op.stride is None else _axes(op.stride, 2)),)


def _adaptive(kind: str) -> Rule:
    def rule(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
        axes = len(inputs[0]) - 1
        size = 1 if op.name.startswith("global") else op.size
        return ((kind, axes, _axes(size, axes)),)

    return rule


def _batch_norm(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    axes = max(len(inputs[0]) - 1, 1)
    return (("batch_norm", axes, inputs[0][0], _plain(op.eps), _plain(op.momentum), op.affine),)


def _group_norm(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("group_norm", int(op.groups), inputs[0][0], _plain(op.eps), op.affine),)


def _instance_norm(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    tracks = op.track_running_stats
    channels = inputs[0][0] if op.affine or tracks else None
    return (("instance_norm", channels, _plain(op.eps), _plain(op.momentum) if tracks else None, op.affine, tracks),)


def _layer_norm(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    sizes = inputs[0][-int(op.axes) :]
    return (("layer_norm", sizes, _plain(op.eps), op.affine, op.affine and op.bias),)


def _rms_norm(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("rms_norm", inputs[0][-int(op.axes) :], _plain(op.eps), op.affine),)


def _channel_layer_norm(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("channel_layer_norm", inputs[0][0], _plain(op.eps), op.affine),)


def _values(kind: str) -> Rule:
    """Return the rule of an operator whose arguments are those of the computation, in the same order."""
    return lambda op, inputs: ((kind, *map(_plain, op.values.values())),)


def _bare(kind: str) -> Rule:
    return lambda op, inputs: ((kind,),)


def _along(kind: str) -> Rule:
    """Return the rule of an operator with an axis, which PyTorch counts with the batch."""
    return lambda op, inputs: ((kind, int(op.axis) + 1),)  # type: ignore[attr-defined]


def _channel_dropout(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("channel_dropout", len(inputs[0]) - 1, _plain(op.rate)),)


def _reduction(kind: str) -> Rule:
    def rule(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
        if op.axes is None:
            axes: Sizes = tuple(range(1, len(inputs[0])))
        else:
            axes = per_axis(_plain(op.axes), 1)
        return ((kind, tuple(axis + 1 for axis in axes), op.keepdim),)

    return rule


def _flatten(op: Op, inputs: tuple[Sizes, ...]) -> Steps:
    return (("flatten", 1),)


def _reshape(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    known = prod(int(size) for size in op.sizes if size != -1)
    sizes = tuple(prod(inputs[0]) // known if size == -1 else int(size) for size in op.sizes)
    return (("reshape", sizes),) if len(sizes) > 1 else (("flatten", 1),)


def _permute(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("permute", (0, *(axis + 1 for axis in per_axis(_plain(op.order), 1)))),)


def _slice(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    axis, start = int(op.axis), int(op.start)
    stop = inputs[0][axis] if op.stop is None else int(op.stop)
    return (("narrow", axis + 1, start, stop - start),)


def _pad(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    counts = [len(each) for each in (op.amount, op.after) if isinstance(each, tuple)]
    axes = max(counts, default=len(inputs[0]) - 1)
    before = _axes(op.amount, axes)
    after = before if op.after is None else _axes(op.after, axes)
    pairs = [side for pair in zip(before[::-1], after[::-1], strict=True) for side in pair]
    return (("pad", tuple(pairs), str(op.mode), _plain(op.value)),)


def _upsample(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    scale = uniform(_axes(op.scale, len(inputs[0]) - 1))
    return (("upsample", scale, str(op.mode), op.align_corners),)


def _tokens(op: Op, inputs: tuple[Sizes, ...]) -> Steps:
    swap = ("permute", (0, 2, 1))
    return (swap,) if len(inputs[0]) == 2 else (("flatten", 2), swap)


def _maps(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    swap, sides = ("permute", (0, 2, 1)), _plain(op.size)
    return (swap, ("unflatten", 2, sides)) if isinstance(sides, tuple) and len(sides) > 1 else (swap,)


def _patches(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    size = _axes(op.size, 2)
    return (("unfold", size, size), ("permute", (0, 2, 1)))


def _scale(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    rank = len(inputs[0])
    axis = int(op.axis) if op.axis is not None else 0 if rank > 2 else rank - 1
    return (("scale", (inputs[0][axis], *(1,) * (rank - 1 - axis)), _plain(op.init)),)


def _embedding(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("embedding", int(op.count), int(op.size), _plain(op.padding_idx)),)


def _positional(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("positional", inputs[0], _plain(op.std)),)


def _sinusoidal(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("sinusoidal", *inputs[0], _plain(op.base)),)


def _class_token(op: Op, inputs: tuple[Sizes, ...]) -> Steps:
    return (("class_token", inputs[0][1]),)


def _attention(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    heads = int(op.heads)
    shared = heads if op.kv_heads is None else int(op.kv_heads)
    return (("attention", inputs[0][1], heads, shared, op.causal, op.bias, _plain(op.dropout)),)


def _recurrent(kind: str) -> Rule:
    def rule(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
        more = str(op.nonlinearity) if kind == "rnn" else int(op.projection) if kind == "lstm" else 0
        numbers = (inputs[0][1], int(op.hidden), int(op.layers), op.bidirectional, op.bias, _plain(op.dropout))
        return ((kind, *numbers, op.last, more),)

    return rule


def _rbf(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("rbf", _plain(op.targets) if op.targets else (inputs[0][0], int(op.out))),)


def _prelu(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    return (("prelu", int(op.num_parameters), _plain(op.init)),)


def _exchange(op: Any, inputs: tuple[Sizes, ...]) -> Steps:
    axis = int(op.joined.axis) + 1 if op.joined.name == "concat" else 0
    return (("exchange", "cat" if axis else "sum", axis, int(op.count)),)


def _nothing(op: Op, inputs: tuple[Sizes, ...]) -> Steps:
    return (("times", 0),)


# Operators whose arguments are those of a function of PyTorch of the same name.
_ALIKE = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardswish", "hardsigmoid", "hardtanh",
    "rrelu", "threshold", "gelu", "softplus", "softsign", "logsigmoid", "tanhshrink", "softshrink", "hardshrink",
    "tanh", "sigmoid", "scaled_tanh", "dropout", "alpha_dropout", "drop_path", "lrn", "times", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "identity",
)  # fmt: skip
_RULES: dict[str, Rule] = {name: _values(name) for name in _ALIKE} | {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _linear,
    "maxpool": _pool("max_pool"),
    "avgpool": _pool("avg_pool"),
    "lppool": _pool("lp_pool"),
    "subsample": _subsample,
    "adaptive_avgpool": _adaptive("adaptive_avg_pool"),
    "adaptive_maxpool": _adaptive("adaptive_max_pool"),
    "global_avgpool": _adaptive("adaptive_avg_pool"),
    "global_maxpool": _adaptive("adaptive_max_pool"),
    "batchnorm": _batch_norm,
    "groupnorm": _group_norm,
    "instancenorm": _instance_norm,
    "layernorm": _layer_norm,
    "rmsnorm": _rms_norm,
    "channel_layernorm": _channel_layer_norm,
    "softmax": _along("softmax"),
    "log_softmax": _along("log_softmax"),
    "softmin": _along("softmin"),
    "glu": _along("glu"),
    "channel_dropout": _channel_dropout,
    "mean": _reduction("mean"),
    "sum": _reduction("sum"),
    "flatten": _flatten,
    "reshape": _reshape,
    "permute": _permute,
    "slice": _slice,
    "pad": _pad,
    "upsample": _upsample,
    "tokens": _tokens,
    "maps": _maps,
    "patches": _patches,
    "scale": _scale,
    "embedding": _embedding,
    "positional": _positional,
    "sinusoidal": _sinusoidal,
    "class_token": _class_token,
    "attention": _attention,
    "rnn": _recurrent("rnn"),
    "lstm": _recurrent("lstm"),
    "gru": _recurrent("gru"),
    "rbf": _rbf,
    "prelu": _prelu,
    "concat": _along("cat"),
    "stack": _along("stack"),
    "add": _bare("add"),
    "mul": _bare("mul"),
    "move": _bare("move"),
    "relay": _bare("clone"),
    "exchange": _exchange,
    "nothing": _nothing,
}
