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
    """Start the weights of several layers in one, each as if it were alone.

    `start` is a function of nn.init; the parts lie behind each other on the first axis.
    """
    for part in weight.detach().chunk(parts):
        start(part, *args, **options)
