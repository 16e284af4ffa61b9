"""Which parts of a model a drawing shows, and which stand for several: a tree of boxes, before anything is drawn."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.diagram.model import wording
from archdsl.diagram.model.absorb import Group, absorbed, shortcuts
from archdsl.diagram.model.detail import FULL, Detail, Focus, focus
from archdsl.ir.graph import CheckedGraph, Container, Node, Path

# So many boxes fit on a page, in columns, and can still be read.
PAGE = 30
# So many equal blocks one after the other are drawn once even where all of them would fit.
_SEVERAL = 3

Item: TypeAlias = Group | Container


def path_of(item: Item) -> Path:
    """Return the path by which an item is called."""
    return item.node.path if isinstance(item, Group) else item.path


def nodes_of(item: Item) -> tuple[Node, ...]:
    """Return the operators of an item, in the order of execution."""
    return item.nodes if isinstance(item, Group) else tuple(item.nodes())


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes a box or a cluster, and its equal neighbours, which it stands for; a closed one has no children."""

    item: Item
    copies: tuple[Item, ...] = ()
    children: "tuple[Part, ...] | None" = None

    @property
    def count(self) -> int:
        """How many equal ones it stands for."""
        return 1 + len(self.copies)

    def leaves(self) -> int:
        """Return how many boxes it takes."""
        return 1 if self.children is None else sum(child.leaves() for child in self.children)

    @property
    def is_whole(self) -> bool:
        """Whether everything in it is shown."""
        if self.children is None:
            return isinstance(self.item, Group)
        return all(child.is_whole for child in self.children)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a graph: the part that is drawn, whose children are its parts."""

    root: Container
    parts: tuple[Part, ...]
    groups: dict[Path, Group]

    @property
    def boxes(self) -> int:
        """How many boxes the parts take."""
        return sum(part.leaves() for part in self.parts)


def views(graph: CheckedGraph, detail: Detail) -> Iterator[View]:
    """Yield what may be shown of a graph, the deepest view with boxes for a page first; one if the depth is given.

    Raises `NoSuchPart` where `detail` names what the graph does not have.
    """
    wanted = focus(graph.root, detail)
    passed = shortcuts(graph)
    groups = {path: group for path, group in absorbed(graph, wanted.apart).items() if path not in passed}
    planner = _Planner(graph, groups, wanted)
    small = sum(group.node.path[: len(wanted.root.path)] == wanted.root.path for group in planner.groups.values())
    fits = small <= PAGE
    if detail.depth is not None:
        fold = detail.fold if detail.fold is not None else detail.depth < FULL and (not fits or None)
        yield planner.view(detail.depth, fold=fold)
        return
    fold = detail.fold if detail.fold is not None else not fits or None
    found = [planner.view(1, fold=fold)]
    while not all(part.is_whole for part in found[-1].parts):
        deeper = planner.view(len(found) + 1, fold=fold)
        # What is closed by name stays so at every depth.
        if deeper.boxes > PAGE or deeper.parts == found[-1].parts:
            break
        found.append(deeper)
    yield from reversed(found)


def _is_several_blocks(run: tuple[Item, ...]) -> bool:
    return len(run) >= _SEVERAL and isinstance(run[0], Container) and run[0].use is not None


@dataclass(frozen=True, slots=True)
class _Planner:
    """Makes views of one graph; `places` are the operators' places in the order of execution."""

    graph: CheckedGraph
    groups: dict[Path, Group]
    focus: Focus
    places: dict[Path, int] = field(default_factory=dict)
    readers: dict[Path, list[Path]] = field(default_factory=lambda: defaultdict(list))
    looks: dict[Path, int] = field(default_factory=dict)
    numbers: dict[object, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, node in enumerate(self.graph.nodes):
            self.places[node.path] = place
            for source in node.sources:
                self.readers[source].append(node.path)
        for output in self.graph.outputs:
            self.readers[output.path].append(())

    def view(self, depth: int, *, fold: bool | None) -> View:
        """Return what is seen at a depth; `fold` None draws only several equal blocks once."""
        root = self.focus.root
        if depth == 0 and not self.focus.around:
            return View(root, (Part(root),), self.groups)
        return View(root, self._children(root, depth - 1, fold=fold), self.groups)

    def _children(self, container: Container, depth: int, *, fold: bool | None) -> tuple[Part, ...]:
        items = self._items(container)
        runs = ((item,) for item in items) if fold is False else self._runs(items)
        if fold is None:
            runs = (some for run in runs for some in ((run,) if _is_several_blocks(run) else zip(run, strict=True)))
        return tuple(self._part(run, depth, fold=fold) for run in runs)

    def _part(self, run: tuple[Item, ...], depth: int, *, fold: bool | None) -> Part:
        first, *copies = run
        if isinstance(first, Group):
            return Part(first, tuple(copies))
        path, items = first.path, self._items(first)
        # A block is a level of its own even where it is all of a stage.
        thin = len(items) == 1 and not (isinstance(items[0], Container) and items[0].use)
        opened = depth > 0 or path in self.focus.around or first.inline or self._is_single(first)
        if path in self.focus.closed or not opened:
            return Part(first, tuple(copies))
        deeper = depth if thin or first.inline else depth - 1
        if thin and path in self.focus.opened:
            deeper = max(deeper, 1)
        return Part(first, tuple(copies), self._children(first, deeper, fold=fold))

    def _items(self, container: Container) -> list[Item]:
        return [
            self.groups[child.path] if isinstance(child, Node) else child
            for child in container.children
            if isinstance(child, Container) or child.path in self.groups
        ]

    def _is_single(self, container: Container) -> bool:
        """Whether all that is in it goes into one box, and a frame around that says nothing."""
        items = self._items(container)
        return len(items) == 1 and (isinstance(items[0], Group) or self._is_single(items[0]))

    def _runs(self, items: list[Item]) -> Iterator[tuple[Item, ...]]:
        run: list[Item] = []
        for item in items:
            if run and not self._continues(run[-1], item):
                yield tuple(run)
                run = []
            run.append(item)
        if run:
            yield tuple(run)

    def _continues(self, one: Item, other: Item) -> bool:
        """Whether a part is the same as the one before, reads only that, and is the only one that does."""
        named = {path_of(one), path_of(other)} & (self.focus.around | self.focus.closed)
        if named or (isinstance(one, Container) and one.inline) or self._look(one) != self._look(other):
            return False
        nodes, after = ({node.path for node in nodes_of(item)} for item in (one, other))
        read = {reader for path in nodes for reader in self.readers.get(path, ()) if reader not in nodes}
        return bool(read) and read <= after

    def _look(self, item: Item) -> int:
        """Return a number that parts share which do the same to what comes in."""
        path = path_of(item)
        if path not in self.looks:
            if isinstance(item, Group):
                look: object = tuple(map(self._looks_of, item.nodes))
            else:
                look = (item.kind, item.use.block if item.use else None, *map(self._look, self._items(item)))
            self.looks[path] = self.numbers.setdefault(look, len(self.numbers))
        return self.looks[path]

    def _looks_of(self, node: Node) -> tuple[object, ...]:
        place = self.places[node.path]
        # Sources by how far back they are: the same in equal neighbours, whatever they are called.
        sources = tuple(place - self.places.get(source, -1) for source in node.sources)
        dims = (tuple(map(int, shape.dims)) for shape in (*node.inputs, node.shape))
        # At which rate they drop is told beside them.
        does = node.op.name if node.op.is_random else wording.called(node.op)
        return (does, *dims, sources, node.device, node.weights is None)
