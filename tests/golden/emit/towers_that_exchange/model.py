"""Net, made by archdsl from case.arch.

132,826 parameters, 647,488 multiply-accumulates per sample.
"""

from collections import abc
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Net", "Tower", "move", "device_pool", "factories"]


def move(x: Tensor, to: nn.Module | Tensor) -> Tensor:
    """Return x on the device of `to`, a tensor or a module with weights.

    A copy to an accelerator is asynchronous. A copy to the CPU is not, because the host
    could read the data before it arrives.
    """
    device = (to if isinstance(to, Tensor) else next(to.parameters())).device
    return x if x.device == device else x.to(device, non_blocking=device.type != "cpu")


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


Devices: TypeAlias = (
    str
    | torch.device
    | abc.Sequence[str | torch.device]
    | abc.Mapping[str, str | torch.device]
)


def factories(
    devices: Devices | None, names: abc.Sequence[str], dtype: torch.dtype | None
) -> dict[str, dict[str, Any]]:
    """Return the factory arguments `device` and `dtype` for each device name.

    `devices` is None for the current default device, "auto" for all accelerators (or
    the CPU if there are none), a type such as "cuda" for all devices of this type, one
    device, a list of devices, or a mapping from names to devices. If there are fewer
    devices than names, neighbours share one: 5 names on 2 devices are 0, 0, 0, 1, 1.

    Raises ValueError if a mapping does not have exactly these names, or if a list is
    empty.
    """
    if isinstance(devices, abc.Mapping):
        if set(devices) != set(names):
            raise ValueError(
                f"devices must have the names {list(names)}, not {list(devices)}"
            )
        chosen = [devices[name] for name in names]
    elif devices is None:
        return {name: {"device": None, "dtype": dtype} for name in names}
    else:
        pool = device_pool(devices)
        used = min(len(pool), len(names))
        chosen = [pool[place * used // len(names)] for place in range(len(names))]
    return {
        name: {"device": torch.device(device), "dtype": dtype}
        for name, device in zip(names, chosen, strict=True)
    }


class Tower(nn.Module):
    """The submodule tower0.

    Source: case.arch, line 4.
    """

    def __init__(
        self,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, **factory)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, **factory)
        self.fc = nn.Linear(4096, 16, **factory)


class Net(nn.Module):
    """The architecture Net.

    Source: case.arch, line 1.

    Shapes:
        image: (N, 3, 32, 32)
        returns: (N, classes)
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        devices: Devices | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        on = factories(devices, ("gpu0", "gpu1"), dtype)
        self.tower0 = Tower(**on["gpu0"])
        self.tower1 = Tower(**on["gpu1"])
        self.head = nn.Linear(32, classes, **on["gpu0"])

    def forward(self, image: Tensor) -> Tensor:
        image_on_gpu0 = move(image, self.tower0)
        image_on_gpu1 = move(image, self.tower1)
        tower0 = self.tower0.conv1(image_on_gpu0)  # 4x32x32
        tower0 = F.relu(tower0, inplace=True)
        tower0 = F.max_pool2d(tower0, 2)  # 4x16x16
        tower1 = self.tower1.conv1(image_on_gpu1)  # 4x32x32
        tower1 = F.relu(tower1, inplace=True)
        tower1 = F.max_pool2d(tower1, 2)  # 4x16x16
        tower1_on_gpu0 = move(tower1, self.tower0)
        tower0_on_gpu1 = move(tower0, self.tower1)
        tower0 = torch.cat((tower0, tower1_on_gpu0), 1)  # 8x16x16
        tower1 = torch.cat((tower0_on_gpu1, tower1), 1)
        tower0 = self.tower0.conv2(tower0)
        tower0 = F.relu(tower0, inplace=True)
        tower0 = tower0.flatten(1)  # 2048
        tower1 = self.tower1.conv2(tower1)  # 8x16x16
        tower1 = F.relu(tower1, inplace=True)
        tower1 = tower1.flatten(1)  # 2048
        tower1_on_gpu0 = move(tower1, self.tower0)
        tower0_on_gpu1 = move(tower0, self.tower1)
        tower0 = torch.cat((tower0, tower1_on_gpu0), 1)  # 4096
        tower1 = torch.cat((tower0_on_gpu1, tower1), 1)
        tower0 = self.tower0.fc(tower0)  # 16
        tower0 = F.relu(tower0, inplace=True)
        tower1 = self.tower1.fc(tower1)
        tower1 = F.relu(tower1, inplace=True)
        tower1_on_gpu0 = move(tower1, self.tower0)
        x: Tensor = torch.cat((tower0, tower1_on_gpu0), 1)  # 32
        x = self.head(x)  # classes
        return x
