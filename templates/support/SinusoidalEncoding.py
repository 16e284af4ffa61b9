from typing import Any

import torch
from torch import Tensor, nn


class SinusoidalEncoding(nn.Module):
    """Adds sines and cosines of the position (Vaswani et al. 2017, section 3.5).

    The wavelengths rise from 2 pi to 2 pi * `base`. Input: (N, time, features).
    """

    table: Tensor

    def __init__(
        self, time: int, features: int, base: float = 10_000.0, **factory: Any
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {"device": "cpu", "dtype": torch.float64}
        even = torch.arange(0, features, 2, **options)
        angles = torch.arange(time, **options)[:, None] * base ** (-even / features)
        pairs = torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
        table = pairs[:, :features].to(torch.empty(0, **factory))
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table
