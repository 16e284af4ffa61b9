from torch import Tensor, nn


class LayerNorm2d(nn.LayerNorm):
    """nn.LayerNorm over the channels of each pixel of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
