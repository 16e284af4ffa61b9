"""Train a LeNet-5 that archdsl generated on handwritten digits; print its accuracy on digits held out.

Usage: python examples/train_lenet5.py MODULE.py [--epochs 10] [--seed 0]
"""

import importlib.util
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from types import ModuleType

import click
import torch
from digits import CLASSES, WHITE, Digits, DigitsNotFoundError, archive_path, load_digits, split_digits
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

HELD_OUT = 1000
SPLIT_SEED = 1998  # --seed draws the weights and the order of the digits, never the held-out set
BATCH = 64
PEAK_RATE = 5e-3
WEIGHT_DECAY = 1e-2
SHIFT = 1  # pixels; 4,000 digits are few, and a digit moved by a pixel is the same digit


class ModuleFileError(Exception):
    """The file holds no generated module; the message says what to do."""


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training digits came to."""

    number: int
    loss: float
    accuracy: float

    def __str__(self) -> str:
        """Say it in one line."""
        return f"epoch {self.number}: loss {self.loss:.4f}, training accuracy {self.accuracy:.3f}"


@dataclass(frozen=True)
class Descent:
    """Gradient descent on a model's parameters, at a rate that rises and falls once over all steps."""

    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler

    def step(self, loss: Tensor) -> None:
        """Move the parameters one step down the loss."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()


def train(
    module_class: type[nn.Module], *, epochs: int, seed: int, progress: Callable[[Epoch], object] | None = None
) -> float:
    """Train a new module, telling progress of every epoch; return its accuracy on the held-out digits."""
    split = split_digits(load_digits(), held_out=HELD_OUT, seed=SPLIT_SEED)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = module_class(classes=CLASSES)
        for epoch in fit(model, split.train, epochs=epochs):
            if progress is not None:
                progress(epoch)
    return accuracy(model, split.test)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: a second saves a third of the time at best, and on a busy machine costs far more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fit(model: nn.Module, digits: Digits, *, epochs: int) -> Iterator[Epoch]:
    """Minimise the model's cross-entropy on the digits, pass by pass."""
    descent = adam(model, steps=epochs * batch_count(digits))
    model.train()
    for number in range(1, epochs + 1):
        yield one_epoch(model, digits, descent, number)


def adam(model: nn.Module, *, steps: int) -> Descent:
    """Adam with decoupled weight decay, under the one-cycle schedule."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    return Descent(optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps))


def one_epoch(model: nn.Module, digits: Digits, descent: Descent, number: int) -> Epoch:
    """Pass over the digits once, in a new random order."""
    loss, correct = 0.0, 0
    for index in torch.randperm(len(digits)).chunk(batch_count(digits)):
        batch = digits.take(index)
        logits = model(shifted(batch.images))
        batch_loss = cross_entropy(logits, batch.labels)
        descent.step(batch_loss)
        loss += batch_loss.item() * len(batch)
        correct += count_correct(logits, batch.labels)
    return Epoch(number, loss / len(digits), correct / len(digits))


def batch_count(digits: Digits) -> int:
    """Count the steps of one pass."""
    return math.ceil(len(digits) / BATCH)


def shifted(images: Tensor) -> Tensor:
    """Move every image by up to SHIFT pixels, its own way at random."""
    side = images.shape[-1]
    windows = pad(images, [SHIFT] * 4, value=WHITE).unfold(2, side, 1).unfold(3, side, 1)
    down, right = torch.randint(2 * SHIFT + 1, (2, len(images)))
    return windows[torch.arange(len(images)), :, down, right]


def accuracy(model: nn.Module, digits: Digits) -> float:
    """Find the fraction of the digits that the model puts in the right class."""
    model.eval()
    with torch.inference_mode():
        return count_correct(model(digits.images), digits.labels) / len(digits)


def count_correct(logits: Tensor, labels: Tensor) -> int:
    """Count the digits whose largest logit is that of their class."""
    return int((logits.argmax(dim=1) == labels).sum())


def load_module_class(path: Path) -> type[nn.Module]:
    """Run a generated file and take the class that its __all__ names first."""
    if not path.is_file():
        raise ModuleFileError(f"no file {path}; generate it: archdsl build lenet5 -o {path}")
    names = getattr(generated := run_file(path), "__all__", None)
    found = getattr(generated, names[0], None) if names else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ModuleFileError(f"{path}: __all__ names no module first; generate it: archdsl build lenet5 -o {path}")
    if "classes" not in signature(found).parameters:
        raise ModuleFileError(f"{found.__name__} takes no `classes`; this example trains what `lenet5` generates")
    return found


def run_file(path: Path) -> ModuleType:
    """Import a Python file from where it lies."""
    spec = importlib.util.spec_from_file_location(f"generated_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ModuleFileError(f"{path} is not a Python file (.py)")
    generated = importlib.util.module_from_spec(spec)
    sys.modules[generated.__name__] = generated
    spec.loader.exec_module(generated)
    return generated


def train_with_bar(module_class: type[nn.Module], *, epochs: int, seed: int) -> float:
    """Train under a progress bar on standard error; where that is no terminal, only its last state is printed."""
    columns = (BarColumn(bar_width=16), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("reading the digits", total=epochs)
        return train(
            module_class,
            epochs=epochs,
            seed=seed,
            progress=lambda epoch: bar.update(task, advance=1, description=str(epoch)),
        )


@click.command()
@click.argument("module", type=click.Path(path_type=Path), metavar="MODULE.py")
@click.option("--epochs", type=click.IntRange(min=1), default=10, show_default=True, help="Passes over the digits.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the weights and the order of the digits.")
def main(module: Path, epochs: int, seed: int) -> None:
    """Train the LeNet-5 in MODULE.py on 4,000 handwritten digits and test it on 1,000 others."""
    start = time.perf_counter()
    try:
        archive_path()  # where the digits are missing, say so before a bar is drawn
        result = train_with_bar(load_module_class(module), epochs=epochs, seed=seed)
    except (DigitsNotFoundError, ModuleFileError) as error:
        raise click.ClickException(str(error)) from None
    seconds = time.perf_counter() - start
    click.echo(f"test accuracy: {result:.3f} on {HELD_OUT} held-out digits ({epochs} epochs, {seconds:.1f} s)")


if __name__ == "__main__":
    main()
