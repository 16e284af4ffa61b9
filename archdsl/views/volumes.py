"""The tensors of a model to scale, as in the figures of the LeNet-5 and VGG papers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from archdsl.diagram import wording
from archdsl.diagram.model.facts import parameters
from archdsl.diagram.model.fuse_boxes import fuse_boxes
from archdsl.ir.graph import CheckedGraph, Container, Node, dotted
from archdsl.ops.base import FAMILIES
from archdsl.views.resolution_stages import block_parts, omitted_towers
from archdsl.views.volume_chain import Volume, connect, drawn_sources, input_id, joins_of, lines_of

# The largest number of channels that are drawn one by one.
_SHEETS = 32
# The largest ratio between the sides of sequences.
_SPAN = 27


class NotToScale(Exception):
    """The sequences differ too much in size for a common scale."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The tensors of a model in the order of execution; `sheets` draws maps channel by channel instead of as boxes."""

    name: str
    volumes: tuple[Volume, ...]
    caption: str
    description: str
    sheets: bool
    families: tuple[str, ...]


def figure(graph: CheckedGraph) -> Figure:
    """Return the inputs of a model and the outputs of its layers and chains of blocks.

    Raises:
        NotToScale: Sequences differ too much in size.
    """
    connected = connect(_inputs(graph), list(_volumes(graph)), drawn_sources(graph), joins_of(graph))
    volumes = tuple(_packed(connected.volumes))
    maps = [volume for volume in volumes if volume.is_map]
    sheets = bool(maps) and max(volume.shape.channels for volume in maps) <= _SHEETS
    present = {volume.family for volume in volumes}
    words = (*_scales(volumes, sheets=sheets), parameters(graph))
    counts = f"{wording.exact(graph.params, 'parameter')} and {wording.exact(graph.macs, 'MAC')}"
    notes = [f"{tower} equals {shown}" for tower, shown in omitted_towers(graph.root)]
    if not notes and connected.skips:
        notes = [f"{wording.exact(connected.skips, 'skip connection')} not drawn"]
    return Figure(
        name=graph.name,
        volumes=volumes,
        caption=" · ".join([wording.cut(graph.name, 40), *words, *notes]),
        description=f"Tensors of {graph.name}, {_ends(volumes)}, with {counts} per sample.",
        sheets=sheets,
        families=tuple(family for family in FAMILIES if family in present and family != "other"),
    )


def _scales(volumes: tuple[Volume, ...], *, sheets: bool) -> Iterator[str]:
    """Yield the texts about scales; maps, 1-D maps, sequences and vectors each have their own."""
    sides = [int(side) for volume in volumes if volume.is_sequence for side in volume.shape.dims]
    if sides and max(sides) > _SPAN * min(sides):
        raise NotToScale(f"sequences with sides from {min(sides)} to {max(sides)} have no common scale")
    vectors = any(not volume.is_map and volume.shape.rank != 2 for volume in volumes)
    has_maps = any(volume.is_map for volume in volumes)
    has_lines = any(volume.is_line for volume in volumes)
    if has_maps:
        yield f"sides of maps to scale, {'one sheet per channel' if sheets else 'thickness by channels'}"
    if has_lines:
        yield "width by length, height by channels, each to its own scale"
    if sides:
        yield "sequences to their own scale" if has_maps or has_lines else "sequences to scale"
    if vectors:
        yield "vectors to their own scale" if has_maps or has_lines or sides else "vectors to scale"


def _ends(volumes: tuple[Volume, ...]) -> str:
    return f"from {volumes[0].label} to {volumes[-1].label}"


def _inputs(graph: CheckedGraph) -> list[Volume]:
    lines = lines_of(graph)
    return [
        Volume(
            id=input_id(given),
            family="io",
            title=f"Input {wording.cut(given.name, 20)}" if len(graph.inputs) > 1 else "Input",
            steps=(),
            shape=given.shape.plain(),
            facts=f"input {given.name} | {wording.sizes(given.shape)} | {wording.place(given.span)}",
            begins=True,
            is_line=given.path in lines,
        )
        for given in graph.inputs
    ]


def _volumes(graph: CheckedGraph) -> Iterator[Volume]:
    lines = lines_of(graph)
    activations = {
        path: tuple(node.answers.drawing.title for node in group.fused_ops if node.op.family == "activation")
        for path, group in fuse_boxes(graph).items()
    }
    for part in block_parts(graph):
        if isinstance(part, Node):
            steps = (_without_width(part), *activations.get(part.path, ()))
            family, labelled, end = part.op.family, part.labelled and not part.path[-1].isdigit(), part.path
        else:
            steps, family, labelled, end = _blocks(part), _family(part), not part.path[-1].isdigit(), part.output
        title = wording.cut(part.path[-1], 20) if labelled else ""
        shape = part.shape.plain()
        yield Volume(dotted(part.path), family, title, steps, shape, _facts(part), is_line=end in lines)


def _without_width(node: Node) -> str:
    """Return the title of an operator without its number of output channels, which the shape shows."""
    words = node.answers.drawing
    is_shown = words.width == str(int(node.shape.dims[0]))
    return words._replace(width="").title if is_shown else words.title


def _blocks(container: Container) -> tuple[str, ...]:
    """Return the names of the blocks in a container, consecutive equal ones with their number."""
    if container.use:
        return (wording.cut(container.use.block, 24),)
    names = [child.use.block for child in container.children if isinstance(child, Container) and child.use]
    runs = [(name, len(list(run))) for name, run in groupby(names)]
    return tuple(
        f"{wording.cut(name, 24)} ×{count}" if count > 1 else wording.cut(name, 24) for name, count in runs[:3]
    )


def _family(container: Container) -> str:
    """Return the family with most multiply-accumulates in a container."""
    work: dict[str, int] = {}
    for node in container.nodes():
        work[node.op.family] = work.get(node.op.family, 0) + node.macs
    return max(work, key=lambda family: work[family]) if any(work.values()) else "other"


def _facts(part: Node | Container) -> str:
    kind = wording.called(part.op) if isinstance(part, Node) else part.use.block if part.use else ""
    counts = (wording.exact(part.params, "parameter"), wording.exact(part.macs, "MAC"))
    words = (f"{dotted(part.path)}{': ' if kind else ''}{kind}", wording.sizes(part.shape), *counts)
    return " | ".join([*words, wording.place(part.span)])


def _packed(volumes: Iterable[Volume]) -> Iterator[Volume]:
    """Yield the volumes; consecutive ones with the same steps, shape and family are joined."""
    alike = groupby(volumes, key=lambda each: (each.steps, each.shape, each.family, each.id if each.begins else ""))
    for _, run in alike:
        first, *others = run
        facts = " || ".join(volume.facts for volume in (first, *others))
        title = first.title + (f"–{others[-1].title}" if others and first.title and others[-1].title else "")
        yield replace(first, title=title, facts=facts, count=1 + len(others))
