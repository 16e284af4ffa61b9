"""Net, made by archdsl from case.arch.

5,598 parameters, 5,352 multiply-accumulates per sample.
"""

from collections import OrderedDict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Mlp", "Plain"]


class Mlp(nn.Module):
    """The block Mlp.

    Source: case.arch, line 2.

    Shapes:
        x: (N, in_features)
        returns: (N, width)
    """

    def __init__(
        self,
        in_features: int,
        width: int,
        std: float = 0.02,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.fc1 = nn.Linear(in_features, 4 * width, **factory)
        self.fc2 = nn.Linear(4 * width, width, **factory)
        nn.init.trunc_normal_(self.fc1.weight, std=std)
        nn.init.zeros_(self.fc1.bias)
        nn.init.normal_(self.fc2.weight, std=std)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x)  # 4 * width
        x = F.gelu(x)
        x = self.fc2(x)  # width
        return x


class Plain(nn.Module):
    """The block Plain.

    Source: case.arch, line 7.

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

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)  # width
        x = F.relu(x, inplace=True)
        return x


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 9.

    Shapes:
        features: (N, 16)
        returns: (N, 2)
    """

    def __init__(
        self,
        std: float = 0.01,
        module: int = 2,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.first = Mlp(16, 16, **factory)
        self.second = Mlp(16, 16, std=std, **factory)
        self.third = Plain(16, 16, **factory)
        self.wide = nn.Sequential(
            nn.Linear(16, 16, **factory),
            nn.ReLU(inplace=True),
            nn.Linear(16, 16, **factory),
            nn.Linear(16, 16, **factory),
        )
        self.parts = nn.Sequential(
            OrderedDict(a=nn.Linear(16, 8, **factory), b=nn.Linear(8, 8, **factory))
        )
        self.fc = nn.Linear(8, 4, **factory)
        self.last = nn.Linear(4, 2, **factory)
        for each_module in self.wide.modules():
            if isinstance(each_module, nn.Linear):
                nn.init.orthogonal_(each_module.weight)
        nn.init.uniform_(self.get_parameter("parts.a.weight"), -0.1, 0.1)
        nn.init.constant_(self.get_parameter("parts.b.weight"), module)
        nn.init.constant_(self.fc.bias, std)
        nn.init.ones_(self.last.weight)

    def forward(self, features: Tensor) -> Tensor:
        x: Tensor = self.first(features)
        x = self.second(x)
        x = self.third(x)
        x = self.wide(x)
        x = self.parts(x)  # 8
        x = self.fc(x)  # 4
        x = self.last(x)  # 2
        return x
