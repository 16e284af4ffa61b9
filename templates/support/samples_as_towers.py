import torch
from torch import Tensor


def samples_as_towers(x: Tensor, towers: int) -> Tensor:
    """Turn samples back into the towers of a stream.

    Maps (N * towers, C, ...) to (N, towers * C, ...).
    """
    return torch.unflatten(x, 0, (-1, towers)).flatten(1, 2)
