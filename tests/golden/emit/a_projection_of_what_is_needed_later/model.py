"""Net, made by archdsl from case.arch.

112 parameters, 768 multiply-accumulates per sample.
"""

from collections import OrderedDict
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Net", "NetOutput"]


class NetOutput(NamedTuple):
    """The outputs of Net."""

    output: Tensor
    same: Tensor


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 1.

    Shapes:
        x: (N, 6, 8)
        output: (N, 8, 8)
        same: (N, 6, 8)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.body = nn.Conv1d(6, 8, 1, **factory)
        self.f = nn.Sequential(OrderedDict(conv=nn.Conv1d(6, 8, 1, **factory)))

    def forward(self, x: Tensor) -> NetOutput:
        body: Tensor = self.body(x)  # 8x8
        f = self.f(x)
        body += f
        return NetOutput(body, x)
