"""A picture of simple parts, which SVG and TikZ can both draw. Lengths are points, y grows downwards."""

from dataclasses import dataclass

# Widths of Arial's letters in parts of its size; wider than most faces that stand in for it.
_NARROW, _WIDE = "ijl.,:;'|!I()[]ftr- ", "mwMW@%…→"
SMALL, NORMAL = 8.0, 10.0


@dataclass(frozen=True, slots=True)
class Face:
    """A polygon; `shade` lightens its fill towards white, or where negative darkens it towards its stroke."""

    points: tuple[tuple[float, float], ...]
    family: str
    shade: float = 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text whose baseline is centred on a point."""

    x: float
    y: float
    words: str
    size: float = SMALL
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A horizontal arrow."""

    x: float
    y: float
    end: float


@dataclass(frozen=True, slots=True)
class Part:
    """Something of the model: its faces and texts, the arrow that leads to it, and the facts for a tooltip."""

    id: str
    kind: str
    facts: str
    faces: tuple[Face, ...]
    texts: tuple[Text, ...]
    arrow: Arrow | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """The whole picture; `legend` and `caption` belong to no part of the model."""

    name: str
    description: str
    width: float
    height: float
    parts: tuple[Part, ...]
    legend: tuple[Face | Text, ...]


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how many points a text takes, rather more than less."""
    letters = sum(0.36 if char in _NARROW else 0.92 if char in _WIDE else 0.64 for char in text)
    return size * letters * (1.08 if bold else 1.0)
