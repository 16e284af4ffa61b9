"""LeNet5, made by archdsl from case.arch.

61,706 parameters, 416,520 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LeNet5"]


class LeNet5(nn.Module):
    """LeNet-5 as courses draw it today.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 1, 32, 32)
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
        self.c1 = nn.Conv2d(1, 6, 5, **factory)
        self.c3 = nn.Conv2d(6, 16, 5, **factory)
        self.c5 = nn.Conv2d(16, 120, 5, **factory)
        self.f6 = nn.Linear(120, 84, **factory)
        self.out = nn.Linear(84, classes, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.c1(image)  # 6x28x28
        x = torch.tanh(x)
        x = F.avg_pool2d(x, 2)  # 6x14x14
        x = self.c3(x)  # 16x10x10
        x = torch.tanh(x)
        x = F.avg_pool2d(x, 2)  # 16x5x5
        x = self.c5(x)  # 120x1x1
        x = torch.tanh(x)
        x = x.flatten(1)  # 120
        x = self.f6(x)  # 84
        x = torch.tanh(x)
        x = self.out(x)  # classes
        return x
