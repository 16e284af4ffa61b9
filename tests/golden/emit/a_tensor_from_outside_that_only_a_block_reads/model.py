"""Net, made by archdsl from case.arch.

0 parameters, 0 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Gated", "A"]


class Gated(nn.Module):
    """The block Gated.

    Source: case.arch, line 1.

    Shapes:
        x: (N, in_features)
        gate: (N, gate_features)
        returns: (N, in_features)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()

    def forward(self, x: Tensor, gate: Tensor) -> Tensor:
        y = torch.sigmoid(gate)  # gate_features
        x = x * y  # in_features
        return x


class A(nn.Module):
    """The submodule a.

    Source: case.arch, line 11.

    Shapes:
        x: (N, width)
        y: (N, width)
        returns: (N, width)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.gated = Gated(**factory)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x = F.relu(x)
        x = self.gated(x, y)
        x = torch.tanh(x)
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 8.

    Shapes:
        x: (N, width)
        y: (N, width)
        returns: (N, width)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.a = A(**factory)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        x = self.a(x, y)
        return x
