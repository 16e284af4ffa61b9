"""Net, made by archdsl from case.arch.

49,898 parameters, 16,314,808 multiply-accumulates per sample.
"""

from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Basic", "Dense"]


class Basic(nn.Module):
    """Two convolutions beside a shortcut.

    Source: case.arch, line 4.

    Shapes:
        x: (N, in_channels, H, W)
        returns: (N, width, H', W')
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int = 1,
        inner: int | None = None,
        *,
        project: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        inner = width // 2 if inner is None else inner
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv1 = nn.Conv2d(
            in_channels, inner, 3, stride=stride, padding=1, bias=False, **factory
        )
        self.bn1 = nn.BatchNorm2d(inner, **factory)
        self.conv2 = nn.Conv2d(inner, width, 3, padding=1, bias=False, **factory)
        self.bn2 = nn.BatchNorm2d(width, **factory)
        self.downsample: nn.Module = nn.Identity()
        if project:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, width, 1, stride=stride, bias=False, **factory),
                nn.BatchNorm2d(width, **factory),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(x)
        y = self.bn1(y)
        y = F.relu(y, inplace=True)
        y = self.conv2(y)
        y = self.bn2(y)
        x = self.downsample(x)  # width x 16 x 16
        y += x
        x = F.relu(y, inplace=True)
        return x


class Dense(nn.Module):
    """The block Dense.

    Source: case.arch, line 11.

    Shapes:
        x: (N, in_channels, 16, 16)
        returns: (N, growth + in_channels, 16, 16)
    """

    def __init__(
        self,
        in_channels: int,
        growth: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.norm = nn.BatchNorm2d(in_channels, **factory)
        self.conv = nn.Conv2d(in_channels, growth, 3, padding=1, bias=False, **factory)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        y = F.relu(y, inplace=True)
        y = self.conv(y)  # growth x 16 x 16
        x = torch.cat((x, y), 1)  # (growth + in_channels) x 16 x 16
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 18.

    Shapes:
        image: (N, 3, 32, 32)
        returns: (N, classes)
    """

    def __init__(
        self,
        classes: int = 10,
        width: int = 16,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.stem = nn.Conv2d(3, width, 3, padding=1, bias=False, **factory)
        self.layer1 = nn.Sequential(
            Basic(width, width, **factory), Basic(width, width, **factory)
        )
        self.layer2 = nn.Sequential(
            Basic(width, 2 * width, stride=2, project=True, **factory),
            *(Basic(2 * width, 2 * width, **factory) for _ in range(3)),
        )
        self.wide = Basic(2 * width, 2 * width, inner=8, **factory)
        self.dense = nn.Sequential(
            OrderedDict(
                (f"dense{i + 1}", Dense(4 * i + 2 * width, 4, **factory))
                for i in range(3)
            ),
        )
        self.fc = nn.Linear(2 * width + 12, classes, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.stem(image)  # width x 32 x 32
        x = self.layer1(x)
        x = self.layer2(x)  # 2 * width x 16 x 16
        x = self.wide(x)
        x = self.dense(x)  # (2 * width + 12) x 16 x 16
        x = F.adaptive_avg_pool2d(x, 1)  # (2 * width + 12) x 1 x 1
        x = x.flatten(1)  # (2 * width + 12)
        x = self.fc(x)  # classes
        return x
