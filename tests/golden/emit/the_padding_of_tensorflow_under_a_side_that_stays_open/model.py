"""Net, made by archdsl from case.arch.

1,106 parameters, 14,048 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Conv2dSame"]


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


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 1.

    Shapes:
        x: (N, 4, width, 9)
        returns: (N, 10)
    """

    def __init__(
        self,
        side: int = 3,
        width: int = 8,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c1 = Conv2dSame(4, 4, side, **factory)
        self.c2 = Conv2dSame(4, 4, side, stride=2, **factory)
        self.fc = nn.Linear(20 * ((width + 1) // 2), 10, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = self.c1(x)
        x = self.c2(x)  # 4 x ((width + 1) // 2) x 5
        x = x.flatten(1)  # (20 * ((width + 1) // 2))
        x = self.fc(x)  # 10
        return x
