"""Pyramid, made by archdsl from case.arch.

152 parameters, 32,768 multiply-accumulates per sample.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Pyramid", "PyramidOutput"]


class PyramidOutput(NamedTuple):
    """The outputs of Pyramid."""

    p2: Tensor
    p3: Tensor
    again: Tensor


class Pyramid(nn.Module):
    """The architecture Pyramid.

    Source: case.arch, line 2.

    Shapes:
        image: (N, 3, 16, 16)
        p2: (N, 4, 16, 16)
        p3: (N, 4, 8, 8)
        again: (N, 4, 16, 16)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c1 = nn.Conv2d(3, 4, 3, padding=1, **factory)
        self.p3 = nn.Conv2d(4, 4, 1, **factory)
        self.p2 = nn.Conv2d(4, 4, 1, **factory)

    def forward(self, image: Tensor) -> PyramidOutput:
        c1 = self.c1(image)  # 4x16x16
        x: Tensor = F.relu(c1)
        y = F.max_pool2d(c1, 2)  # 4x8x8
        p3: Tensor = self.p3(y)
        x = self.p2(x)  # 4x16x16
        return PyramidOutput(x, p3, x)
