"""Sequence, made by archdsl from case.arch.

123 parameters, 420 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Sequence"]


class Sequence(nn.Module):
    """The architecture Sequence.

    Source: case.arch, line 1.

    Shapes:
        signal: (N, 2, length)
        returns: (N, 3)
    """

    def __init__(
        self,
        length: int = 16,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c1 = nn.Conv1d(2, 4, 3, **factory)
        self.bn = nn.BatchNorm1d(4, **factory)
        self.fc = nn.Linear(4 * ((length - 4) // 2) + 4, 3, **factory)

    def forward(self, signal: Tensor) -> Tensor:
        x: Tensor = self.c1(signal)  # 4 x (length - 2)
        x = F.relu(x, inplace=True)
        x = F.avg_pool1d(x, 2)  # 4 x ((length - 4) // 2 + 1)
        x = self.bn(x)
        x = x.flatten(1)  # (4 * ((length - 4) // 2) + 4)
        x = self.fc(x)  # 3
        return x
