"""Net, made by archdsl from case.arch.

164 parameters, 252 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net"]


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 2.

    Built for k = 2.

    Shapes:
        image: (N, 3, 6, 6)
        returns: (N, n)
    """

    def __init__(
        self,
        n: int = 4,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c = nn.Conv2d(3, n, 1, **factory)
        self.fc = nn.Linear(9 * n, n, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = F.max_pool2d(image, 2, 2, ceil_mode=True)  # 3x3x3
        x = self.c(x)  # n x 3 x 3
        x = x.flatten(1)  # 9 * n
        x = self.fc(x)  # n
        return x
