"""Written, made by archdsl from case.arch.

58 parameters, 48 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Written", "Pair", "Silent"]


class Pair(nn.Module):
    """A block, whose documentation begins and ends with empty lines.

    Source: case.arch, line 4.

    Shapes:
        x: (N, in_features)
        returns: (N, out)
    """

    def __init__(
        self,
        in_features: int,
        out: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.a = nn.Linear(in_features, out, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)  # out
        x = F.relu(x, inplace=True)
        return x


class Silent(nn.Module):
    """The block Silent.

    Source: case.arch, line 7.

    Shapes:
        x: (N, in_features)
        returns: (N, out)
    """

    def __init__(
        self,
        in_features: int,
        out: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.b = nn.Linear(in_features, out, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = self.b(x)  # out
        x = F.relu(x, inplace=True)
        return x


class Written(nn.Module):
    """The first paragraph is what the class is about.

    The second one says more, in two lines.

    So does the third one.

    Source: case.arch, line 16.

    Shapes:
        x: (N, 4)
        returns: (N, 2)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.pair = Pair(4, 8, **factory)
        self.silent = Silent(8, 2, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pair(x)  # 8
        x = self.silent(x)  # 2
        return x
