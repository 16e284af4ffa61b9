"""Net, made by archdsl from case.arch.

200 parameters, 176 multiply-accumulates per sample.
"""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Net", "Layer", "Layer2", "Layer3"]


class Layer(nn.Module):
    """The block Layer.

    Source: case.arch, line 1.

    One of 3 variants of the block, for one and four.

    Shapes:
        x: (N, in_features)
        returns: (N, width)
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.fc = nn.Linear(in_features, width, **factory)
        nn.init.zeros_(self.fc.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)  # width
        x = torch.tanh(x)
        return x


class Layer2(nn.Module):
    """The block Layer.

    Source: case.arch, line 1.

    One of 3 variants of the block, for two.

    Shapes:
        x: (N, in_features)
        returns: (N, width)
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.fc = nn.Linear(in_features, width, **factory)
        nn.init.xavier_normal_(self.fc.weight, gain=2.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)  # width
        x = torch.tanh(x)
        return x


class Layer3(nn.Module):
    """The block Layer.

    Source: case.arch, line 1.

    One of 3 variants of the block, for three.

    Shapes:
        x: (N, in_features)
        returns: (N, width)
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.fc = nn.Linear(in_features, width, **factory)
        nn.init.normal_(self.fc.weight, std=0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)  # width
        x = torch.tanh(x)
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 3.

    Built for how = xavier_normal(gain = 2.0), std = 0.5.

    Shapes:
        features: (N, 8)
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
        self.one = Layer(8, 8, **factory)
        self.two = Layer2(8, 8, **factory)
        self.three = Layer3(8, 4, **factory)
        self.four = Layer(4, 4, **factory)

    def forward(self, features: Tensor) -> Tensor:
        x: Tensor = self.one(features)
        x = self.two(x)
        x = self.three(x)  # 4
        x = self.four(x)
        return x
