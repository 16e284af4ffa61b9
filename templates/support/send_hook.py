from typing import Any

from torch import Tensor, nn


def send_hook(
    module: nn.Module, given: tuple[Tensor, ...], result: Tensor | tuple[Tensor, ...]
) -> Any:
    """Return the outputs of a stage so that the process can send them.

    A forward hook.
    """
    if isinstance(result, Tensor):
        return sendable(result)
    return tuple(sendable(x) for x in result)
