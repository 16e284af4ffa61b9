"""Net, made by archdsl from case.arch.

480 parameters, 270,336 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Up"]


class Up(nn.Module):
    """The block Up.

    Source: case.arch, line 1.

    Shapes:
        stream: (N, in_channels, 16, 16)
        x: (N, x_channels, 32, 32)
        returns: (N, c, 32, 32)
    """

    def __init__(
        self,
        x_channels: int,
        in_channels: int,
        c: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.up = nn.ConvTranspose2d(in_channels, c, 2, stride=2, **factory)
        self.fuse = nn.Conv2d(c + x_channels, c, 1, **factory)

    def forward(self, stream: Tensor, x: Tensor) -> Tensor:
        y = self.up(stream)  # c x 32 x 32
        x = torch.cat((x, y), 1)  # (c + x_channels) x 32 x 32
        x = self.fuse(x)  # c x 32 x 32
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 1, 32, 32)
        returns: (N, 8, 32, 32)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.enc1 = nn.Conv2d(1, 8, 3, padding=1, **factory)
        self.up1 = Up(8, 8, 8, **factory)

    def forward(self, image: Tensor) -> Tensor:
        enc1 = self.enc1(image)  # 8x32x32
        x: Tensor = F.max_pool2d(enc1, 2)  # 8x16x16
        x = self.up1(x, enc1)  # 8x32x32
        return x
