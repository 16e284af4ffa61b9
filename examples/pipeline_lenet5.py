"""Train LeNet-5 on digits in a pipeline, with a process for each stage.

    archdsl build lenet5 --parallel pipeline --stages 2 -o lenet5_stages.py
    torchrun --nproc-per-node 2 examples/pipeline_lenet5.py

The weights of all stages together are the weights of the whole net. The first process writes them to `lenet5.pt`.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from digits import load_digits
from processes import own_device

MICRO_BATCHES, SAMPLES = 4, 16


def main() -> None:
    """Train for `--steps` steps."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=200)
    options.add_argument("--schedule", default="1F1B")
    chosen = options.parse_args()
    sys.path.insert(0, str(Path.cwd()))
    from lenet5_stages import pipeline

    device = own_device()
    dist.init_process_group(dist.get_default_backend_for_device(device))
    torch.manual_seed(dist.get_rank())
    stages, schedule = pipeline(chosen.schedule, MICRO_BATCHES, SAMPLES, F.cross_entropy, device=device)
    optimizers = [torch.optim.AdamW(stage.submod.parameters(), lr=2e-3) for stage in stages]
    digits = load_digits()
    order = torch.Generator().manual_seed(0)
    for step in range(chosen.steps):
        batch = digits.take(torch.randint(len(digits), (MICRO_BATCHES * SAMPLES,), generator=order))
        for optimizer in optimizers:
            optimizer.zero_grad()
        losses: list[torch.Tensor] = []
        given = (batch.images.to(device),) if any(stage.is_first for stage in stages) else ()
        wanted: dict[str, Any] = {}
        if any(stage.is_last for stage in stages):
            wanted = {"target": batch.labels.to(device), "losses": losses}
        schedule.step(*given, **wanted)
        for optimizer in optimizers:
            optimizer.step()
        if losses and (step + 1) % 50 == 0:
            print(f"step {step + 1}  loss {torch.stack(losses).mean().item():.4f}", flush=True)
    save(stages)
    dist.destroy_process_group()


def save(stages: list[Any]) -> None:
    """Write the weights of all processes to one file, with the keys of the whole net."""
    mine = {key: value.cpu() for stage in stages for key, value in stage.submod.state_dict().items()}
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, mine)
    if dist.get_rank() == 0:
        torch.save({key: value for part in parts for key, value in part.items()}, "lenet5.pt")


if __name__ == "__main__":
    main()
