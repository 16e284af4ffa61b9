from typing import Any

import torch
from torch import Tensor, nn


class ClassToken(nn.Module):
    """Prepends a learned token to a sequence: (N, T, C) to (N, T + 1, C)."""

    def __init__(self, features: int, **factory: Any) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1, features, **factory))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.weight.expand(x.shape[0], -1, -1), x], 1)
