from typing import Any

import torch
from torch import Tensor


class ContiguousGradient(torch.autograd.Function):
    """Returns a tensor, and makes its gradient contiguous."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the tensor."""
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient in contiguous memory."""
        return gradient.contiguous()
