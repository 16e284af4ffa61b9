"""Train AlexNet's two towers (Krizhevsky et al. 2012) on digits, in one process on two devices or in two processes.

    archdsl build alexnet --model AlexNet_2012 -o alexnet_2012.py
    archdsl build alexnet --model AlexNet_2012 --parallel towers -o alexnet_towers.py
    python examples/two_towers.py
    torchrun --nproc-per-node 2 examples/two_towers.py

Both runs print the same losses. Without accelerators, both run on the CPU. The script trains without dropout, because
each process would draw different random numbers.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from digits import load_digits
from processes import own_device
from torch import Tensor, nn

SIDE = 227
CLASSES = 10


def main() -> None:
    """Train for `--steps` steps."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", type=int, default=20)
    options.add_argument("--batch", type=int, default=16)
    chosen = options.parse_args()
    sys.path.insert(0, str(Path.cwd()))
    # With one thread, each kernel sums in the same order in both runs, so the losses are equal bit for bit.
    torch.set_num_threads(1)
    if "RANK" in os.environ:
        in_two_processes(chosen.steps, chosen.batch)
    else:
        net = fresh(devices="auto")
        for step, loss in enumerate(trained(net, chosen.steps, chosen.batch, first=True)):
            print(f"step {step}  loss {loss:.9f}")


def in_two_processes(steps: int, batch: int) -> None:
    """Train the tower of this process."""
    from alexnet_towers import own_tower

    rank = int(os.environ["RANK"])
    device = own_device()
    dist.init_process_group(dist.get_default_backend_for_device(device))
    net = own_tower(classes=CLASSES, device=device).eval()
    state = fresh(devices="cpu").state_dict()
    net.load_state_dict({key: state[key] for key in net.state_dict()})
    for step, loss in enumerate(trained(net, steps, batch, first=rank == 0)):
        if rank == 0:
            print(f"step {step}  loss {loss:.9f}")
    dist.destroy_process_group()


def fresh(devices: str) -> nn.Module:
    """Return a net with the same weights in every process."""
    from alexnet_2012 import AlexNet_2012

    torch.manual_seed(0)
    net: nn.Module = AlexNet_2012(CLASSES, devices=devices)
    return net.eval()


def trained(net: nn.Module, steps: int, batch: int, *, first: bool) -> Iterator[float]:
    """Yield the loss of each training step.

    Only the first process has a loss. The others call `backward` on a result of 0, because the processes wait for each
    other.
    """
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    for images, labels in batches(steps, batch):
        result = net(images)
        loss = F.cross_entropy(result, labels.to(result.device)) if first else result.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def batches(steps: int, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the same batches in every process: digits, scaled to the input size of AlexNet."""
    digits = load_digits()
    order = torch.Generator().manual_seed(1)
    for _ in range(steps):
        chosen = digits.take(torch.randint(len(digits), (batch,), generator=order))
        images = F.interpolate(chosen.images, (SIDE, SIDE), mode="bilinear", align_corners=False)
        yield images.expand(-1, 3, -1, -1), chosen.labels


if __name__ == "__main__":
    main()
