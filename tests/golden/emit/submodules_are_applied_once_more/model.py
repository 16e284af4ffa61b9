"""Net, made by archdsl from case.arch.

160 parameters, 9,216 multiply-accumulates per sample.
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Net"]


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 8, 6, 6)
        returns: (N, 8, 6, 6)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.gn = nn.GroupNorm(2, 8, **factory)
        self.twice = nn.Sequential(
            nn.Hardtanh(), nn.Conv2d(8, 8, 1, **factory), nn.Sigmoid()
        )
        self.named = nn.Sequential(
            OrderedDict(c=nn.Conv2d(8, 8, 1, **factory), relu=nn.ReLU(inplace=True))
        )

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.gn(image)
        x = self.twice(x)
        x = self.twice(x)
        x = self.named(x)
        x = self.named(x)
        return x
