from collections import abc
from typing import Any, TypeAlias

import torch

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
