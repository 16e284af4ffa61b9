from typing import Any

import torch
from torch import Tensor, nn


class Scale(nn.Module):
    """Multiplies by learned factors of these sizes (Touvron et al. 2021)."""

    def __init__(self, *sizes: int, init: float = 1.0, **factory: Any) -> None:
        super().__init__()
        self.init = init
        self.weight = nn.Parameter(torch.empty(*sizes, **factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set all factors to `init`."""
        nn.init.constant_(self.weight, self.init)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight
