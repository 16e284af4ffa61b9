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
    """Return for each named device what its layers are made with: `device` and `dtype`.

    `devices` are None for the current default device, "auto" for all accelerators of
    this machine (its CPU where it has none), a kind such as "cuda" for all devices of
    this kind, one device, a list of devices, or one for each name. Fewer devices than
    names are shared by neighbours: 5 names on 2 devices are on 0, 0, 0, 1, 1.

    Raises ValueError where a mapping lacks a name or has another one, and where a list
    is empty.
    """
    if isinstance(devices, abc.Mapping):
        if set(devices) != set(names):
            raise ValueError(
                f"devices are needed for {list(names)}, not {list(devices)}"
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
