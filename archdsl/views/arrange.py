"""Places the tensors of a figure in rows, each after an arrow with the steps that compute it."""

from dataclasses import dataclass, replace
from math import ceil

from archdsl.views.scene import NORMAL, SMALL, Arrow, DrawnVolume, Face, Scene, Text, width
from archdsl.views.volume_chain import Volume
from archdsl.views.volumes import Figure

_LONGEST_ROW = 1000.0
_MARGIN = 14.0
_LINE = 11.0
# Largest sizes in points: the side of a sheet, the side of a box, the thickness of a box, the bar of a vector.
_SHEET_SIDE, _BOX_SIDE, _THICKEST, _BAR = 90.0, 130.0, 46.0, 110.0
_THINNEST, _SHORTEST, _BAR_WIDTH = 1.2, 4.0, 10.0
_SLANT = 0.25
_GAP = 5.0


@dataclass(frozen=True, slots=True)
class _Scale:
    """Scales in points: per pixel, per channel of a box, per element of a vector or sequence, and of 1-D maps."""

    pixel: float
    channel: float
    vector: float
    sequence: float
    line: tuple[float, float]
    sheets: bool


@dataclass(frozen=True, slots=True)
class _Item:
    """A tensor drawn at the origin: centred vertically on 0, and from 0 to `width` horizontally."""

    volume: Volume
    faces: tuple[Face, ...]
    width: float
    top: float
    bottom: float


def scene(figure: Figure) -> Scene:
    """Return the picture of a figure, with all places in points."""
    scale = _scale(figure)
    items = [_item(volume, scale) for volume in figure.volumes]
    volumes, right, bottom = _placed(items, packs=not figure.sheets)
    legend, right, bottom = _legend(figure, right, bottom)
    return Scene(figure.name, figure.description, right + _MARGIN, bottom + _MARGIN, volumes, legend)


def _scale(figure: Figure) -> _Scale:
    maps = [volume.shape for volume in figure.volumes if volume.is_map]
    vectors = [int(volume.shape.volume) for volume in figure.volumes if not volume.is_map and volume.shape.rank != 2]
    sequences = [max(volume.shape.dims) for volume in figure.volumes if volume.is_sequence]
    lines = [volume.shape.dims for volume in figure.volumes if volume.is_line]
    side = _SHEET_SIDE if figure.sheets else _BOX_SIDE
    return _Scale(
        pixel=side / max((max(shape.map[-2:]) for shape in maps), default=1),
        channel=_THICKEST / max((shape.channels for shape in maps), default=1),
        vector=_BAR / max(vectors, default=1),
        sequence=_BAR / max(sequences, default=1),
        line=(_BAR / max((size for size, _ in lines), default=1), _BAR / max((size for _, size in lines), default=1)),
        sheets=figure.sheets,
    )


def _item(volume: Volume, scale: _Scale) -> _Item:
    """Draw a tensor `count` times, the later ones to the right and in front."""
    faces: list[Face] = []
    x = top = bottom = end = 0.0
    for _ in range(volume.count):
        made, step = _faces(volume, scale)
        faces += [_moved(face, x, 0) for face in made]
        points = [point for face in made for point in face.points]
        end = x + max(point[0] for point in points)
        top = min(top, *(point[1] for point in points))
        bottom = max(bottom, *(point[1] for point in points))
        x += step + _GAP
    return _Item(volume, tuple(faces), end, top, bottom)


def _faces(volume: Volume, scale: _Scale) -> tuple[list[Face], float]:
    """Return the faces of one tensor, rear faces first, and the offset of the next copy."""
    family, shape = volume.family, volume.shape
    if volume.is_line:
        high, wide = (max(size * unit, _THINNEST) for size, unit in zip(shape.dims, scale.line, strict=True))
        return [_rectangle(0, -high / 2, wide, high, family)], wide
    if shape.rank == 2:
        wide, high = (max(size * scale.sequence, _SHORTEST) for size in (shape.dims[1], shape.dims[0]))
        return [_rectangle(0, -high / 2, wide, high, family)], wide
    if not volume.is_map:
        high = max(shape.volume * scale.vector, _SHORTEST)
        return [_rectangle(0, -high / 2, _BAR_WIDTH, high, family)], _BAR_WIDTH
    high, wide = ([1, *shape.map][-2] if shape.rank > 2 else 1) * scale.pixel, shape.map[-1] * scale.pixel
    if scale.sheets:
        step = min(5.0, 46.0 / shape.channels)
        reach = step * (shape.channels - 1)
        sheets = [
            _rectangle(n * step, n * step - (high + reach) / 2, wide, high, family) for n in range(shape.channels)
        ]
        return sheets, wide + reach
    thick, slant = max(shape.channels * scale.channel, _THINNEST), wide * _SLANT
    left, upper, lower = 0.0, -(high - slant) / 2, (high + slant) / 2
    top = ((left, upper), (left + slant, upper - slant), (left + thick + slant, upper - slant), (left + thick, upper))
    side = ((thick, upper), (thick + slant, upper - slant), (thick + slant, lower - slant), (thick, lower))
    return [Face(top, family, 0.45), Face(side, family, -0.2), _rectangle(0, upper, thick, high, family)], thick


