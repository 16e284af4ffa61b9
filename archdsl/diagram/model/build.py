"""Checked graph to drawing: what becomes a box, what a chip, and what is written on them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from archdsl.diagram.layout.columns import fits, in_columns
from archdsl.diagram.layout.lanes import in_lanes
from archdsl.diagram.model import facts, wording
from archdsl.diagram.model.absorb import Group, shortcuts
from archdsl.diagram.model.detail import Detail
from archdsl.diagram.model.ends import Ends
from archdsl.diagram.model.flow import flow, leads_left
from archdsl.diagram.model.parts import Item, Part, View, nodes_of, path_of, views
from archdsl.diagram.model.terminals import terminals
from archdsl.diagram.render.labels import lines
from archdsl.diagram.spec import Box, Chip, Cluster, Diagram, Direction, Edge, EdgeKind, Form, Member, Style
from archdsl.ir.graph import CheckedGraph, Container, Node, Path, dotted, only_in_training
from archdsl.ops.base import FAMILIES, Merge
from archdsl.passes.assign import assigned
from archdsl.passes.crossings import crossings

# The box of a whole model; with a dash, which no label has, it is no path.
WHOLE = "whole-model"
# So many boxes of a branch stand in a block without a frame.
_SHORT = 8
# So many characters of a name stand in one line with the counts.
_NAME = 40
_NAME_LINE = 64
_PILLS = ("activation", "normalisation", "other")


@dataclass(frozen=True, slots=True)
class Look:
    """What is written on a drawing: counts in boxes, shapes on edges, legend and caption, and what it is called."""

    legend: bool = True
    params: bool = True
    macs: bool = True
    shapes: wording.Shapes = "change"
    links: bool = False
    title: str | None = None


def diagram(
    graph: CheckedGraph,
    *,
    detail: Detail = Detail(),  # noqa: B008
    look: Look = Look(),
    direction: Direction = "TB",
    columns: int | None = None,
    seen: Mapping[Path, str] | None = None,
) -> Diagram:
    """Return the drawing of a model, in so many columns, or as many as it needs to fit a page.

    `seen` are the receptive fields, as `facts` tells them, where they are known.

    Raises `NoSuchPart` where `detail` names what the model does not have.
    """
    graph = assigned(graph) if graph.devices else graph
    seen = facts.receptive_fields(graph) if seen is None else seen
    found = None
    for shown in views(graph, detail):
        found = _drawn(graph, shown, seen, look, direction, columns)
        if columns is not None or fits(found):
            break
    assert found
    return found


def _drawn(
    graph: CheckedGraph,
    shown: View,
    seen: Mapping[Path, str],
    look: Look,
    direction: Direction,
    columns: int | None,
) -> Diagram:
    ends = Ends(graph, shown.root, passed=shortcuts(graph))
    builder = _Builder(ends, look, only_in_training(graph.graph), seen)
    inside = builder.inside(shown)
    if graph.devices and not shown.root.path:
        inside = in_lanes(inside, ends.devices, graph)
    before, after = terminals(ends, links=look.links)
    members, edges = flow((*before, *inside, *after), ends, shapes=look.shapes)
    drawing = Diagram(
        mirrored=leads_left(edges, {box.id for box in before if box.form is Form.STUB}),
        name=look.title or _name(graph, shown.root),
        members=members,
        edges=edges,
        families=_families(shown.parts) if look.legend else (),
        kinds=_kinds(shown.parts) if look.legend else (),
        caption=_caption(graph, shown.root, edges, look.title) if look.legend else (),
        description=_description(graph, shown.root),
        doc="\n".join(graph.doc),
        direction=direction,
        devices=graph.devices,
        ways=tuple(way for way in EdgeKind if way in {edge.kind for edge in edges}) if look.legend else (),
    )
    return drawing if columns == 1 else in_columns(drawing, columns)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns parts to members, and enters into `ends` which operator is in which box."""

    ends: Ends
    look: Look
    training: frozenset[Path]
    seen: Mapping[Path, str]

    def inside(self, shown: View) -> tuple[Member, ...]:
        root = shown.root
        if not root.path:
            return tuple(self._member(part, depth=0) for part in shown.parts)
        alone = len(shown.parts) == 1 and shown.parts[0].item is root
        return (self._member(shown.parts[0], depth=0) if alone else self._cluster(root, shown.parts, depth=0),)

    def _members(self, part: Part, *, depth: int) -> tuple[Member, ...]:
        """Return what a part becomes within a frame: short branches have none of their own."""
        made = self._member(part, depth=depth)
        if isinstance(part.item, Container) and isinstance(made, Cluster) and _is_branch(made, part.item):
            return made.members
        return (made,)

    def _member(self, part: Part, *, depth: int) -> Member:
        if isinstance(part.item, Group) or part.children is None:
            made: Member = self._operator(part.item) if isinstance(part.item, Group) else self._block(part.item, part)
            self.ends.enter(part.item, made.id)
        elif len(part.children) == 1 and not part.item.inline and not _stands_for_several(part.children[0]):
            # A frame around one thing says nothing but its name.
            made = self._member(part.children[0], depth=depth)
            if isinstance(made, Cluster):
                made = replace(made, title=facts.name(part.item.path))
        else:
            made = self._cluster(part.item, part.children, depth=depth)
        return self._counted(made, part) if part.copies else made

    def _counted(self, member: Member, part: Part) -> Member:
        for copy in part.copies:
            self.ends.repeat(part.item, copy)
        more = f" | the first of {part.count}, the last is {dotted(path_of(part.copies[-1]))}"
        made = replace(member, count=member.count * part.count, tooltip=member.tooltip + more)
        rates = facts.rates(part.item, part.copies[-1])
        if isinstance(made, Cluster):
            return replace(made, detail=" · ".join(filter(None, (made.detail and f"{made.detail} each", rates))))
        each = " each" if isinstance(part.item, Group) else ""
        lines = (*(f"{line}{each}" for line in made.lines), *filter(None, (rates,)))
        return replace(made, alike=part.count, lines=lines)

    def _cluster(self, container: Container, parts: tuple[Part, ...], *, depth: int) -> Cluster:
        size = self._size(container)
        return Cluster(
            id=dotted(container.path),
            style=Style.BLOCK if depth else Style.STAGE,
            title=facts.name(container.path),
            detail="" if depth else size,
            tooltip=facts.tooltip(container, self.seen),
            members=tuple(each for part in parts for each in self._members(part, depth=depth + 1)),
            link=self._link(container),
            inline=container.inline,
        )

    def _block(self, container: Container, part: Part) -> Box:
        repeats = facts.repeats(container)
        return Box(
            id=dotted(container.path) or WHOLE,
            form=Form.BLOCK,
            family="block",
            title=facts.block_title(container) if container.path else wording.cut(self.ends.graph.name, 40),
            lines=facts.block_lines(container, self._size(container), copies=bool(part.copies)),
            does=facts.does(container),
            tooltip=facts.tooltip(container, self.seen),
            count=1 if part.copies else repeats,
            link=self._link(container),
            training=self._trains(container),
        )

    def _operator(self, group: Group) -> Box:
        node = group.node
        merge = isinstance(node.op, Merge)
        bar = isinstance(node.op, Merge) and node.op.free_axis is not None
        pill = node.op.family in _PILLS and not group.params
        form = Form.BAR if bar else Form.MERGE if merge else Form.PILL if pill else Form.OPERATOR
        detail = wording.sizes(node.shape) if bar else "" if merge else self._size(group)
        return Box(
            id=dotted(node.path),
            form=form,
            family=node.op.family,
            title=node.op.drawing(node.input).title,
            lines=(detail,) if detail else (),
            does=facts.does(group),
            tooltip=facts.tooltip(group, self.seen),
            chips=tuple(Chip(rider.op.drawing(rider.input).title, rider.op.family) for rider in group.riders),
            link=self._link(group),
            segments=_segments(node) if bar else (),
            training=self._trains(group),
        )

    def _size(self, item: Item) -> str:
        nodes = nodes_of(item)
        params = sum(node.params for node in nodes) if self.look.params else 0
        macs = sum(node.macs for node in nodes) if self.look.macs else 0
        return " · ".join(filter(None, (wording.params(params), wording.macs(macs))))

    def _trains(self, item: Item) -> bool:
        return all(node.path in self.training for node in nodes_of(item))

    def _link(self, item: Item) -> str | None:
        span = item.node.span if isinstance(item, Group) else item.span
        return wording.link(span) if self.look.links else None


