from typing import Any

import torch
from torch import Tensor, nn


class GroupedLinear(nn.Linear):
    """Parallel linear layers, each on its own group of the features.

    `out_features` counts all groups, `in_features` one. Maps
    (N, groups * in_features) to (N, out_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        groups: int,
        bias: bool = True,
        **factory: Any,
    ) -> None:
        super().__init__(in_features, out_features, bias, **factory)
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.unflatten(self.weight, 0, (self.groups, -1))
        x = torch.unflatten(x, 1, (self.groups, -1))
        x = torch.einsum("ngi,goi->ngo", x, weight).flatten(1)
        return x if self.bias is None else x + self.bias

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, groups={self.groups}"
