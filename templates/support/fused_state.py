import torch
from torch import Tensor

FUSED: dict[str, tuple[str, ...]] = {}


def fused_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert the state_dict of the net with separate towers for this module.

    FUSED lists the towers of each fused submodule: their entries are concatenated along
    the first axis, in this order. An entry without axes counts batches, which all
    towers do alike: the first is kept. Other entries do not change.
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
