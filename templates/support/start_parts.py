from collections import abc
from typing import Any

from torch import Tensor


def start_parts(
    start: abc.Callable[..., Tensor],
    weight: Tensor,
    parts: int,
    *args: Any,
    **options: Any,
) -> None:
    """Initialise a weight that combines several layers, each layer independently.

    `start` is a function of nn.init. The layers are `parts` equal slices of axis 0.
    """
    for part in weight.detach().chunk(parts):
        start(part, *args, **options)
