import torch
from torch import Tensor


def scaled_tanh(x: Tensor) -> Tensor:
    """1.7159 tanh(2x/3): maps 1 to 1 and -1 to -1 (LeCun et al. 1998, appendix A)."""
    return 1.7159 * torch.tanh(x * (2 / 3))
