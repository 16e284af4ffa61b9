"""Net, made by archdsl from case.arch.

638 parameters, 9,984 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Dead"]


class Dead(nn.Module):
    """The submodule dead.

    Source: case.arch, line 5.

    Shapes:
        x: (N, 8, 4, 4)
        first: (N, 8, 4, 4)
        returns: (N, 8, 4, 4)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c = nn.Conv2d(8, 4, 1, **factory)

    def forward(self, x: Tensor, first: Tensor) -> Tensor:
        _ = self.c(x)  # 4x4x4
        return first


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 8, 6, 6)
        returns: (N, 2, 4, 4)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.first = nn.Conv2d(8, 8, 3, **factory)
        self.dead = Dead(**factory)
        self.last = nn.Conv2d(8, 2, 1, **factory)

    def forward(self, image: Tensor) -> Tensor:
        first = self.first(image)  # 8x4x4
        x: Tensor = F.relu(first)
        _ = self.dead(x, first)
        x = self.last(first)  # 2x4x4
        return x
