"""The device of a process that torchrun started."""

import os

import torch


def own_device() -> torch.device:
    """Return the accelerator of this process, or the CPU if this machine has fewer accelerators than processes."""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if accelerator is None or torch.accelerator.device_count() < int(os.environ["LOCAL_WORLD_SIZE"]):
        return torch.device("cpu")
    number = int(os.environ["LOCAL_RANK"])
    torch.accelerator.set_device_index(number)
    return torch.device(accelerator.type, number)
