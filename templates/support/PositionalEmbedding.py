from typing import Any

import torch
from torch import Tensor, nn


class PositionalEmbedding(nn.Module):
    """Adds a learned tensor of these sizes to each sample."""

    def __init__(self, *sizes: int, std: float = 0.02, **factory: Any) -> None:
        super().__init__()
        self.std = std
        self.weight = nn.Parameter(torch.empty(1, *sizes, **factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise from a normal distribution."""
        nn.init.normal_(self.weight, std=self.std)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight
