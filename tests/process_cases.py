"""Runs nets in processes of their own: `python tests/process_cases.py FOLDER` runs what `cases.json` there lists.

Each case has a plain module, `NAME.py`, and one for several processes, `NAME_parts.py`. For each number of processes a
group is forked, which takes its cases one after another. In each process, outputs, gradients and buffers are compared
with those of the plain module, in float64. If a process fails, all of its group end; the rest of the cases goes to
a new group. `result.json` has for each case what differs, or the message of the process that failed first.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.distributed as dist
from pipelined import module_of
from torch import Tensor, nn

BATCH, MICRO, SAMPLES, STEPS = 2, 4, 2, 2
# Seconds that a process waits for the others, and that a group may take for one case.
PATIENCE, LONGEST = 30, 60
Case: TypeAlias = dict[str, Any]
# What a process hears if another one has ended.
_LEFT_ALONE = "closed by peer", "Connection reset", "Timed out", "Broken pipe", "Connection refused"


class Differs(AssertionError):
    """A module for several processes does not compute what the plain module computes."""


def samples_of(case: Case, count: int, seed: int) -> list[Tensor]:
    """Return a batch for each input, of indices if the input has some."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(count, *shape, generator=generator, dtype=torch.float64)
        if indices is None
        else torch.randint(indices, (count, *shape), generator=generator)
        for shape, indices in zip(case["shapes"], case["indices"], strict=True)
    ]


def outputs_of(result: Any) -> list[Any]:
    """Return what a module gives, None for the outputs of the training in evaluation."""
    return list(result) if isinstance(result, tuple) else [result]


def loss_of(result: Any, _target: Tensor | None = None) -> Tensor:
    """Return a loss that depends on each element of each output in another way."""
    parts = [part for part in outputs_of(result) if part is not None]
    losses = [
        (part * torch.linspace(0.5, 1.5, part.numel(), dtype=part.dtype).reshape(part.shape)).sum() for part in parts
    ]
    return torch.stack(losses).sum()


def found_in(net: nn.Module) -> dict[str, Tensor]:
    """Return the gradients and saved buffers of a module by their names; a buffer that is not saved holds a device."""
    buffers = {name: value for name, value in net.named_buffers() if name in net.state_dict()}
    grads = {
        f"{name}.grad": torch.zeros_like(weight) if weight.grad is None else weight.grad
        for name, weight in net.named_parameters()
    }
    return {key: value.detach().clone() for key, value in (grads | buffers).items()}


def require_equal(found: dict[str, Tensor], expected: dict[str, Tensor], what: str) -> None:
    """Require the same names and values; what is 0 but for rounding grows with the largest value."""
    if found.keys() != expected.keys():
        raise Differs(f"{what}: names {sorted(found.keys() ^ expected.keys())}")
    finite = [value[value.isfinite()] for value in expected.values() if value.is_floating_point()]
    largest = max((float(value.abs().max()) for value in finite if value.numel()), default=0.0)
    for name, value in expected.items():
        if found[name].shape != value.shape:
            raise Differs(f"{what}: {name} is {[*found[name].shape]} instead of {[*value.shape]}")
        near = torch.allclose(found[name], value, rtol=1e-9, atol=1e-10 + 1e-12 * largest, equal_nan=True)
        if not near:
            raise Differs(f"{what}: {name} differs by {float((found[name] - value).abs().max()):.3g}")


def named(values: list[Any]) -> dict[str, Tensor]:
    return {f"output {number}": value.detach() for number, value in enumerate(values) if value is not None}


def shaken(net: nn.Module) -> nn.Module:
    """Give a net random weights, and statistics that are not those of a new one."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.4)
        for name, buffer in net.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return net


def modes(case: Case, net: nn.Module) -> Iterator[bool]:
    """Yield whether to train: True if training draws no random numbers and accepts small batches, then False.

    In evaluation the outputs of the training are None; stages return them, so the loss of a pipeline would be another.
    """
    trial, found = deepcopy(net).train(), []
    for seed in range(2):
        torch.manual_seed(seed)
        trial.load_state_dict(net.state_dict())
        try:
            with torch.no_grad():
                values = named(outputs_of(trial(*samples_of(case, SAMPLES, 0))))
        except ValueError:
            break
        # Random numbers in a branch that no output reads change the statistics of the batch norms in it.
        found.append(values | {name: value.clone() for name, value in trial.named_buffers()})
    if len(found) == 2 and all(
        torch.equal(value.nan_to_num(), found[1][key].nan_to_num()) for key, value in found[0].items()
    ):
        yield True
    if case["kind"] == "towers" or not case["training"]:
        yield False


def towers(folder: Path, case: Case) -> int:
    """Compare the towers; return the number of modes that were compared."""
    whole = shaken(module_of(folder / f"{case['name']}.py").__dict__[case["model"]](dtype=torch.float64))
    state = deepcopy(whole.state_dict())
    net: Any = module_of(folder / f"{case['name']}_parts.py").own_tower(device="cpu", dtype=torch.float64)
    compared = 0
    for number, training in enumerate(modes(case, deepcopy(whole))):
        given = samples_of(case, BATCH, number)
        whole.load_state_dict(state)
        net.load_state_dict({key: state[key] for key in net.state_dict()})
        result = [_tower(each.train(training), given, is_whole=each is whole) for each in (net, whole)]
        parts: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(parts, [*result[0], sorted(net.state_dict())])
        keys = [key for part in parts for key in part[2]]
        if sorted(keys) != sorted(state):
            raise Differs(f"towers: keys {sorted({*keys} ^ {*state}) or keys}")
        what = f"towers, {'training' if training else 'evaluation'}"
        require_equal(parts[0][0], result[1][0], what)
        for part in parts[1:]:
            if any(torch.count_nonzero(value.nan_to_num(0)) for value in part[0].values()):
                raise Differs(f"{what}: a tower that must return zeros returns others")
        require_equal({key: value for part in parts for key, value in part[1].items()}, result[1][1], what)
        compared += 1
    return compared


def _tower(net: nn.Module, given: list[Tensor], *, is_whole: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return outputs, and gradients and buffers, of a module that sees a whole batch."""
    net.zero_grad()
    values = outputs_of(net(*(each.clone() for each in given)))
    loss = loss_of(tuple(values)) if is_whole or dist.get_rank() == 0 else values[0].sum()
    # A net without weights has no gradients.
    if loss.requires_grad or not is_whole:
        loss.backward()
    return named(values), found_in(net)


def pipeline(folder: Path, case: Case) -> int:
    """Compare a pipeline; return the number of modes that were compared."""
    whole = shaken(module_of(folder / f"{case['name']}.py").__dict__[case["model"]](dtype=torch.float64))
    state = deepcopy(whole.state_dict())
    made = module_of(folder / f"{case['name']}_parts.py")
    for training in modes(case, deepcopy(whole)):
        stages, schedule = made.pipeline(case["schedule"], MICRO, SAMPLES, loss_of, device="cpu", dtype=torch.float64)
        for stage in stages:
            stage.submod.train(training).load_state_dict({key: state[key] for key in stage.submod.state_dict()})
        keys = [key for stage in stages for key in stage.submod.state_dict()]
        what = f"{case['schedule']} of {case['count']} stages, {'training' if training else 'evaluation'}"
        whole.load_state_dict(state)
        whole.train(training)
        for step in range(STEPS):
            given = samples_of(case, MICRO * SAMPLES, step)
            values, losses = _scheduled(stages, schedule, given)
            mine = {key: value for stage in stages for key, value in found_in(stage.submod).items()}
            parts: list[Any] = [None] * dist.get_world_size()
            dist.all_gather_object(parts, (mine, keys, values, losses))
            _require_pipeline(parts, _alone(whole, given), sorted(state), what)
        # The first mode is enough: the stages are the same.
        return 1
    return 0


def _scheduled(stages: list[Any], schedule: Any, given: list[Tensor]) -> tuple[dict[str, Tensor], list[float]]:
    """Run a batch; return the outputs and the losses if the last stage is in this process."""
    for stage in stages:
        stage.submod.zero_grad()
    mine = [each.clone() for each in given] if any(stage.is_first for stage in stages) else []
    losses: list[Tensor] = []
    last = any(stage.is_last for stage in stages)
    result = schedule.step(*mine, **({"target": torch.zeros(MICRO * SAMPLES), "losses": losses} if last else {}))
    return (named(outputs_of(result)), sorted(loss.item() for loss in losses)) if last else ({}, [])


