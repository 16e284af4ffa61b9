from torch import Tensor, nn


class LocalResponseNorm3d(nn.LocalResponseNorm):
    """nn.LocalResponseNorm for volumes of any memory layout."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous())
