from torch import Tensor, nn


class Narrow(nn.Module):
    """`narrow` as a module: `length` indices of an axis, from `start` on."""

    def __init__(self, dim: int, start: int, length: int) -> None:
        super().__init__()
        self.dim = dim
        self.start = start
        self.length = length

    def forward(self, x: Tensor) -> Tensor:
        return x.narrow(self.dim, self.start, self.length)
