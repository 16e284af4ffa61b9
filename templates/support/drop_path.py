import torch.nn.functional as F
from torch import Tensor


def drop_path(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Zero random samples, divide the others by 1 - p (Huang et al. 2016)."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"a dropout probability is from 0 to 1, not {p}")
    if not training:
        return x
    ones = x.new_ones([x.shape[0]] + [1] * (x.ndim - 1))
    return x * F.dropout(ones, p)
