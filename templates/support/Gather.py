from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


class Gather(torch.autograd.Function):
    """Gathers a tensor from all processes, and sums its gradients over them."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, group: dist.ProcessGroup | None
    ) -> tuple[Tensor, ...]:
        """Return the tensors of all processes."""
        ctx.group = group
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size(group))]
        dist.all_gather(parts, x.contiguous(), group)
        return tuple(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of this process's own tensor."""
        found = torch.empty_like(gradients[0])
        parts = [gradient.contiguous() for gradient in gradients]
        dist.reduce_scatter(found, parts, group=ctx.group)
        return found, None
