"""Gives a module fixed weights and an input, and runs it: equal modules then return equal numbers.

The rule, for each entry of the `state_dict`: `r` are numbers of a normal distribution in float64, of the entry's shape,
from a generator on the CPU that is seeded with the CRC-32 of the key. The value is, rounded to float32,

    0                          where the key ends in num_batches_tracked
    |r| + 0.5                  where it ends in running_var
    r * sqrt(1.5 / fan_in)     with two or more axes; fan_in is the product of all sizes but the first
    1 + 0.1 * r                with one axis, where the key ends in weight
    0.1 * r                    for all else

Entries of whole numbers that are not counted so stay as they are. The input is drawn in the same way with the seed 0.
Dropouts pass on what they are given. Only what runs modules imports this, since it imports torch.
"""

from collections.abc import Callable
from math import prod, sqrt
from typing import Any
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

_DROPOUTS = {functional.dropout, functional.dropout1d, functional.dropout2d, functional.dropout3d}


class _WithoutDropout(TorchFunctionMode):
    """Lets every dropout pass on its input."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return args[0] if func in _DROPOUTS else func(*args, **(kwargs or {}))


def drawn(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return numbers of a normal distribution that the seed decides about."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def value(key: str, like: Tensor) -> Tensor:
    """Return what the rule gives to an entry of a `state_dict`."""
    if not like.is_floating_point():
        return torch.zeros_like(like) if key.endswith("num_batches_tracked") else like
    numbers = drawn(tuple(like.shape), crc32(key.encode()))
    if key.endswith("running_var"):
        numbers = numbers.abs_().add_(0.5)
    elif like.dim() >= 2:
        numbers = numbers.mul_(sqrt(1.5 / prod(like.shape[1:])))
    else:
        numbers = numbers.mul_(0.1).add_(1 if like.dim() == 1 and key.endswith("weight") else 0)
    return numbers.float()


@torch.no_grad()
def outputs(net: nn.Module, batch: tuple[int, ...], mode: str) -> dict[str, Tensor]:
    """Fill a module of float64 by the rule and return what it makes of the input, by name; the stream is `output`.

    The mode is `eval`, `train`, or `train_bn_eval`, which is as `train` but for the batch norms.
    """
    for key, tensor in net.state_dict().items():
        tensor.copy_(value(key, tensor))
    net.train(mode != "eval")
    for module in net.modules():
        if mode == "train_bn_eval" and isinstance(module, _BatchNorm):
            module.eval()
    with _WithoutDropout():
        result = net(drawn(batch, 0))
    if isinstance(result, Tensor):
        return {"output": result}
    return {name: tensor for name, tensor in result._asdict().items() if tensor is not None}
