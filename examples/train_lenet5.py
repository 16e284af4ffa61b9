"""Train a LeNet-5 that archdsl generated on handwritten digits, and print its accuracy on held-out digits.

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
SPLIT_SEED = 1998  # fixed: --seed changes the weights and the order of the digits, never the held-out set
BATCH = 64
PEAK_RATE = 5e-3
WEIGHT_DECAY = 1e-2
SHIFT = 1  # pixels of data augmentation, because 4,000 digits are few


class ModuleFileError(Exception):
    """The file contains no generated module; the message has the command that generates it."""


@dataclass(frozen=True)
class Epoch:
    """Loss and accuracy of one pass over the training digits."""

    number: int
    loss: float
    accuracy: float

    def __str__(self) -> str:
        """Return a line of text for the progress bar."""
        return f"epoch {self.number}: loss {self.loss:.4f}, training accuracy {self.accuracy:.3f}"


@dataclass(frozen=True)
class Descent:
    """An optimizer with its learning rate schedule."""

    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler

    def step(self, loss: Tensor) -> None:
        """Update the parameters with the gradient of the loss."""
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()


def train(
    module_class: type[nn.Module], *, epochs: int, seed: int, progress: Callable[[Epoch], object] | None = None
) -> float:
    """Train a new module and return its accuracy on the held-out digits; call `progress` after every epoch."""
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
    """Use one thread: a second thread saves a third of the time at best, and is much slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fit(model: nn.Module, digits: Digits, *, epochs: int) -> Iterator[Epoch]:
    """Train the model with cross-entropy, and yield the result of each pass over the digits."""
    descent = adam(model, steps=epochs * batch_count(digits))
    model.train()
    for number in range(1, epochs + 1):
        yield one_epoch(model, digits, descent, number)


def adam(model: nn.Module, *, steps: int) -> Descent:
    """Return AdamW with the one-cycle learning rate schedule."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    return Descent(optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps))


def one_epoch(model: nn.Module, digits: Digits, descent: Descent, number: int) -> Epoch:
    """Train on all digits once, in random order."""
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
    """Return the number of steps in one pass."""
    return math.ceil(len(digits) / BATCH)


def shifted(images: Tensor) -> Tensor:
    """Return the images, each shifted by a random offset of up to SHIFT pixels."""
    side = images.shape[-1]
    windows = pad(images, [SHIFT] * 4, value=WHITE).unfold(2, side, 1).unfold(3, side, 1)
    down, right = torch.randint(2 * SHIFT + 1, (2, len(images)))
    return windows[torch.arange(len(images)), :, down, right]


def accuracy(model: nn.Module, digits: Digits) -> float:
    """Return the fraction of digits that the model classifies correctly."""
    model.eval()
    with torch.inference_mode():
        return count_correct(model(digits.images), digits.labels) / len(digits)


def count_correct(logits: Tensor, labels: Tensor) -> int:
    """Return the number of digits whose class has the largest logit."""
    return int((logits.argmax(dim=1) == labels).sum())


def load_module_class(path: Path) -> type[nn.Module]:
    """Import a generated file and return the first class of its `__all__`.

    Raises:
        ModuleFileError: The file is missing or was not generated from `lenet5`.
    """
    if not path.is_file():
        raise ModuleFileError(f"{path} does not exist; generate it: archdsl build lenet5 -o {path}")
    names = getattr(generated := run_file(path), "__all__", None)
    found = getattr(generated, names[0], None) if names else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise ModuleFileError(
            f"{path} has no module at the head of __all__; generate it: archdsl build lenet5 -o {path}"
        )
    if "classes" not in signature(found).parameters:
        raise ModuleFileError(
            f"{found.__name__} has no parameter `classes`; generate LeNet-5: archdsl build lenet5 -o {path}"
        )
    return found


def run_file(path: Path) -> ModuleType:
    """Import a Python file by its path."""
    spec = importlib.util.spec_from_file_location(f"generated_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ModuleFileError(f"{path} is not a Python file (.py)")
    generated = importlib.util.module_from_spec(spec)
    sys.modules[generated.__name__] = generated
    spec.loader.exec_module(generated)
    return generated


def train_with_bar(module_class: type[nn.Module], *, epochs: int, seed: int) -> float:
    """Train with a progress bar on standard error; if that is not a terminal, print the final state only."""
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
@click.option(
    "--epochs", type=click.IntRange(min=1), default=10, show_default=True, help="Number of passes over the digits"
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Seed of the weights and of the order of the digits"
)
def main(module: Path, epochs: int, seed: int) -> None:
    """Train the LeNet-5 in MODULE.py on 4,000 handwritten digits, and test it on 1,000 others."""
    start = time.perf_counter()
    try:
        archive_path()  # report missing digits before the progress bar starts
        result = train_with_bar(load_module_class(module), epochs=epochs, seed=seed)
    except (DigitsNotFoundError, ModuleFileError) as error:
        raise click.ClickException(str(error)) from None
    seconds = time.perf_counter() - start
    click.echo(f"test accuracy: {result:.3f} on {HELD_OUT} held-out digits ({epochs} epochs, {seconds:.1f} s)")


if __name__ == "__main__":
    main()
