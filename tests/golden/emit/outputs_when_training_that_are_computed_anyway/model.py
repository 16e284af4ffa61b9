"""Net, made by archdsl from case.arch.

764 parameters, 10,752 multiply-accumulates per sample.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "NetOutput"]


class NetOutput(NamedTuple):
    """The outputs of Net.

    Outputs that only training computes are None in evaluation.
    """

    output: Tensor
    side: Tensor | None
    sum: Tensor | None


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 8, 6, 6)
        output: (N, 4, 4, 4)
        side: (N, 8, 4, 4)
        sum: (N, 8, 4, 4)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.a = nn.Conv2d(8, 8, 3, **factory)
        self.b = nn.Conv2d(8, 8, 1, **factory)
        self.c = nn.Conv2d(8, 8, 1, **factory)
        self.d = nn.Conv2d(8, 4, 1, **factory)

    def forward(self, image: Tensor) -> NetOutput:
        sum: Tensor | None = None
        a = self.a(image)  # 8x4x4
        side: Tensor = self.b(a)
        if self.training:
            x: Tensor = self.c(side)
            sum = a + x
        x = self.d(side)  # 4x4x4
        x = F.relu(x, inplace=True)
        return NetOutput(x, side if self.training else None, sum)
