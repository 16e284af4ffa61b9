import torch.nn.functional as F
from torch import Tensor


def drop_path(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero random samples, divide the others by 1 - p (Huang et al. 2016)."""
    if not training:
        return x
    ones = x.new_ones(x.shape[0], *[1] * (x.ndim - 1))
    return x * F.dropout(ones, p)
