"""One process of a net's towers: `python towered.py FOLDER RANK WORLD [DEVICE]`.

The processes train `towers.py` there, two towers and as many copies of them as the world holds, each on its part of a
batch. The first one writes to `result.json` how far all is from the net in `whole.py`, which sees whole batches.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from pipelined import module_of
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel

BATCH, STEPS = 8, 2


def main(folder: Path, rank: int, world: int, device: str = "cpu") -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=world)
    mesh = init_device_mesh("cpu", (world // 2, 2), mesh_dim_names=("copy", "tower"))
    torch.manual_seed(0)
    whole = module_of(folder / "whole.py").Towers().to(device)
    state = {name: value.clone() for name, value in whole.state_dict().items()}
    net: Any = module_of(folder / "towers.py").own_tower(group=mesh["tower"].get_group(), device=device)
    net.load_state_dict({key: state[key] for key in net.state_dict()})
    trained = DistributedDataParallel(net, process_group=mesh["copy"].get_group()) if world > 2 else net
    first, copy = mesh["tower"].get_local_rank() == 0, mesh["copy"].get_local_rank()
    losses, expected = [], []
    # The towers have drawn other numbers of weights by now.
    torch.manual_seed(1)
    for _ in range(STEPS):
        images, labels = torch.rand(BATCH, 3, 32, 32).to(device), torch.randint(10, (BATCH,)).to(device)
        part, target = (each.chunk(world // 2)[copy] for each in (images, labels))
        loss = step(trained, part, target if first else None)
        losses.append(loss)
        expected.append(step(whole, images, labels))
    found: list[Any] = [None] * world
    dist.all_gather_object(found, (copy, first, losses, net.state_dict()))
    dist.destroy_process_group()
    if rank == 0:
        given = [sum(one) / (world // 2) for one in zip(*(each[2] for each in found if each[1]), strict=True)]
        merged = {key: value.to(device) for each in found for key, value in each[3].items()}
        after = whole.state_dict()
        result = {
            "keys": sorted(merged) == sorted(after),
            "losses": max(abs(one - other) for one, other in zip(given, expected, strict=True)),
            "difference": max((merged[key] - value).abs().max().item() for key, value in after.items()),
        }
        (folder / "result.json").write_text(json.dumps(result))


def step(net: Any, images: torch.Tensor, labels: torch.Tensor | None) -> float:
    """Take a step of gradient descent; what gives nothing of its own has no labels."""
    net.zero_grad()
    result = net(images)
    loss = result.sum() if labels is None else F.cross_entropy(result, labels)
    loss.backward()
    with torch.no_grad():
        for weight in net.parameters():
            weight -= 0.1 * weight.grad
    return loss.item()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
