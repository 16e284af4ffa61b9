"""A drawing as plain data: boxes, edges and clusters. It knows no colours and no DOT."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["TB", "LR"]


class Form(Enum):
    """What a box is drawn as."""

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
    """What an edge is: the stream, a shortcut with or without a projection, or a way with a meaning of its own."""

    DATA = "data"
    SKIP = "skip"
    PROJECTION = "skip projection"
    AUXILIARY = "aux"
    CROSSING = "cross-device"
    ADDED = "data added"
    REMOVED = "data removed"


class Style(Enum):
    """What a cluster is drawn as: a part of the model, a part of such a part, or the lane of a device."""

    STAGE = "stage"
    BLOCK = "block"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Chip:
    """An operator that rides in the box of the one before it."""

    text: str
    family: str


@dataclass(frozen=True, slots=True)
class Box:
    """One operator with its chips, a submodule that is not looked into, an end of the stream, or where paths part.

    `count` is how many equal ones in a row it stands for, or is a chain of, `alike` only the former. Boxes of one
    `group` stand in one line, `rank` names a box that stands beside it. `lines` are the small lines below the title,
    `segments` what comes into a bar. `ordered` says that its edges leave from left to right in their order. Where two
    models are compared, `does` is what has to be equal, and `mark` what became of it.
    """

    id: str
    form: Form
    family: str
    title: str
    lines: tuple[str, ...]
    tooltip: str
    does: tuple[str, ...] = ()
    chips: tuple[Chip, ...] = ()
    count: int = 1
    alike: int = 1
    link: str | None = None
    group: str = ""
    rank: str | None = None
    segments: tuple[str, ...] = ()
    training: bool = False
    ordered: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame around the members of a submodule, or of a device; `inline` says that it is a tower of a group."""

    id: str
    style: Style
    title: str
    detail: str
    tooltip: str
    members: "tuple[Box | Cluster, ...]"
    count: int = 1
    link: str | None = None
    inline: bool = False

    def boxes(self) -> Iterator[Box]:
        """Yield all boxes within, in the order of execution."""
        return boxes(self.members)


Member: TypeAlias = Box | Cluster


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor on its way from one box to another; `segment` is where it enters a bar."""

    source: str
    target: str
    label: str
    tooltip: str
    kind: EdgeKind = EdgeKind.DATA
    segment: int | None = None

    @property
    def id(self) -> str:
        """What it is called in the drawing."""
        return f"{self.source}--{self.target}" + ("" if self.segment is None else f"-{self.segment}")


@dataclass(frozen=True, slots=True)
class Diagram:
    """A whole drawing. `families` and `ways` are what the legend explains, none where it is not wanted.

    `kinds` are other words for what is in a family, such as `recurrent`.

    `starts` are the places of the members with which columns begin, where there are several. A `mirrored` drawing is
    laid out the other way round: Graphviz leads long ways along the right, and here they belong to the left.
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
    starts: tuple[int, ...] = ()
    ways: tuple[EdgeKind, ...] = ()
    mirrored: bool = False
    kinds: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def boxes(self) -> tuple[Box, ...]:
        """All boxes, in the order of execution."""
        return tuple(boxes(self.members))

    @property
    def outermost(self) -> dict[str, str]:
        """The outermost frame around each box that stands in one."""
        return outermost(self.members)

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """All clusters, outer ones before those within."""
        return tuple(_clusters(self.members))


def boxes(members: tuple[Member, ...]) -> Iterator[Box]:
    """Yield the boxes among members and within them, in the order of execution."""
    for member in members:
        if isinstance(member, Box):
            yield member
        else:
            yield from boxes(member.members)


def outermost(members: tuple[Member, ...]) -> dict[str, str]:
    """Return the outermost frame around each box that stands in one."""
    return {box.id: member.id for member in members if isinstance(member, Cluster) for box in member.boxes()}


def _clusters(members: tuple[Member, ...]) -> Iterator[Cluster]:
    for member in members:
        if isinstance(member, Cluster):
            yield member
            yield from _clusters(member.members)
