"""Net, made by archdsl from case.arch.

482 parameters, 4,248 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net"]


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 3, 8, 8)
        returns: (N, 10)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv1 = nn.Conv2d(3, 4, 3, **factory)
        self.act1 = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(p=0.2)
        self.fc = nn.Linear(36, 10, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.conv1(image)  # 4x6x6
        x = self.act1(x)
        x = F.max_pool2d(x, 2)  # 4x3x3
        x = x.flatten(1)  # 36
        x = self.drop(x)
        x = self.fc(x)  # 10
        return x
