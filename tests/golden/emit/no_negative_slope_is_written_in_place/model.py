"""Net, made by archdsl from case.arch.

432 parameters, 13,824 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
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
        slope: float = 0.1,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.slope = slope
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.a = nn.Conv2d(8, 8, 1, **factory)
        self.b = nn.Conv2d(8, 8, 1, **factory)
        self.c = nn.Conv2d(8, 8, 1, **factory)
        self.d = nn.Conv2d(8, 8, 1, **factory)
        self.e = nn.Conv2d(8, 8, 1, **factory)
        self.f = nn.Conv2d(8, 8, 1, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.a(image)
        x = F.leaky_relu(x, negative_slope=-0.2)
        x = self.b(x)
        x = F.elu(x, alpha=-0.5)
        x = self.c(x)
        x = F.celu(x, alpha=-1)
        x = self.d(x)
        x = F.rrelu(x, lower=-0.1, upper=0.1, training=self.training)
        x = self.e(x)
        x = F.leaky_relu(x, negative_slope=self.slope)
        x = self.f(x)
        x = F.leaky_relu(x, negative_slope=0.2, inplace=True)
        return x
