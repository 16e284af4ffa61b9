"""The drawing of an outline: its boxes and clusters, their texts, and the edges between them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from archdsl.diagram import wording
from archdsl.diagram.model import facts, summary
from archdsl.diagram.model.box_ownership import own_boxes
from archdsl.diagram.model.content import WIDEST
from archdsl.diagram.model.flow import flow, leads_left
from archdsl.diagram.model.fuse_boxes import OperatorGroup
from archdsl.diagram.model.lanes import in_lanes
from archdsl.diagram.model.outline import Entry, Item, Outline, box_id, nodes_of, path_of
from archdsl.diagram.model.terminals import terminals
from archdsl.diagram.spec import Box, Cluster, Diagram, Direction, EdgeKind, Form, Member, Style, Tag
from archdsl.ir.graph import CheckedGraph, Container, Node, Path, dotted, only_in_training
from archdsl.ops.base import Merge

# A branch within a block needs no frame if it has at most this many boxes.
_SHORT = 8
_LONGEST_TITLE = 40
_PILLS = ("activation", "normalisation", "other")


@dataclass(frozen=True, slots=True)
class Look:
    """Options for the texts of a drawing.

    Attributes:
        legend: Whether there is a legend with a caption.
        params: Whether boxes show their number of parameters.
        macs: Whether boxes show their multiply-accumulates.
        shapes: The edges that are labelled with the shape of their tensor.
        links: Whether boxes link to their source lines.
        title: The title in the caption; the name of the model if None.
    """

    legend: bool = True
    params: bool = True
    macs: bool = True
    shapes: wording.Shapes = "change"
    links: bool = False
    title: str | None = None


def build(
    graph: CheckedGraph, outline: Outline, *, look: Look, direction: Direction, fields: Mapping[Path, str]
) -> Diagram:
    """Return the drawing of an outline in a single column.

    Args:
        graph: The whole model.
        outline: The open and closed submodules.
        look: The options for texts.
        direction: The direction of data flow.
        fields: The receptive fields of operators as text, as `facts.receptive_fields` returns them.
    """
    root, ownership = outline.root, own_boxes(graph, outline)
    inside = _Builder(graph, look, only_in_training(graph.graph), fields).members(outline)
    if graph.devices and not root.path:
        inside = in_lanes(inside, ownership.devices, graph)
    ends = terminals(ownership, links=look.links)
    members, edges = flow((*ends.before, *inside, *ends.after), ends, shapes=look.shapes)
    counts, axes = summary.counts(graph, root, look.title), summary.axes(graph, root, edges)
    return Diagram(
        mirrored=leads_left(edges, {box.id for box in ends.before if box.form is Form.STUB}),
        name=look.title or summary.name(graph, root),
        members=members,
        edges=edges,
        families=summary.families(outline) if look.legend else (),
        family_terms=summary.family_terms(outline) if look.legend else (),
        caption=summary.caption(graph, root, counts, axes) if look.legend else (),
        counts=counts,
        axes=axes,
        description=summary.description(graph, root),
        doc="\n".join(graph.doc),
        direction=direction,
        devices=graph.devices,
        edge_kinds=tuple(kind for kind in EdgeKind if kind in {edge.kind for edge in edges}) if look.legend else (),
    )


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns entries of an outline into boxes and clusters; `training` are the operators only training needs.

    `depth` is the number of frames around an entry. `marked` says that one of these names the step whose weights all
    of its content shares.
    """

    graph: CheckedGraph
    look: Look
    training: frozenset[Path]
    fields: Mapping[Path, str]

    def members(self, outline: Outline) -> tuple[Member, ...]:
        root, entries = outline.root, outline.entries
        if not root.path:
            return tuple(self._member(entry, depth=0) for entry in entries)
        is_closed = len(entries) == 1 and entries[0].item is root
        return (self._member(entries[0], depth=0) if is_closed else self._cluster(root, entries, depth=0),)

    def _nested(self, entry: Entry, *, depth: int, marked: bool) -> tuple[Member, ...]:
        """Return the members of an entry within a frame; a short branch gets no frame of its own."""
        made = self._member(entry, depth=depth, marked=marked)
        if isinstance(entry.item, Container) and isinstance(made, Cluster) and _is_branch(made, entry.item):
            return made.members
        return (made,)

    def _member(self, entry: Entry, *, depth: int, marked: bool = False) -> Member:
        item = entry.item
        if isinstance(item, OperatorGroup):
            made: Member = self._operator(item, marked=marked)
        elif entry.children is None:
            made = self._block(item, has_copies=bool(entry.copies), marked=marked)
        elif len(entry.children) == 1 and not item.inline and not _stands_for_several(entry.children[0]):
            # A frame around a single member would only repeat its name.
            made = self._member(entry.children[0], depth=depth, marked=marked or item.weights is not None)
            made = made if marked else _with_owners(made, item)
            if isinstance(made, Cluster):
                made = replace(made, title=_joint_title(entry))
        else:
            made = self._cluster(item, entry.children, depth=depth, marked=marked)
        return _counted(made, entry) if entry.copies else made

    def _cluster(
        self, container: Container, entries: tuple[Entry, ...], *, depth: int, marked: bool = False
    ) -> Cluster:
        inner = marked or container.weights is not None
        return Cluster(
            id=dotted(container.path),
            style=Style.NESTED if depth else Style.TOP_LEVEL,
            title=facts.name(container.path),
            details=(*_owners(container, marked=marked), *(() if depth else self._sizes(container))),
            tooltip=facts.tooltip(container, self.fields, facts.does(container)),
            members=tuple(each for entry in entries for each in self._nested(entry, depth=depth + 1, marked=inner)),
            link=self._link(container),
            inline=container.inline,
        )

    def _block(self, container: Container, *, has_copies: bool, marked: bool) -> Box:
        is_whole = not container.path
        size = " · ".join((*_owners(container, marked=marked), *self._sizes(container)))
        lines, does = facts.block_lines(container, size, copies=has_copies), facts.does(container)
        return Box(
            id=box_id(container),
            form=Form.BLOCK,
            family="block",
            title=wording.cut(self.graph.name, _LONGEST_TITLE) if is_whole else facts.block_title(container),
            kind=facts.block_kind(container),
            lines=(*lines, *self._several_devices(container)),
            does=does,
            tooltip=facts.tooltip(container, self.fields, does),
            count=1 if has_copies else facts.repeats(container),
            link=self._link(container),
            training=self._trains(container),
        )

    def _operator(self, group: OperatorGroup, *, marked: bool) -> Box:
        node = group.node
        words, does = node.answers.drawing, facts.does(group)
        merge = isinstance(node.op, Merge)
        bar = isinstance(node.op, Merge) and node.op.free_axis is not None
        pill = node.op.family in _PILLS and not group.params
        form = Form.BAR if bar else Form.MERGE if merge else Form.PILL if pill else Form.OPERATOR
        size = " · ".join((*_owners(group, marked=marked), *self._sizes(group)))
        detail = wording.sizes(node.shape) if bar else "" if merge else size
        return Box(
            id=box_id(group),
            form=form,
            family=node.op.family,
            title=words.title,
            kind=words.title,
            lines=(detail,) if detail else (),
            does=does,
            tooltip=facts.tooltip(group, self.fields, does),
            tags=tuple(Tag(each.answers.drawing.title, each.op.family) for each in group.fused_ops),
            link=self._link(group),
            segments=_segments(node) if bar else (),
            training=self._trains(group),
        )

    def _sizes(self, item: Item) -> tuple[str, ...]:
        nodes = nodes_of(item)
        params = sum(node.params for node in nodes) if self.look.params else 0
        macs = sum(node.macs for node in nodes) if self.look.macs else 0
        return tuple(filter(None, (wording.params(params), wording.macs(macs))))

    def _several_devices(self, container: Container) -> tuple[str, ...]:
        """Return a text with the devices of a closed submodule if there are several, as no lane shows them."""
        present = {node.device for node in container.nodes()}
        names = [device for device in self.graph.devices if device in present]
        return (wording.cut(f"on {', '.join(names)}", WIDEST),) if names[1:] else ()

    def _trains(self, item: Item) -> bool:
        return all(node.path in self.training for node in nodes_of(item))

    def _link(self, item: Item) -> str | None:
        span = item.node.span if isinstance(item, OperatorGroup) else item.span
        return wording.link(span) if self.look.links else None


