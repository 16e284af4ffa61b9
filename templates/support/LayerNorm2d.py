import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm2d(nn.LayerNorm):
    """nn.LayerNorm over the channels of each pixel of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        # TorchScript cannot call the `forward` of a base class.
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)
