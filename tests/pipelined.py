"""One process of a pipeline, `python pipelined.py FOLDER RANK WORLD [DEVICE]`: it runs the cases in `cases.json` there.

Each case is trained for two steps; the first process compares all gradients, buffers and losses with those of the
single process that takes the same micro-batches one after another, and writes what differs to `result.json`.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F

MICRO, SAMPLES, STEPS = 4, 2, 2


def module_of(file: Path) -> Any:
    """Import a generated module."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loss_of(found: Any, target: torch.Tensor) -> torch.Tensor:
    """Return the loss of what a net gives: that of each of its outputs."""
    parts = found if isinstance(found, tuple) else (found,)
    losses = [F.cross_entropy(part.flatten(1), target) for part in parts]
    return torch.stack(losses).sum()


def alone(net: Any, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Return gradients and buffers after the steps of a single process, and its losses."""
    losses = []
    for images, targets in batches:
        net.zero_grad()
        for image, target in zip(images.chunk(MICRO), targets.chunk(MICRO), strict=True):
            loss = loss_of(net(image), target) / MICRO
            loss.backward()
            losses.append(loss.item() * MICRO)
    return found_in(net), losses


def found_in(net: Any) -> dict[str, torch.Tensor]:
    """Return the gradients and buffers of a module by their names."""
    grads = {f"{name}.grad": weight.grad for name, weight in net.named_parameters() if weight.grad is not None}
    return grads | dict(net.named_buffers())


def run(folder: Path, case: dict[str, Any], rank: int, device: str) -> dict[str, Any]:
    """Run a case; return what the first process finds."""
    torch.manual_seed(0)
    whole = getattr(module_of(folder / f"{case['name']}.py"), case["model"])().to(device)
    state = {name: value.clone() for name, value in whole.state_dict().items()}
    batches = [
        (
            torch.rand(MICRO * SAMPLES, *case["shape"]).to(device),
            torch.randint(case["classes"], (MICRO * SAMPLES,)).to(device),
        )
        for _ in range(STEPS)
    ]
    staged = module_of(folder / f"{case['name']}_stages.py")
    stages, schedule = staged.pipeline(case["schedule"], MICRO, SAMPLES, loss_of, device=device)
    keys = [key for stage in stages for key in stage.submod.state_dict()]
    for stage in stages:
        stage.submod.load_state_dict({key: state[key] for key in stage.submod.state_dict()})
    last = any(stage.is_last for stage in stages)
    losses: list[Any] = []
    for images, targets in batches:
        for stage in stages:
            stage.submod.zero_grad()
        given = (images,) if any(stage.is_first for stage in stages) else ()
        schedule.step(*given, **({"target": targets, "losses": (some := [])} if last else {}))
        losses += [loss.item() for loss in some] if last else []
    mine = {key: value for stage in stages for key, value in found_in(stage.submod).items()}
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, (mine, losses, keys))
    if rank:
        return {}
    expected, right = alone(whole, batches)
    found = {key: value for part, _, _ in parts for key, value in part.items()}
    # Random order of micro-batches in the list of losses is none: they come as they are run.
    given_losses = [loss for _, some, _ in parts for loss in some]
    size = {key: value.abs().max().clamp(min=1e-12) for key, value in expected.items()}
    return {
        "keys": sorted(key for _, _, some in parts for key in some) == sorted(state),
        "names": sorted(found) == sorted(expected),
        "difference": max(((found[key] - value).abs().max() / size[key]).item() for key, value in expected.items()),
        "losses": max(abs(one - other) for one, other in zip(sorted(given_losses), sorted(right), strict=True)),
    }


def main(folder: Path, rank: int, world: int, device: str = "cpu") -> None:
    """Run all cases in one process group."""
    torch.set_num_threads(1)
    backend = dist.get_default_backend_for_device(device)
    dist.init_process_group(backend, init_method=f"file://{folder / 'store'}", rank=rank, world_size=world)
    results = {}
    for case in json.loads((folder / "cases.json").read_text()):
        results[case["name"] + " " + case["schedule"]] = run(folder, case, rank, device)
        dist.barrier()
    if rank == 0:
        (folder / "result.json").write_text(json.dumps(results))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
