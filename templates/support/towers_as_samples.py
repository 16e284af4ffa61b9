import torch
from torch import Tensor


def towers_as_samples(x: Tensor, towers: int) -> Tensor:
    """Turn the towers of a stream into samples.

    Maps (N, towers * C, ...) to (N * towers, C, ...).
    """
    return torch.unflatten(x, 1, (towers, -1)).flatten(0, 1)
