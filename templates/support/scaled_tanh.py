import torch
from torch import Tensor


def scaled_tanh(x: Tensor) -> Tensor:
    """Return 1.7159 tanh(2x / 3) (LeCun et al. 1998, appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))
