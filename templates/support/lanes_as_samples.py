import torch
from torch import Tensor


def lanes_as_samples(x: Tensor, lanes: int) -> Tensor:
    """Return the lanes of a stream as samples of their own.

    Maps (N, lanes * C, ...) to (N * lanes, C, ...).
    """
    return torch.unflatten(x, 1, (lanes, -1)).flatten(0, 1)
