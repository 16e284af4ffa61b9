from torch import Tensor, nn


def move(x: Tensor, to: nn.Module | Tensor) -> Tensor:
    """Return x on the device of `to`, a module with weights or a tensor there.

    It is copied only if it lies elsewhere. A copy to an accelerator does not wait for
    the host; one to the CPU does, else the host could read what has not arrived.
    """
    device = (to if isinstance(to, Tensor) else next(to.parameters())).device
    return x if x.device == device else x.to(device, non_blocking=device.type != "cpu")
