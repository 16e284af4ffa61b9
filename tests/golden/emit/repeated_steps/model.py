"""Deep, made by archdsl from case.arch.

388 parameters, 352 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Deep"]


class Deep(nn.Module):
    """The architecture Deep.

    Source: case.arch, line 1.

    Built for depth = 3.

    Shapes:
        features: (N, 16)
        returns: (N, 4)
    """

    def __init__(
        self,
        width: int = 8,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.first = nn.Linear(16, width, **factory)
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(width, width, **factory), nn.ReLU(inplace=True))
                for _ in range(3)
            ),
        )
        self.last = nn.Linear(width, 4, **factory)

    def forward(self, features: Tensor) -> Tensor:
        x: Tensor = self.first(features)  # width
        x = F.relu(x, inplace=True)
        x = self.layers(x)
        x = self.last(x)  # 4
        return x
