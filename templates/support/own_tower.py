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
    """Build the tower of this process, by its rank in `group`, or among all processes.

    `parameters` are those of the model; each tower uses the ones that it has.

    Raises ValueError if the group does not have one process for each tower, and
    TypeError if the model has no such parameter.
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
