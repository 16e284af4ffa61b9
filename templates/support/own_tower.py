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
    """Construct the tower of this process, by its rank in the group (default: all).

    `parameters` are those of the model; each tower takes the ones that it uses.

    Raises ValueError if the number of processes is not the number of towers, and
    TypeError if no tower has one of the parameters.
    """
    if dist.get_world_size(group) != len(TOWERS):
        raise ValueError(f"{len(TOWERS)} towers need {len(TOWERS)} processes")
    known = [inspect.signature(each).parameters for each in TOWERS]
    unknown = [name for name in parameters if all(name not in each for each in known)]
    if unknown:
        raise TypeError(f"there is no parameter {unknown[0]}")
    rank = dist.get_rank(group)
    mine = {name: value for name, value in parameters.items() if name in known[rank]}
    return TOWERS[rank](device=device, dtype=dtype, group=group, **mine)
