"""Net, made by archdsl from case.arch.

5,927 parameters, 14,976 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net"]


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 1.

    Built for biased = true.

    Shapes:
        image: (N, 3, 8, 8)
        returns: (N, classes)
    """

    def __init__(
        self,
        classes: int = 10,
        width: int = 4,
        rate: float = 0.25,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.rate = rate
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c1 = nn.Conv2d(3, width, 3, padding=1, **factory)
        self.c2 = nn.Conv2d(width, 2 * width + 1, 1, **factory)
        self.fc = nn.Linear(128 * width + 64, classes, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.c1(image)  # width x 8 x 8
        x = F.relu(x, inplace=True)
        x = self.c2(x)  # (2 * width + 1) x 8 x 8
        x = x.flatten(1)  # (128 * width + 64)
        x = F.dropout(x, p=self.rate, training=self.training)
        x = self.fc(x)  # classes
        return x
