"""Data types of a picture of tensors that SVG and TikZ can draw. Lengths are points, y grows downwards."""

from dataclasses import dataclass

# Narrow and wide characters. The widths in `width` are those of fonts a little wider than Arial.
_NARROW, _WIDE = "ijl.,:;'|!I()[]ftr- ", "mwMW@%…→"
SMALL, NORMAL = 8.0, 10.0


@dataclass(frozen=True, slots=True)
class Face:
    """A polygon; a positive `shade` mixes its fill with the page, a negative one with its stroke."""

    points: tuple[tuple[float, float], ...]
    family: str
    shade: float = 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text with the centre of its baseline at a point."""

    x: float
    y: float
    words: str
    size: float = SMALL
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A horizontal arrow from `x` to `end`."""

    x: float
    y: float
    end: float


@dataclass(frozen=True, slots=True)
class DrawnVolume:
    """A tensor of the model: its faces and texts, the arrow that leads to it, and the facts for a tooltip."""

    id: str
    kind: str
    facts: str
    faces: tuple[Face, ...]
    texts: tuple[Text, ...]
    arrow: Arrow | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture; `legend` has the legend and the caption."""

    name: str
    description: str
    width: float
    height: float
    volumes: tuple[DrawnVolume, ...]
    legend: tuple[Face | Text, ...]


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Estimate the width of a text in points, rather too large than too small."""
    letters = sum(0.36 if char in _NARROW else 0.92 if char in _WIDE else 0.64 for char in text)
    return size * letters * (1.08 if bold else 1.0)
