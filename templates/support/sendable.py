import torch
from torch import Tensor


def sendable(x: Tensor) -> Tensor:
    """Return a tensor that is contiguous and not a view.

    Schedules with split backward passes detach tensors in place after sending them,
    which torch refuses for views.
    """
    if x._is_view():
        return x.clone(memory_format=torch.contiguous_format)
    return x.contiguous()
