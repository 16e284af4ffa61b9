import torch
from torch import Tensor

FUSED: dict[str, tuple[str, ...]] = {}


def fused_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert a state_dict of the net with towers to one of this module.

    FUSED names the towers of each fused submodule. Their tensors are concatenated along
    the first axis, in this order. Tensors without axes count batches: the first tower's
    is used. Other entries do not change.
    """
    found = dict(state)
    for name, towers in FUSED.items():
        first = f"{towers[0]}."
        for rest in [key.removeprefix(first) for key in found if key.startswith(first)]:
            keys = [f"{tower}.{rest}" for tower in towers]
            if all(key in found for key in keys):
                parts = [found.pop(key) for key in keys]
                found[f"{name}.{rest}"] = (
                    torch.cat(parts) if parts[0].dim() else parts[0]
                )
    return found
