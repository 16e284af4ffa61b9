import torch
from torch import Tensor, nn


class Mean(nn.Module):
    """`torch.mean` as a module."""

    def __init__(self, dim: int | tuple[int, ...], keepdim: bool = False) -> None:
        super().__init__()
        self.dim = dim
        self.keepdim = keepdim

    def forward(self, x: Tensor) -> Tensor:
        return torch.mean(x, self.dim, self.keepdim)
