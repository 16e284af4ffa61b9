"""The elementwise functions of PyTorch and those along an axis: their arguments, as modules and as functions."""

from collections.abc import Mapping
from typing import Any

from archdsl.readback.values import Step

_REQUIRED = object()
# The arguments of each kind with PyTorch's defaults, in the order of PyTorch's signatures.
_ARGUMENTS: dict[str, tuple[tuple[str, object], ...]] = {
    "relu": (),
    "relu6": (),
    "leaky_relu": (("negative_slope", 0.01),),
    "elu": (("alpha", 1.0),),
    "selu": (),
    "celu": (("alpha", 1.0),),
    "silu": (),
    "mish": (),
    "hardswish": (),
    "hardsigmoid": (),
    "hardtanh": (("min_val", -1.0), ("max_val", 1.0)),
    "rrelu": (("lower", 1 / 8), ("upper", 1 / 3)),
    "threshold": (("threshold", _REQUIRED), ("value", _REQUIRED)),
    "gelu": (("approximate", "none"),),
    "softplus": (("beta", 1.0), ("threshold", 20.0)),
    "softsign": (),
    "logsigmoid": (),
    "tanhshrink": (),
    "softshrink": (("lambd", 0.5),),
    "hardshrink": (("lambd", 0.5),),
    "tanh": (),
    "sigmoid": (),
    "softmax": (("dim", _REQUIRED),),
    "log_softmax": (("dim", _REQUIRED),),
    "softmin": (("dim", _REQUIRED),),
    "glu": (("dim", -1),),
}
_MODULES = {
    "nn.ReLU": "relu",
    "nn.ReLU6": "relu6",
    "nn.LeakyReLU": "leaky_relu",
    "nn.ELU": "elu",
    "nn.SELU": "selu",
    "nn.CELU": "celu",
    "nn.SiLU": "silu",
    "nn.Mish": "mish",
    "nn.Hardswish": "hardswish",
    "nn.Hardsigmoid": "hardsigmoid",
    "nn.Hardtanh": "hardtanh",
    "nn.RReLU": "rrelu",
    "nn.Threshold": "threshold",
    "nn.GELU": "gelu",
    "nn.Softplus": "softplus",
    "nn.Softsign": "softsign",
    "nn.LogSigmoid": "logsigmoid",
    "nn.Tanhshrink": "tanhshrink",
    "nn.Softshrink": "softshrink",
    "nn.Hardshrink": "hardshrink",
    "nn.Tanh": "tanh",
    "nn.Sigmoid": "sigmoid",
    "nn.Softmax": "softmax",
    "nn.LogSoftmax": "log_softmax",
    "nn.Softmin": "softmin",
    "nn.GLU": "glu",
}
_FUNCTIONS = {f"F.{kind}": kind for kind in _ARGUMENTS} | {"torch.tanh": "tanh", "torch.sigmoid": "sigmoid"}
# These draw random numbers if they are told that the module trains.
_RANDOM = ("rrelu",)


def is_in_place(named: Mapping[str, Any]) -> bool:
    """Return whether a call overwrites its input."""
    return named.get("inplace") is True


def of_module(name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Step | None:
    """Return the computation of a module, None if it is no activation."""
    kind = _MODULES.get(name)
    return None if kind is None else _step(kind, args, named)


def of_function(name: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Step | None:
    """Return the computation of a function of one tensor, which is not among `args`; None if it is no activation."""
    kind = _FUNCTIONS.get(name)
    if kind is None:
        return None
    if kind in _RANDOM:
        given = dict(named)
        require_training(given.pop("training", False))
        named = given
    return _step(kind, args, named)


def require_training(value: object) -> None:
    """Raise TypeError unless a random function is told whether the module trains."""
    from archdsl.readback.values import Training

    if not isinstance(value, Training):
        raise TypeError("training must be self.training")


def _step(kind: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> Step:
    arguments = _ARGUMENTS[kind]
    if not args and not named and not arguments:
        return (kind,)
    given = dict(named)
    given.pop("inplace", None)
    values: list[Any] = []
    for place, (name, default) in enumerate(arguments):
        values.append(args[place] if place < len(args) else given.pop(name, default))
    if given or len(args) > len(arguments) or _REQUIRED in values:
        raise TypeError(f"{kind} takes {', '.join(name for name, _ in arguments) or 'no arguments'}")
    return (kind, *values)