def _alone(whole: nn.Module, given: list[Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], list[float]]:
    """Return outputs, gradients and buffers, and losses of one process that takes the micro-batches in turn."""
    whole.zero_grad()
    losses, values = [], []
    for part in zip(*(each.chunk(MICRO) for each in given), strict=True):
        result = whole(*part)
        loss = loss_of(result)
        if loss.requires_grad:
            (loss / MICRO).backward()
        losses.append(loss.item())
        values.append(named(outputs_of(result)))
    joined = {key: torch.cat([each[key] for each in values]) for key in values[0]}
    return joined, found_in(whole), sorted(losses)


def _require_pipeline(parts: list[Any], expected: Any, keys: list[str], what: str) -> None:
    found = [key for part in parts for key in part[1]]
    if sorted(found) != keys:
        raise Differs(f"{what}: keys {sorted({*found} ^ {*keys}) or found}")
    require_equal({key: value for part in parts for key, value in part[2].items()}, expected[0], what)
    require_equal({key: value for part in parts for key, value in part[0].items()}, expected[1], what)
    losses = torch.tensor([loss for part in parts for loss in part[3]], dtype=torch.float64)
    require_equal({"losses": losses}, {"losses": torch.tensor(expected[2], dtype=torch.float64)}, what)


KINDS: dict[str, Callable[[Path, Case], int]] = {"towers": towers, "pipeline": pipeline}


def work(folder: Path, cases: list[Case], rank: int, world: int, store: Path) -> None:
    """Take all cases in one process of a group; leave a file for what it compared, or a trace and end."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=world, timeout=timedelta(seconds=PATIENCE)
    )
    for case in cases:
        try:
            compared = KINDS[case["kind"]](folder, case)
            # Nobody goes on while another one may still find a difference.
            dist.barrier()
        except Exception as error:
            words = {"words": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()[-3_000:]}
            (folder / f"{case['name']}.{rank}.failed").write_text(json.dumps(words))
            return
        if rank == 0:
            (folder / f"{case['name']}.done").write_text(str(compared))
    dist.destroy_process_group()


def run_group(folder: Path, cases: list[Case], world: int, store: Path) -> None:
    """Fork a group, and wait until it has ended; end it if a case takes too long."""
    children = []
    for rank in range(world):
        child = os.fork()
        if child == 0:
            try:
                work(folder, cases, rank, world, store)
            finally:
                sys.stderr.flush()
                os._exit(0)
        children.append(child)
    done, since = 0, time.monotonic()
    while children:
        children = [child for child in children if os.waitpid(child, os.WNOHANG)[0] == 0]
        if (now := sum((folder / f"{case['name']}.done").exists() for case in cases)) > done:
            done, since = now, time.monotonic()
        if time.monotonic() - since > LONGEST + PATIENCE:
            for child in children:
                os.kill(child, signal.SIGKILL)
            since = time.monotonic()
        time.sleep(0.02)


def outcome(folder: Path, case: Case) -> dict[str, Any] | None:
    """Return how much of a case was compared, or the failure that was first, which is about no other process."""
    done = folder / f"{case['name']}.done"
    if done.exists():
        return {"compared": int(done.read_text())}
    failures = [json.loads(file.read_text()) for file in sorted(folder.glob(f"{case['name']}.*.failed"))]
    own = [each for each in failures if not any(words in each["words"] for words in _LEFT_ALONE)]
    return (own or failures or [None])[0]


def main(folder: Path) -> None:
    """Run all cases, those of each number of processes in one group as long as none fails."""
    cases: list[Case] = json.loads((folder / "cases.json").read_text())
    results: dict[str, Any] = {}
    for world in sorted({case["world"] for case in cases}):
        waiting, turn = [case for case in cases if case["world"] == world], 0
        while waiting:
            run_group(folder, waiting, world, folder / f"store{world}.{turn}")
            turn += 1
            while waiting and (found := outcome(folder, waiting[0])) and "compared" in found:
                results[waiting.pop(0)["name"]] = found
            if waiting:
                words = {"words": "the processes wait for each other without end, or were killed", "trace": ""}
                results[waiting[0]["name"]] = outcome(folder, waiting[0]) or words
                waiting.pop(0)
    (folder / "result.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
