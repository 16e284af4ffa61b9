"""Net, made by archdsl from case.arch.

92 parameters, 21,114 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net"]


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 1.

    Shapes:
        volume: (N, 1, 9, 9, 9)
        returns: (N, 4, 3, 1, 3)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c1 = nn.Conv3d(1, 2, 3, **factory)
        self.c2 = nn.Conv3d(
            2, 4, (3, 1, 1), stride=(1, 2, 1), padding=(1, 0, 0), **factory
        )
        self.b2 = nn.BatchNorm3d(4, **factory)

    def forward(self, volume: Tensor) -> Tensor:
        x: Tensor = self.c1(volume)  # 2x7x7x7
        x = F.relu(x, inplace=True)
        x = F.max_pool3d(x, 2, 1, ceil_mode=True)  # 2x6x6x6
        x = self.c2(x)  # 4x6x3x6
        x = self.b2(x)
        x = F.avg_pool3d(x, 2, count_include_pad=False)  # 4x3x1x3
        x = torch.sigmoid(x)
        x = F.softmax(x, dim=1)
        return x
