from torch import Tensor, nn


class LocalResponseNorm3d(nn.LocalResponseNorm):
    """nn.LocalResponseNorm of volumes, in whatever order their axes lie in memory."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.contiguous())
