import torch
from torch import Tensor, nn


class Sum(nn.Module):
    """`torch.sum` as a module."""

    def __init__(self, dim: int | tuple[int, ...], keepdim: bool = False) -> None:
        super().__init__()
        self.dim = dim
        self.keepdim = keepdim

    def forward(self, x: Tensor) -> Tensor:
        return torch.sum(x, self.dim, self.keepdim)
