"""Net, made by archdsl from case.arch.

1,892 parameters, 1,097,728 multiply-accumulates per sample.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "NetOutput", "Head"]


class NetOutput(NamedTuple):
    """The outputs of Net.

    Outputs that only training computes are None in evaluation.
    """

    output: Tensor
    aux: Tensor | None
    mid: Tensor


class Head(nn.Module):
    """The block Head.

    Source: case.arch, line 1.

    Shapes:
        x: (N, in_channels, 30, 30)
        returns: (N, classes)
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.fc = nn.Linear(4 * in_channels, classes, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(x)  # in_channels x 2 x 2
        x = x.flatten(1)  # 4 * in_channels
        x = self.fc(x)  # classes
        x = F.dropout(x, training=self.training)
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 3.

    Shapes:
        image: (N, 3, 32, 32)
        scale: (N, 8)
        output: (N, classes)
        aux: (N, classes)
        mid: (N, 8)
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
        self.conv1 = nn.Conv2d(3, 8, 3, **factory)
        self.aux = Head(8, classes, **factory)
        self.mid = nn.AdaptiveAvgPool2d(1)
        self.conv2 = nn.Conv2d(8, 16, 3, **factory)
        self.fc = nn.Linear(16, classes, **factory)

    def forward(self, image: Tensor, scale: Tensor) -> NetOutput:
        aux: Tensor | None = None
        conv1 = self.conv1(image)  # 8x30x30
        if self.training:
            aux = self.aux(conv1)  # classes
        x: Tensor = self.mid(conv1)  # 8x1x1
        x = x.flatten(1)  # 8
        mid: Tensor = x * scale
        x = self.conv2(conv1)  # 16x28x28
        x = F.relu(x, inplace=True)
        x = F.adaptive_avg_pool2d(x, 1)  # 16x1x1
        x = x.flatten(1)  # 16
        x = self.fc(x)  # classes
        return NetOutput(x, aux, mid)