def _rectangle(x: float, y: float, wide: float, high: float, family: str) -> Face:
    return Face(((x, y), (x + wide, y), (x + wide, y + high), (x, y + high)), family)


def _moved(face: Face, x: float, y: float) -> Face:
    return replace(face, points=tuple((px + x, py + y) for px, py in face.points))


def _rows(items: list[_Item], *, packs: bool) -> list[list[tuple[_Item, float, bool]]]:
    """Split the items into rows, each with its left position and whether an arrow leads to it.

    With `packs` a pooled map follows its input without an arrow.
    """
    packed_ones = [
        packs and not item.volume.begins and item.volume.family == "pooling" and items[number - 1].volume.is_map
        for number, item in enumerate(items)
    ]
    widths = [
        (_GAP if packed else _arrow_length(item)) + _room(item) for item, packed in zip(items, packed_ones, strict=True)
    ]
    # Rows of about equal length; half an item more allows for uneven splits.
    longest = sum(widths) / ceil(sum(widths) / _LONGEST_ROW) + max(widths) / 2
    rows: list[list[tuple[_Item, float, bool]]] = [[]]
    x = 0.0
    for item, packed, needed in zip(items, packed_ones, widths, strict=True):
        if rows[-1] and (item.volume.begins or x + needed > longest) and not packed:
            rows.append([])
            x = 0.0
        rows[-1].append((item, x, item.volume.family != "io" and not packed))
        x += needed
    return rows


def _arrow_length(item: _Item) -> float:
    return 0.0 if item.volume.family == "io" else max([40.0, *(width(step, SMALL) + 14 for step in item.volume.steps)])


def _label_width(item: _Item) -> float:
    return max(width(item.volume.label, SMALL), width(item.volume.title, NORMAL, bold=True))


def _room(item: _Item) -> float:
    return max(item.width, _label_width(item)) + 8


def _placed(items: list[_Item], *, packs: bool) -> tuple[tuple[DrawnVolume, ...], float, float]:
    """Return the drawn tensors with their right and bottom ends."""
    volumes: list[DrawnVolume] = []
    right = 0.0
    y = _MARGIN
    for row in _rows(items, packs=packs):
        above = max(max(-item.top + 2 * _LINE, 16 + _LINE * len(item.volume.steps)) for item, _, _ in row)
        below = max(item.bottom for item, _, _ in row) + 2 * _LINE
        middle = y + above
        for item, x, arrow in row:
            volume, end = _drawn(item, _MARGIN + x, middle, arrow=arrow)
            volumes.append(volume)
            right = max(right, end)
        y = middle + below + _LINE
    return tuple(volumes), right, y


def _drawn(item: _Item, x: float, middle: float, *, arrow: bool) -> tuple[DrawnVolume, float]:
    """Return a tensor with its texts and arrow at a place, and its right end."""
    volume, room = item.volume, _room(item)
    texts: list[Text] = []
    line = None
    if arrow:
        length = _arrow_length(item)
        line = Arrow(x, middle, x + length - 6)
        for number, step in enumerate(reversed(volume.steps)):
            texts.append(Text(x + (length - 6) / 2, middle - 6 - number * _LINE, step))
        x += length
    left = x + (room - 8 - item.width) / 2
    centre = x + (room - 8) / 2
    texts.append(Text(centre, middle + item.top - 5, volume.label))
    if volume.title:
        texts.append(Text(centre, middle + item.bottom + 13, volume.title, NORMAL, bold=True))
    faces = tuple(_moved(face, left, middle) for face in item.faces)
    return DrawnVolume(volume.id, volume.family, volume.facts, faces, tuple(texts), line), x + room - 8


def _legend(figure: Figure, right: float, y: float) -> tuple[tuple[Face | Text, ...], float, float]:
    """Return the samples of the families in a row with the caption below, and the new right and bottom ends."""
    samples = [(family, width(family, SMALL)) for family in figure.families]
    total = sum(16 + wide + 12 for _, wide in samples)
    caption = width(figure.caption, SMALL)
    right = max(right, _MARGIN + max(total, caption))
    centre = (_MARGIN + right) / 2
    made: list[Face | Text] = []
    x = centre - total / 2
    for family, wide in samples:
        made += [_rectangle(x, y - 8, 13, 9, family), Text(x + 17 + wide / 2, y, family)]
        x += 16 + wide + 12
    y += 16 if samples else 0
    return (*made, Text(centre, y, figure.caption)), right, y
