"""Net, made by archdsl from case.arch.

36 parameters, 32 multiply-accumulates per sample.
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
        relu: (N, 8)
        returns: (N, 4)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.linear = nn.Linear(8, 4, **factory)
        self.x = nn.ReLU(inplace=True)

    def forward(self, relu: Tensor) -> Tensor:
        x: Tensor = F.relu(relu)
        x = self.linear(x)  # 4
        x = self.x(x)
        return x