def _stands_for_several(part: Part) -> bool:
    """Whether it is a closed block with a count, whose stage has a name and a size of its own."""
    return part.count > 1 and part.children is None and isinstance(part.item, Container)


def _segments(node: Node) -> tuple[str, ...]:
    """Return what each stream brings into a bar: its size along the axis that they share out."""
    assert isinstance(node.op, Merge)
    axis = node.op.free_axis
    return tuple(wording.sizes(shape) if axis is None else str(int(shape.dims[axis])) for shape in node.inputs)


def _is_branch(member: Member, container: Container) -> bool:
    """Whether a frame within a block holds but a few boxes that no block of the source put together."""
    return (
        isinstance(member, Cluster)
        and container.use is None
        and member.count == 1
        and len(member.members) <= _SHORT
        and all(isinstance(each, Box) for each in member.members)
    )


def _shown(parts: tuple[Part, ...]) -> Iterator[Node]:
    """Yield the operators that have a box of their own, or a chip."""
    for part in parts:
        if part.children is not None:
            yield from _shown(part.children)
        elif isinstance(part.item, Group):
            yield from part.item.nodes


def _families(parts: tuple[Part, ...]) -> tuple[str, ...]:
    """Return the families to explain, in their usual order; a white box has nothing to explain."""
    present = {node.op.family for node in _shown(parts)}
    return tuple(family for family in FAMILIES if family in present and family != "other")


