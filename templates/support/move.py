from torch import Tensor, nn


def move(x: Tensor, to: nn.Module | Tensor) -> Tensor:
    """Return x on the device of `to`, a tensor or a module with weights.

    A copy to an accelerator is asynchronous. A copy to the CPU is not, because the host
    could read the data before it arrives.
    """
    device = (to if isinstance(to, Tensor) else next(to.parameters())).device
    return x if x.device == device else x.to(device, non_blocking=device.type != "cpu")
