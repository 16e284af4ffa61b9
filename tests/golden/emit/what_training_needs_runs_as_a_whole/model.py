"""Net, made by archdsl from case.arch.

124 parameters, 1,152 multiply-accumulates per sample.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "NetOutput", "Aux"]


class NetOutput(NamedTuple):
    """The outputs of Net.

    Outputs that only training computes are None in evaluation.
    """

    output: Tensor
    aux: Tensor | None


class Aux(nn.Module):
    """The block Aux.

    Source: case.arch, line 2.

    Shapes:
        x: (N, in_channels, 6, 6)
        returns: (N, 8, 6, 6)
    """

    def __init__(
        self,
        in_channels: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.c = nn.Conv2d(in_channels, 8, 1, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(x)
        aux: Tensor = self.c(x)  # 8x6x6
        _ = x + aux
        return aux


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 8.

    Shapes:
        image: (N, 8, 6, 6)
        output: (N, 4, 6, 6)
        aux: (N, 8, 6, 6)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.aux = nn.BatchNorm2d(8, **factory)
        self.head = Aux(8, **factory)
        self.d = nn.Conv2d(8, 4, 1, **factory)

    def forward(self, image: Tensor) -> NetOutput:
        aux: Tensor | None = None
        if self.training:
            x: Tensor = self.aux(image)
            aux = self.head(x)
        x = self.d(image)  # 4x6x6
        return NetOutput(x, aux)
