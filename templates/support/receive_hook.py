from torch import Tensor, nn


def receive_hook(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the inputs of a stage, whose gradients will be contiguous.

    A forward pre-hook: the process sends these gradients to the previous stage.
    """
    return tuple(
        ContiguousGradient.apply(x)  # type: ignore[no-untyped-call]
        if x.requires_grad
        else x
        for x in given
    )
