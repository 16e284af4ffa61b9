"""Receptive fields: which part of an input a unit of a step can see.

`fields` goes forward and gives size and stride for all steps as if the map had no border; `seen` goes back from one
unit and is exact, borders and all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from archdsl.ir import CheckedGraph, Input, Node, Path
from archdsl.ops.views import Reach, Sight
from archdsl.passes.order import in_order
from archdsl.shape import Shape

# The first and the last position along an axis.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Field:
    """What unit o of a step sees along each axis of an input's map: from step*o + first to step*o + last.

    With `everything` it sees the whole input. `is_sequence` says that units are steps of a sequence; it is None as long
    as nothing tells.
    """

    axes: tuple[Reach, ...]
    everything: bool = False
    is_sequence: bool | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels that a unit sees along each axis, if no border is near."""
        return tuple(floor(axis.last - axis.first) + 1 for axis in self.axes)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Pixels between what neighbouring units see."""
        return tuple(axis.step for axis in self.axes)

    @property
    def centre(self) -> tuple[Fraction, ...]:
        """Middle of what the first unit sees; below 0 it lies in the padding."""
        return tuple((axis.first + axis.last) / 2 for axis in self.axes)


def positions(shape: Shape) -> tuple[int, ...]:
    """Return the sizes of the axes along which units have positions: those of a map, none for a vector."""
    return tuple(map(int, shape.map))


def fields(graph: CheckedGraph, given: Input | None = None) -> dict[Path, Field]:
    """Return what the steps see of an input, the first one if none is given; steps that see nothing are left out."""
    given = given or graph.inputs[0]
    sizes = positions(given.shape)
    start = Field(tuple(Reach.of(1, 0, 0) for _ in sizes), is_sequence=True if not sizes else None)
    found = {given.path: start if len(sizes) != 0 else replace(start, everything=True)}
    for node in in_order(graph.nodes):
        sight = node.op.sight(node.inputs, node.shape)
        parts = [
            _composed(found[source], sight, shape, node.shape, sizes)
            for source, shape in zip(node.sources, node.inputs, strict=True)
            if source in found
        ]
        if parts:
            found[node.path] = _united(parts, sizes)
    return found


def _composed(field: Field, sight: Sight, x: Shape, y: Shape, sizes: tuple[int, ...]) -> Field:
    kind = field.is_sequence if sight.is_sequence is None else sight.is_sequence
    mixed = sight.is_sequence is True and field.is_sequence is False and x.rank == 2 == y.rank and len(sizes) == 1
    if field.everything or sight.everything or mixed:
        return Field(field.axes, everything=True, is_sequence=kind)
    axes = field.axes
    if sight.axes:
        axes = tuple(_along(axis, reach) for axis, reach in zip(field.axes, sight.axes, strict=True))
    elif len(x.map) == len(axes) == len(y.map):
        # A side of 1 is stretched: all units see what the only one saw.
        stretched = (a == 1 and b > 1 for a, b in zip(x.map, y.map, strict=True))
        axes = tuple(replace(axis, step=Fraction(0)) if s else axis for axis, s in zip(axes, stretched, strict=True))
    return _whole(Field(axes, is_sequence=kind), y, sizes)


def _whole(field: Field, shape: Shape, sizes: tuple[int, ...]) -> Field:
    """Return a field that says so where its only unit sees the whole input."""
    covers = (axis.first <= 0 and axis.last >= size - 1 for axis, size in zip(field.axes, sizes, strict=True))
    alone = shape.rank == len(sizes) + 1 and all(side == 1 for side in shape.map)
    return replace(field, everything=alone and all(covers))


def _along(field: Reach, reach: Reach) -> Reach:
    """Return what a unit sees through another one."""
    return Reach(field.step * reach.step, field.step * reach.first + field.first, field.step * reach.last + field.last)


def _united(parts: list[Field], sizes: tuple[int, ...]) -> Field:
    if any(part.everything for part in parts):
        return replace(parts[0], everything=True)
    axes = []
    for number in range(len(sizes)):
        along = [part.axes[number] for part in parts]
        first, last = min(axis.first for axis in along), max(axis.last for axis in along)
        axes.append(Reach(max(axis.step for axis in along), first, last))
    return replace(parts[0], axes=tuple(axes))


def seen(graph: CheckedGraph, path: Path, unit: tuple[int, ...] | None = None) -> dict[str, tuple[Span, ...]]:
    """Return for every input what a unit of a step sees of it along each axis; the unit in the middle if none is given.

    A unit is given by its position on the map. Steps of a sequence, whose positions lie on a map in rows, see what
    `fields` says. Inputs that it does not see at all are left out.
    """
    nodes = {node.path: node for node in graph.nodes}
    node = nodes[path]
    sizes = positions(node.shape)
    middle = unit or tuple(size // 2 for size in sizes)
    spans: dict[Path, tuple[Span, ...]] = {path: tuple((place, place) for place in middle)}
    _go_back(spans, nodes, tuple(reversed(in_order(graph.nodes))))
    return {given.name: spans[given.path] for given in graph.inputs if given.path in spans}


def _go_back(spans: dict[Path, tuple[Span, ...]], nodes: Mapping[Path, Node], order: tuple[Node, ...]) -> None:
    for node in order:
        if node.path not in spans:
            continue
        sight = node.op.sight(node.inputs, node.shape)
        for source, shape in zip(node.sources, node.inputs, strict=True):
            found = _read(spans[node.path], sight, shape, node.shape)
            if found is not None:
                before = spans.get(source)
                spans[source] = found if before is None else _joined(before, found)


def _read(spans: tuple[Span, ...], sight: Sight, x: Shape, y: Shape) -> tuple[Span, ...] | None:
    """Return the positions of an input that units within these spans read; None where they read only padding."""
    sizes = positions(x)
    everything = tuple((0, size - 1) for size in sizes)
    if sight.everything or len(sizes) != len(spans) or (sight.is_sequence and len(sizes) > 0):
        return everything
    found = []
    for number, (size, (first, last)) in enumerate(zip(sizes, spans, strict=True)):
        if sight.axes:
            reach = sight.axes[number]
            first, last = ceil(reach.step * first + reach.first), floor(reach.step * last + reach.last)
        elif size == 1 and y.map[number] > 1:
            first = last = 0
        first, last = max(first, 0), min(last, size - 1)
        if first > last:
            return None
        found.append((first, last))
    return tuple(found)


def _joined(one: tuple[Span, ...], other: tuple[Span, ...]) -> tuple[Span, ...]:
    return tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True))
