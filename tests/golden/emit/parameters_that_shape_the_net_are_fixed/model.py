"""Deep, made by archdsl from case.arch.

21,298 parameters, 223,232 multiply-accumulates per sample.
"""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Deep"]


class Deep(nn.Module):
    """A net whose depth is a parameter, which no constructor can vary.

    Source: case.arch, line 2.

    Built for depth = 2.

    Shapes:
        image: (N, 3, 16, 16)
        returns: (N, classes)
    """

    def __init__(
        self,
        width: int = 8,
        classes: int = 10,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, **factory),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, **factory),
            nn.ReLU(inplace=True),
        )
        self.fc = nn.Linear(256 * width, classes, **factory)

    def forward(self, image: Tensor) -> Tensor:
        x: Tensor = self.body(image)  # width x 16 x 16
        x = x.flatten(1)  # 256 * width
        x = self.fc(x)  # classes
        return x
