"""Runs a module with fixed weights on a fixed input, so that equal modules return equal numbers.

For each entry of the `state_dict`, `r` is a tensor of its shape, drawn from a standard normal distribution in float64
by a CPU generator with the CRC-32 of the key as seed. The value, rounded to float32, is

    0                          if the key ends in num_batches_tracked
    |r| + 0.5                  if it ends in running_var
    r * sqrt(1.5 / fan_in)     with two or more axes; fan_in is the product of all sizes but the first
    1 + 0.1 * r                with one axis, if the key ends in weight
    0.1 * r                    otherwise

Other integer entries are left unchanged. The input is drawn in the same way with seed 0. Dropout is disabled. This
module imports torch; only code that runs modules imports it.
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
    """Replaces dropout by the identity."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return args[0] if func in _DROPOUTS else func(*args, **(kwargs or {}))


def drawn(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return a float64 tensor drawn from a standard normal distribution with this seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def value(key: str, like: Tensor) -> Tensor:
    """Return the value of an entry of a `state_dict`."""
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
    """Fill a float64 module with the fixed weights, run it, and return its outputs by name.

    Args:
        net: The module. The name of its only or first output is `output`.
        batch: The shape of the input, with the batch.
        mode: `eval`, `train`, or `train_bn_eval`: training mode with batch norm in evaluation mode.
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
