"""How fast generated modules train on a CUDA device: milliseconds of a step, and as a ratio to torchvision's modules.

The bound is a ratio of 1.05. Also: AlexNet's two towers on one device against the layers they are fused into.

    pip install torchvision
    python benchmarks/cuda.py [BATCH] [RUNS]
"""

import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

import archdsl
from archdsl.python.api import module_class

NETS = ("resnet50", "densenet121", "mobilenet_v2", "vgg16", "googlenet")
CLASSES = 1000


def step_of(net: nn.Module, images: Tensor) -> Callable[[], None]:
    """Return a forward and a backward pass in bfloat16, the channels last."""
    net = net.to(memory_format=torch.channels_last).train()

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            made: Any = net(images)
        outputs = made if isinstance(made, tuple) else (made,)
        sum(output.float().logsumexp(1).sum() for output in outputs if isinstance(output, Tensor)).backward()
        for weight in net.parameters():
            weight.grad = None

    return step


def milliseconds(steps: list[Callable[[], None]], runs: int) -> list[float]:
    """Return the median time of each step; they take turns."""
    for step in steps:
        for _ in range(3):
            step()
    times: list[list[float]] = [[] for _ in steps]
    for _ in range(runs):
        for step, found in zip(steps, times, strict=True):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            step()
            end.record()
            torch.cuda.synchronize()
            found.append(begin.elapsed_time(end))
    return [statistics.median(found) for found in times]


def pairs() -> Iterator[tuple[str, nn.Module, nn.Module]]:
    """Yield what is compared."""
    import torchvision

    for name in NETS:
        given = {"init_weights": False} if name in ("googlenet", "vgg16") else {}
        with torch.device("cuda"):
            other = getattr(torchvision.models, name)(**given)
        yield f"{name} / torchvision", archdsl.load(name, device="cuda"), other
    fused = module_class(archdsl.compile("alexnet_2012").models[-1], fuse_towers=True)
    yield "towers / fused", archdsl.load("alexnet_2012", devices="cuda:0"), fused(device="cuda")


def main(batch: int, runs: int) -> None:
    """Print the times and their ratios."""
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {batch} images, bfloat16, channels last")
    for name, ours, theirs in pairs():
        side = 227 if "towers" in name else 224
        images = torch.rand(batch, 3, side, side, device="cuda").contiguous(memory_format=torch.channels_last)
        one, other = milliseconds([step_of(ours, images), step_of(theirs, images)], runs)
        print(f"{name:<26}  {one:8.2f} / {other:8.2f} ms  ratio {one / other:.3f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 64, int(sys.argv[2]) if len(sys.argv) > 2 else 20)
