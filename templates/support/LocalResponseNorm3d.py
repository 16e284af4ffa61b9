import torch.nn.functional as F
from torch import Tensor, nn


class LocalResponseNorm3d(nn.LocalResponseNorm):
    """nn.LocalResponseNorm for volumes of any memory layout."""

    def forward(self, x: Tensor) -> Tensor:
        # TorchScript cannot call the `forward` of a base class.
        return F.local_response_norm(
            x.contiguous(), self.size, self.alpha, self.beta, self.k
        )
