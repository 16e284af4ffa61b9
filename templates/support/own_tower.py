import inspect
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

TOWERS: tuple[type[nn.Module], ...] = ()


def own_tower(
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    group: dist.ProcessGroup | None = None,
    **parameters: Any,
) -> nn.Module:
    """Return the tower of this process, by its rank in a group, or among all processes.

    `parameters` are those of the model; each tower takes what it needs of them.

    Raises ValueError where the group has not as many processes as there are towers, and
    TypeError where the model has no such parameter.
    """
    if dist.get_world_size(group) != len(TOWERS):
        raise ValueError(f"{len(TOWERS)} towers need as many processes")
    known = [inspect.signature(each).parameters for each in TOWERS]
    unknown = [name for name in parameters if all(name not in each for each in known)]
    if unknown:
        raise TypeError(f"there is no parameter {unknown[0]}")
    rank = dist.get_rank(group)
    mine = {name: value for name, value in parameters.items() if name in known[rank]}
    return TOWERS[rank](device=device, dtype=dtype, group=group, **mine)