def _counted(member: Member, entry: Entry) -> Member:
    """Return the member of an entry with the number of its copies; its sizes are those of one copy."""
    more = f" | the first of {entry.count}, the last is {dotted(path_of(entry.copies[-1]))}"
    made = replace(member, count=member.count * entry.count, tooltip=member.tooltip + more)
    rates = facts.rates(entry.item, entry.copies[-1])
    if isinstance(made, Cluster):
        return replace(made, details=(*facts.each_of(made.details), *rates))
    each = " each" if isinstance(entry.item, OperatorGroup) else ""
    lines = (*(f"{line}{each}" for line in made.lines), *filter(None, (" · ".join(rates),)))
    return replace(made, alike=entry.count, lines=lines)


def _owners(item: Item, *, marked: bool) -> tuple[str, ...]:
    """Return a text with the steps whose weights an item shares; nothing if it has its own, or if it is `marked`."""
    owners = (item.weights,) if isinstance(item, Container) else tuple(node.weights for node in item.nodes)
    named = ", ".join(dict.fromkeys(dotted(owner) for owner in owners if owner))
    return (wording.cut(f"weights of {named}", _LONGEST_TITLE),) if named and not marked else ()


def _with_owners(member: Member, container: Container) -> Member:
    """Return the member that stands for a submodule, with the step whose weights the submodule shares."""
    owners = _owners(container, marked=False)
    if isinstance(member, Cluster):
        return replace(member, details=(*owners, *member.details))
    return replace(member, lines=(" · ".join((*owners, *member.lines[:1])), *member.lines[1:])) if owners else member


def _joint_title(entry: Entry) -> str:
    """Return the title of a frame that stands for an entry and for its only child.

    If one inside is drawn once for several equal ones, the title is the path of the first of these.
    """
    title, child = facts.name(path_of(entry.item)), entry
    while not child.copies and child.children is not None and len(child.children) == 1:
        child = child.children[0]
        if child.copies:
            return dotted((title, *path_of(child.item)[len(path_of(entry.item)) :]))
    return title


def _stands_for_several(entry: Entry) -> bool:
    """Return whether it is a closed block with copies, so that the submodule around it keeps its name and size."""
    return entry.count > 1 and entry.children is None and isinstance(entry.item, Container)


def _segments(node: Node) -> tuple[str, ...]:
    """Return the size of each input of a bar along the merged axis, or its shape."""
    assert isinstance(node.op, Merge)
    axis = node.op.free_axis
    return tuple(wording.sizes(shape) if axis is None else str(int(shape.dims[axis])) for shape in node.inputs)


def _is_branch(member: Member, container: Container) -> bool:
    """Return whether a frame holds only a few boxes and is not the use of a block."""
    return (
        isinstance(member, Cluster)
        and container.use is None
        and container.weights is None
        and member.count == 1
        and len(member.members) <= _SHORT
        and all(isinstance(each, Box) for each in member.members)
    )