def _name(graph: CheckedGraph, root: Container) -> str:
    return f"{dotted(root.path)} of {graph.name}" if root.path else graph.name


def _kinds(parts: tuple[Part, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return what the operators of a family are called, where some have a word of their own; the usual one first."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in _shown(parts):
        found[node.op.family].add(node.op.kind)
    return tuple(
        (family, tuple(kind or family for kind in sorted(kinds))) for family, kinds in found.items() if any(kinds)
    )


def _caption(graph: CheckedGraph, root: Container, edges: tuple[Edge, ...], title: str | None) -> tuple[str, ...]:
    name = title or _name(graph, root)
    words = [
        f"{wording.short(root.params)} parameters" if root.path else facts.parameters(graph),
        f"{wording.short(root.macs if root.path else graph.macs)} MACs",
    ]
    if axes := wording.axes(root, (edge.label for edge in edges)):
        words.append(f"edge labels: {axes}")
    # A long name has lines of its own.
    said = [" · ".join([name, *words])] if len(name) <= _NAME else [*lines(name, _NAME_LINE), " · ".join(words)]
    moves = [each for each in crossings(graph) if each.start] if graph.devices else []
    if moves and not root.path:
        count = wording.exact(len(moves), "transfer")
        size = wording.amount(sum(each.bytes for each in moves))
        said.append(f"{count} between devices, {size} for a sample in float32")
    return tuple(said)


def _description(graph: CheckedGraph, root: Container) -> str:
    what = _name(graph, root)
    first = root.input if root.path else graph.inputs[0].shape
    last = root.shape if root.path else graph.output.shape
    nodes = tuple(root.nodes())
    merges = sum(isinstance(node.op, Merge) for node in nodes)
    how = f" that meet in {wording.exact(merges, 'merge')}" if merges else " in sequence"
    params, macs = (root.params, root.macs) if root.path else (graph.params, graph.macs)
    counts = " and ".join(facts.exact(params, macs))
    shapes = f"{wording.sizes(first)} to {wording.sizes(last)}"
    return (
        f"Architecture of {what}: {wording.exact(len(nodes), 'operator')}{how} from {shapes}, with {counts} per sample."
    )
