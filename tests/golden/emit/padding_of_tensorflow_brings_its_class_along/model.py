"""Padded, made by archdsl from case.arch.

154 parameters, 3,600 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Padded", "Conv2dSame"]


class Conv2dSame(nn.Conv2d):
    """Conv2d with the `same` padding of TensorFlow: an odd zero is added at the end."""

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for axis in (1, 0):
            extent = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            size, stride = x.shape[2 + axis], self.stride[axis]
            total = max((-(-size // stride) - 1) * stride + extent - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


class Padded(nn.Module):
    """The architecture Padded.

    Source: case.arch, line 1.

    Shapes:
        x: (N, 3, 9, 10)
        returns: (N, 6, 1, 1)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c1 = Conv2dSame(3, 4, 3, stride=2, **factory)
        self.c2 = nn.Conv2d(
            4, 6, (3, 1), padding=(2, 0), dilation=2, groups=2, **factory
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.c1(x)  # 4x5x5
        x = torch.sigmoid(x)
        x = self.c2(x)  # 6x5x5
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)  # 6x2x2
        x = F.avg_pool2d(x, 2, 1, count_include_pad=False)  # 6x1x1
        return x
