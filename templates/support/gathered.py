import torch
import torch.distributed as dist
from torch import Tensor


def gathered(x: Tensor, group: dist.ProcessGroup | None) -> tuple[Tensor, ...]:
    """Return the tensors of all processes of a group, by rank; gradients flow back.

    All processes must call this, forward and backward, with tensors of the same shape.
    A process takes part in the backward pass also if its own tensor has no gradient.
    """
    if torch.is_grad_enabled() and x.is_floating_point() and not x.requires_grad:
        x = x.detach().requires_grad_()
    found: tuple[Tensor, ...] = Gather.apply(x, group)  # type: ignore[no-untyped-call]
    return found
