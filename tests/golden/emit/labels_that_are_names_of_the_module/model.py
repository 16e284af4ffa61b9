"""Net, made by archdsl from case.arch.

288 parameters, 256 multiply-accumulates per sample.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "A", "Joined", "drop_path", "scaled_tanh"]


def drop_path(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero random samples, divide the others by 1 - p (Huang et al. 2016)."""
    if not training:
        return x
    ones = x.new_ones(x.shape[0], *[1] * (x.ndim - 1))
    return x * F.dropout(ones, p)


def scaled_tanh(x: Tensor) -> Tensor:
    """Return 1.7159 tanh(2x / 3) (LeCun et al. 1998, appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))


class A(nn.Module):
    """The submodule a.

    Source: case.arch, line 15.

    Shapes:
        x: (N, 8)
        self_: (N, 8)
        F_: (N, 8)
        returns: (N, 8)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.linear = nn.Linear(8, 8, **factory)

    def forward(self, x: Tensor, self_: Tensor, F_: Tensor) -> Tensor:
        y = self.linear(x)
        z = F.gelu(self_)
        x = drop_path(x, training=self.training)
        x = y + z + F_ + x
        return x


class Joined(nn.Module):
    """The block Joined.

    Source: case.arch, line 1.

    Shapes:
        x: (N, in_features)
        a: (N, a_features)
        b: (N, b_features)
        c: (N, c_features)
        returns: (N, c_features)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()

    def forward(self, x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        y = F.gelu(a)  # a_features
        z = scaled_tanh(c)  # c_features
        x = x + b + y + z
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 10.

    Shapes:
        x: (N, 8)
        returns: (N, 8)
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.self = nn.Linear(8, 8, **factory)
        self.F = nn.Linear(8, 8, **factory)
        self.drop_path = nn.ReLU()
        self.a = A(**factory)
        self.b = Joined(**factory)
        self.scaled_tanh = nn.Linear(8, 8, **factory)

    def forward(self, x: Tensor) -> Tensor:
        x = self.self(x)
        y = self.F(x)
        z = self.drop_path(y)
        x1 = self.a(z, x, y)
        x = self.b(x1, x, y, z)
        x = self.scaled_tanh(x)
        y = scaled_tanh(x)
        y = scaled_tanh(y)
        x = y + x
        return x
