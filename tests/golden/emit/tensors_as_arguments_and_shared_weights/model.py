"""Net, made by archdsl from case.arch.

29,402 parameters, 6,447,104 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Double", "Up", "Mix"]


class Double(nn.Module):
    """The block Double.

    Source: case.arch, line 1.

    Shapes:
        x: (N, in_channels, H, W)
        returns: (N, c, H, W)
    """

    def __init__(
        self,
        in_channels: int,
        c: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv1 = nn.Conv2d(in_channels, c, 3, padding=1, **factory)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)  # c x H x W
        x = F.relu(x, inplace=True)
        x = self.conv2(x)
        x = F.relu(x, inplace=True)
        return x


class Up(nn.Module):
    """The block Up.

    Source: case.arch, line 2.

    Shapes:
        x: (N, in_channels, H, W)
        skip: (N, skip_channels, H, W)
        returns: (N, c, H', W')
    """

    def __init__(
        self,
        skip_channels: int,
        in_channels: int,
        c: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.up = nn.ConvTranspose2d(in_channels, c, 2, stride=2, **factory)
        self.fuse = Double(c + skip_channels, c, **factory)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)
        x = torch.cat((skip, x), 1)
        x = self.fuse(x)
        return x


class Mix(nn.Module):
    """The submodule mix.

    Source: case.arch, line 9.

    Shapes:
        x: (N, 8, 32, 32)
        enc1: (N, 8, 32, 32)
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
        self.a = nn.Conv2d(8, 8, 1, **factory)

    def forward(self, x: Tensor, enc1: Tensor) -> Tensor:
        x = self.a(x)
        x = F.relu(x, inplace=True)
        x = self.a(x)
        x = self.a(x)
        x = x + enc1
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 4.

    Shapes:
        image: (N, 1, 32, 32)
        returns: (N, 2, 32, 32)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.enc1 = Double(1, 8, **factory)
        self.enc2 = Double(8, 16, **factory)
        self.mid = Double(16, 32, **factory)
        self.up2 = Up(16, 32, 16, **factory)
        self.up1 = Up(8, 16, 8, **factory)
        self.mix = Mix(**factory)
        self.head = nn.Conv2d(8, 2, 1, **factory)

    def forward(self, image: Tensor) -> Tensor:
        enc1 = self.enc1(image)  # 8x32x32
        x: Tensor = F.max_pool2d(enc1, 2)  # 8x16x16
        enc2 = self.enc2(x)  # 16x16x16
        x = F.max_pool2d(enc2, 2)  # 16x8x8
        x = self.mid(x)  # 32x8x8
        x = self.up2(x, enc2)  # 16x16x16
        x = self.up1(x, enc1)  # 8x32x32
        x = self.mix(x, enc1)
        x = self.head(x)  # 2x32x32
        return x
