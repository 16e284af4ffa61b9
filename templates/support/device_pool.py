from collections import abc

import torch


def device_pool(
    devices: str | torch.device | abc.Sequence[str | torch.device],
) -> abc.Sequence[str | torch.device]:
    """Return the list of devices for an argument such as "auto" or "cuda"."""
    if not isinstance(devices, str | torch.device):
        if not devices:
            raise ValueError("the list of devices is empty")
        return devices
    available = torch.accelerator.is_available()
    accelerator = torch.accelerator.current_accelerator() if available else None
    if devices == "auto":
        if accelerator is None:
            return ["cpu"]
        devices = accelerator
    device = torch.device(devices)
    if (
        accelerator is None
        or device.index is not None
        or device.type != accelerator.type
    ):
        return [device]
    count = torch.accelerator.device_count()
    return [torch.device(device.type, number) for number in range(count)]
