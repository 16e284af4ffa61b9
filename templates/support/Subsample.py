from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Subsample(nn.Module):
    """The S layers of LeNet-5 (LeCun et al. 1998, section II.B).

    The mean of each window times a coefficient, plus a bias; both are learned, one per
    map. Maps (N, C, H, W) to (N, C, H', W').
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        **factory: Any,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.coefficient = nn.Parameter(torch.ones(channels, **factory))
        self.bias = nn.Parameter(torch.zeros(channels, **factory))

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, self.kernel_size, self.stride)
        return x * self.coefficient[:, None, None] + self.bias[:, None, None]
