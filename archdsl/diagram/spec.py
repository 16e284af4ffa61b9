"""Data types of a drawing: boxes, edges and clusters, without colours and without DOT."""

from collections.abc import Iterator
from dataclasses import field
from enum import Enum
from typing import Literal, TypeAlias

from archdsl.base.records import record

Direction: TypeAlias = Literal["TB", "LR"]


class Form(Enum):
    """The forms of boxes."""

    OPERATOR = "operator"
    PILL = "pill"
    TERMINAL = "terminal"
    STUB = "stub"
    BLOCK = "block"
    MERGE = "merge"
    BAR = "bar"
    FORK = "fork"
    CONNECTOR = "connector"


class EdgeKind(Enum):
    """The kinds of edges; the values are their classes in SVG."""

    DATA = "data"
    SKIP = "skip"
    PROJECTION = "skip projection"
    AUXILIARY = "aux"
    CROSSING = "cross-device"
    ADDED = "data added"
    REMOVED = "data removed"


class Style(Enum):
    """The styles of clusters: a top-level submodule, a nested one, or the lane of a device."""

    TOP_LEVEL = "stage"
    NESTED = "block"
    DEVICE = "device"


@record(frozen=True, slots=True)
class Tag:
    """A small label in a box: an operator that is fused into the box of the operator before it."""

    text: str
    family: str


@record(frozen=True, slots=True)
class Box:
    """A node of the drawing: an operator, a closed submodule, an input or output, or a fork.

    Attributes:
        id: The dotted path of what the box shows, or a name with a dash, which no path has.
        form: The shape of the box and its role.
        family: The family of operators, which selects the colours.
        title: The text of the first line.
        kind: The operator or block of the title, without the name of the step; the name if there is none.
        lines: The small lines below the title.
        tooltip: All facts, joined by ` | `.
        does: The facts that two models are compared by.
        tags: The operators fused into the box.
        count: The number of equal neighbours that the box stands for, or the length of the chain inside it.
        alike: The number of equal neighbours only.
        link: The address of the source line.
        group: Boxes of one group are aligned along the direction of the drawing.
        rank: The id of a box that is drawn at the same rank.
        segments: The labels of the inputs of a bar (a merge along an axis).
        training: Whether only training computes it.
        ordering: The edges whose order from left to right is that of the source: `out`, `in`, or empty for none.
        mark: `added`, `removed` or `changed` in a comparison of two models.
    """

    id: str
    form: Form
    family: str
    title: str
    lines: tuple[str, ...]
    tooltip: str
    kind: str = ""
    does: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    count: int = 1
    alike: int = 1
    link: str | None = None
    group: str = ""
    rank: str | None = None
    segments: tuple[str, ...] = ()
    training: bool = False
    ordering: Literal["", "in", "out"] = ""
    mark: str = ""


@record(frozen=True, slots=True)
class Cluster:
    """A frame around the members of an open submodule or of a device; `inline` marks a tower of a group.

    `details` are short texts below or beside the title.
    """

    id: str
    style: Style
    title: str
    details: tuple[str, ...]
    tooltip: str
    members: "tuple[Box | Cluster, ...]"
    count: int = 1
    link: str | None = None
    inline: bool = False

    def boxes(self) -> Iterator[Box]:
        """Yield all boxes inside, in the order of execution."""
        return boxes(self.members)


Member: TypeAlias = Box | Cluster


@record(frozen=True, slots=True)
class Edge:
    """A tensor that one box produces and another one reads; `segment` is the input of the bar that it enters."""

    source: str
    target: str
    label: str
    tooltip: str
    kind: EdgeKind = EdgeKind.DATA
    segment: int | None = None

    @property
    def id(self) -> str:
        """The id of the edge in DOT and SVG."""
        return f"{self.source}--{self.target}" + ("" if self.segment is None else f"-{self.segment}")


@record(frozen=True, slots=True)
class Diagram:
    """A whole drawing.

    Attributes:
        name: The name of the model, or of the submodule and the model.
        members: The boxes and clusters, in the order of execution.
        edges: The edges, in drawing order.
        families: The families of operators in the legend; empty without a legend.
        caption: The lines below the legend.
        counts: The name and the totals as texts, for the caption of a comparison.
        axes: The text about the axes of edge labels, for the caption of a comparison.
        description: One sentence for readers who do not see the drawing.
        doc: The doc comment of the model.
        direction: The direction of data flow.
        devices: The devices of the model, in the order of their lanes.
        column_starts: The indices of the members that begin a column; empty for a single column.
        edge_kinds: The kinds of edges in the legend; empty without a legend.
        mirrored: Whether left and right are swapped after layout. Graphviz routes long edges along the right side.
        family_terms: Specific terms for the operators of a family, such as `recurrent`.
    """

    name: str
    members: tuple[Member, ...]
    edges: tuple[Edge, ...]
    families: tuple[str, ...]
    caption: tuple[str, ...]
    description: str
    doc: str
    direction: Direction = "TB"
    devices: tuple[str, ...] = ()
    column_starts: tuple[int, ...] = ()
    edge_kinds: tuple[EdgeKind, ...] = ()
    mirrored: bool = False
    family_terms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    counts: tuple[str, ...] = ()
    axes: str = ""
    _known: dict[str, Box] = field(default_factory=dict, init=False, repr=False, compare=False)
    _into: dict[str, list[Edge]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def known(self) -> dict[str, Box]:
        """All boxes by their ids."""
        if not self._known:
            self._known.update((box.id, box) for box in self.boxes)
        return self._known

    def streams(self, box: str) -> list[Edge]:
        """Return the edges of the main stream into a box: no shortcuts and no transfers between devices."""
        if not self._into:
            for edge in self.edges:
                if edge.kind is EdgeKind.DATA:
                    self._into.setdefault(edge.target, []).append(edge)
        return self._into.get(box, [])

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All boxes, in the order of execution."""
        return tuple(boxes(self.members))

    @property
    def outermost(self) -> dict[str, str]:
        """The id of the outermost frame of each box, by the id of the box; boxes without a frame are missing."""
        return {box.id: frames[0] for box, frames in framed_boxes(self.members) if frames}

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """All clusters, each before those inside it."""
        return tuple(_clusters(self.members))


def boxes(members: tuple[Member, ...]) -> Iterator[Box]:
    """Yield the boxes among members and inside them, in the order of execution."""
    for member in members:
        if isinstance(member, Box):
            yield member
        else:
            yield from boxes(member.members)


def framed_boxes(members: tuple[Member, ...], outer: tuple[str, ...] = ()) -> Iterator[tuple[Box, tuple[str, ...]]]:
    """Yield all boxes, each with the ids of the clusters around it, from the outermost to the innermost."""
    for member in members:
        if isinstance(member, Box):
            yield member, outer
        else:
            yield from framed_boxes(member.members, (*outer, member.id))


def _clusters(members: tuple[Member, ...]) -> Iterator[Cluster]:
    for member in members:
        if isinstance(member, Cluster):
            yield member
            yield from _clusters(member.members)
