"""Net, made by archdsl from case.arch.

43,226 parameters, 18,268,480 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Basic"]


class Basic(nn.Module):
    """The block Basic.

    Source: case.arch, line 9.

    Shapes:
        x: (N, in_channels, H, W)
        returns: (N, width, H', W')
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int = 1,
        *,
        project: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv1 = nn.Conv2d(
            in_channels, width, 3, stride=stride, padding=1, bias=False, **factory
        )
        self.bn1 = nn.BatchNorm2d(width, **factory)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False, **factory)
        self.bn2 = nn.BatchNorm2d(width, **factory)
        self.downsample: nn.Module = nn.Identity()
        if project:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, width, 1, stride=stride, bias=False, **factory),
                nn.BatchNorm2d(width, **factory),
            )
        nn.init.zeros_(self.bn2.weight)

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
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False, **factory)
        self.bn1 = nn.BatchNorm2d(16, **factory)
        self.layer1 = nn.Sequential(Basic(16, 16, **factory), Basic(16, 16, **factory))
        self.layer2 = nn.Sequential(
            Basic(16, 32, stride=2, project=True, **factory), Basic(32, 32, **factory)
        )
        self.fc = nn.Linear(32, classes, **factory)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu"
                )

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.conv1(image)  # 16x32x32
        x = self.bn1(x)
        x = F.relu(x, inplace=True)
        x = self.layer1(x)
        x = self.layer2(x)  # 32x16x16
        x = F.adaptive_avg_pool2d(x, 1)  # 32x1x1
        x = x.flatten(1)  # 32
        x = self.fc(x)  # classes
        return x
