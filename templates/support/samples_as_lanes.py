import torch
from torch import Tensor


def samples_as_lanes(x: Tensor, lanes: int) -> Tensor:
    """Return the lanes that were samples of their own behind each other.

    Maps (N * lanes, C, ...) to (N, lanes * C, ...).
    """
    return torch.unflatten(x, 0, (-1, lanes)).flatten(1, 2)
