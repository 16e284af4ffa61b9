"""Net, made by archdsl from case.arch.

132,826 parameters, 647,488 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Tower"]


class Tower(nn.Module):
    """The submodule tower0.

    Source: case.arch, line 4.
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, **factory)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, **factory)
        self.fc = nn.Linear(4096, 16, **factory)


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 1.

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
        self.tower0 = Tower(**factory)
        self.tower1 = Tower(**factory)
        self.head = nn.Linear(32, classes, **factory)

    def forward(self, image: Tensor) -> Tensor:
        tower0 = self.tower0.conv1(image)  # 4x32x32
        tower0 = F.relu(tower0, inplace=True)
        tower0 = F.max_pool2d(tower0, 2)  # 4x16x16
        tower1 = self.tower1.conv1(image)  # 4x32x32
        tower1 = F.relu(tower1, inplace=True)
        tower1 = F.max_pool2d(tower1, 2)  # 4x16x16
        exchange = torch.cat((tower0, tower1), 1)  # 8x16x16
        tower0 = self.tower0.conv2(exchange)
        tower0 = F.relu(tower0, inplace=True)
        tower0 = tower0.flatten(1)  # 2048
        tower1 = self.tower1.conv2(exchange)  # 8x16x16
        tower1 = F.relu(tower1, inplace=True)
        tower1 = tower1.flatten(1)  # 2048
        exchange_1 = torch.cat((tower0, tower1), 1)  # 4096
        tower0 = self.tower0.fc(exchange_1)  # 16
        tower0 = F.relu(tower0, inplace=True)
        tower1 = self.tower1.fc(exchange_1)
        tower1 = F.relu(tower1, inplace=True)
        x: Tensor = torch.cat((tower0, tower1), 1)  # 32
        x = self.head(x)  # classes
        return x
