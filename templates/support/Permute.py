from torch import Tensor, nn


class Permute(nn.Module):
    """`permute` as a module: reorders the axes; axis 0 is the batch."""

    def __init__(self, *dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.dims)
