"""Net, made by archdsl from case.arch.

720 parameters, 11,264 multiply-accumulates per sample.
"""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Net", "Same", "Tower"]


class Same(nn.Module):
    """The submodule same.

    Source: case.arch, line 6.

    Shapes:
        x: (N, 8, 4, 4)
        returns: (N, 8, 4, 4)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        _ = torch.tanh(x)
        return x


class Tower(nn.Module):
    """The submodule tower0.

    Source: case.arch, line 5.
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.same = Same(**factory)
        self.c = nn.Conv2d(16, 4, 1, **factory)


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 8, 6, 6)
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
        self.first = nn.Conv2d(8, 8, 3, **factory)
        self.tower0 = Tower(**factory)
        self.tower1 = Tower(**factory)

    def forward(self, image: Tensor) -> Tensor:
        first = self.first(image)  # 8x4x4
        _ = self.tower0.same(first)
        _ = self.tower1.same(first)
        exchange = torch.cat((first, first), 1)  # 16x4x4
        tower0 = self.tower0.c(exchange)  # 4x4x4
        tower1 = self.tower1.c(exchange)
        x: Tensor = torch.cat((tower0, tower1), 1)  # 8x4x4
        return x
