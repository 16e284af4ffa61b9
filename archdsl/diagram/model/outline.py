"""The outline of a drawing: a tree of open and closed submodules and operators, with equal neighbours folded."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TypeAlias

from archdsl.base.records import record
from archdsl.diagram import wording
from archdsl.diagram.model.detail import FULL, Detail, Focus, focus
from archdsl.diagram.model.fuse_boxes import OperatorGroup, fuse_boxes, shortcuts
from archdsl.ir.answers import Answers
from archdsl.ir.graph import CheckedGraph, Container, Node, Path, dotted

# The number of boxes that are readable on a page, in columns.
PAGE = 30
# The id of the box of a whole model; it has a dash, which no path has.
WHOLE = "whole-model"
# Runs of this many equal blocks are folded even if all of them fit on the page.
_SEVERAL = 3

Item: TypeAlias = OperatorGroup | Container


def path_of(item: Item) -> Path:
    """Return the path of an item."""
    return item.node.path if isinstance(item, OperatorGroup) else item.path


def nodes_of(item: Item) -> tuple[Node, ...]:
    """Return the operators of an item, in the order of execution."""
    return item.nodes if isinstance(item, OperatorGroup) else tuple(item.nodes())


def box_id(item: Item) -> str:
    """Return the id of the box of an item."""
    return dotted(path_of(item)) or WHOLE


@record(frozen=True, slots=True)
class Entry:
    """A box or a cluster of the drawing.

    Attributes:
        item: The operators or the submodule.
        copies: The equal neighbours that are folded into it.
        children: The entries of an open submodule; None for a box.
    """

    item: Item
    copies: tuple[Item, ...] = ()
    children: "tuple[Entry, ...] | None" = None

    @property
    def count(self) -> int:
        """Number of equal neighbours, including itself."""
        return 1 + len(self.copies)

    def leaves(self) -> int:
        """Return the number of boxes."""
        return 1 if self.children is None else sum(child.leaves() for child in self.children)

    @property
    def is_whole(self) -> bool:
        """Whether every operator in it is visible."""
        if self.children is None:
            return isinstance(self.item, OperatorGroup)
        return all(child.is_whole for child in self.children)


@record(frozen=True, slots=True)
class Outline:
    """The entries of one drawing: those of `root`; `passed` are the identities without boxes, as `shortcuts` has them.

    If `root` itself is closed, it is the only entry.
    """

    root: Container
    entries: tuple[Entry, ...]
    passed: Mapping[Path, Path]

    @property
    def boxes(self) -> int:
        """Number of boxes."""
        return sum(entry.leaves() for entry in self.entries)


def outlines(graph: CheckedGraph, detail: Detail) -> Iterator[Outline]:
    """Yield candidate outlines, the deepest one that fits on a page first; only one if `detail` sets the depth.

    Raises:
        NoSuchPart: `detail` names a submodule that the graph does not have.
    """
    wanted = focus(graph.root, detail)
    passed = shortcuts(graph)
    groups = {path: group for path, group in fuse_boxes(graph, wanted.apart).items() if path not in passed}
    planner = _planner(graph, groups, wanted, passed)
    small = sum(group.node.path[: len(wanted.root.path)] == wanted.root.path for group in groups.values())
    fits = small <= PAGE
    if detail.depth is not None:
        fold = detail.fold if detail.fold is not None else detail.depth < FULL and (not fits or None)
        yield planner.outline(detail.depth, fold=fold)
        return
    fold = detail.fold if detail.fold is not None else not fits or None
    found = [planner.outline(1, fold=fold)]
    while not all(entry.is_whole for entry in found[-1].entries):
        deeper = planner.outline(len(found) + 1, fold=fold)
        # Submodules closed by name stay closed, so that deeper outlines may not differ.
        if deeper.boxes > PAGE or deeper.entries == found[-1].entries:
            break
        found.append(deeper)
    yield from reversed(found)


def _is_several_blocks(run: tuple[Item, ...]) -> bool:
    return len(run) >= _SEVERAL and isinstance(run[0], Container) and run[0].use is not None


def _planner(
    graph: CheckedGraph, groups: Mapping[Path, OperatorGroup], wanted: Focus, passed: Mapping[Path, Path]
) -> "_Planner":
    places = {node.path: place for place, node in enumerate(graph.nodes)}
    readers: dict[Path, list[Path]] = defaultdict(list)
    for node in graph.nodes:
        for source in node.sources:
            readers[source].append(node.path)
    for output in graph.outputs:
        readers[output.path].append(())
    return _Planner(groups, wanted, passed, places, readers)


@record(frozen=True, slots=True)
class _Planner:
    """Makes outlines of one graph.

    `places` are positions in the order of execution, `readers` the operators that read a value, `()` the outside.
    `looks`, `numbers` and `kinds` cache what `_look` computes.
    """

    groups: Mapping[Path, OperatorGroup]
    focus: Focus
    passed: Mapping[Path, Path]
    places: Mapping[Path, int]
    readers: Mapping[Path, list[Path]]
    looks: dict[Path, int] = field(default_factory=dict)
    numbers: dict[object, int] = field(default_factory=dict)
    kinds: dict[Answers, tuple[object, ...]] = field(default_factory=dict)

    def outline(self, depth: int, *, fold: bool | None) -> Outline:
        """Return the outline of a depth; `fold` None folds only runs of several equal blocks."""
        root = self.focus.root
        if depth == 0 and not self.focus.around:
            return Outline(root, (Entry(root),), self.passed)
        return Outline(root, self._children(root, depth - 1, fold=fold), self.passed)

    def _children(self, container: Container, depth: int, *, fold: bool | None) -> tuple[Entry, ...]:
        items = self._items(container)
        runs = ((item,) for item in items) if fold is False else self._runs(items)
        if fold is None:
            runs = (some for run in runs for some in ((run,) if _is_several_blocks(run) else zip(run, strict=True)))
        return tuple(self._entry(run, depth, fold=fold) for run in runs)

    def _entry(self, run: tuple[Item, ...], depth: int, *, fold: bool | None) -> Entry:
        first, *copies = run
        if isinstance(first, OperatorGroup):
            return Entry(first, tuple(copies))
        path, items = first.path, self._items(first)
        # A submodule with a single child is no level of its own, unless the child is a block.
        thin = len(items) == 1 and not (isinstance(items[0], Container) and items[0].use)
        opened = depth > 0 or path in self.focus.around or first.inline or self._is_single(first)
        if path in self.focus.closed or not opened:
            return Entry(first, tuple(copies))
        deeper = depth if thin or first.inline else depth - 1
        if thin and path in self.focus.opened:
            deeper = max(deeper, 1)
        return Entry(first, tuple(copies), self._children(first, deeper, fold=fold))

    def _items(self, container: Container) -> list[Item]:
        return [
            self.groups[child.path] if isinstance(child, Node) else child
            for child in container.children
            if isinstance(child, Container) or child.path in self.groups
        ]

    def _is_single(self, container: Container) -> bool:
        """Return whether the container has only one box at full depth, so that a frame adds no information."""
        items = self._items(container)
        return len(items) == 1 and (isinstance(items[0], OperatorGroup) or self._is_single(items[0]))

    def _runs(self, items: list[Item]) -> Iterator[tuple[Item, ...]]:
        """Split items into runs of equal neighbours."""
        run: list[Item] = []
        for item in items:
            if run and not self._continues(run[-1], item):
                yield tuple(run)
                run = []
            run.append(item)
        if run:
            yield tuple(run)

    def _continues(self, one: Item, other: Item) -> bool:
        """Return whether `other` equals `one` and is the only reader of its output."""
        named = {path_of(one), path_of(other)} & (self.focus.around | self.focus.closed)
        if named or (isinstance(one, Container) and one.inline) or self._look(one) != self._look(other):
            return False
        nodes, after = ({node.path for node in nodes_of(item)} for item in (one, other))
        read = {reader for path in nodes for reader in self.readers.get(path, ()) if reader not in nodes}
        return bool(read) and read <= after

    def _look(self, item: Item) -> int:
        """Return a number that is the same for items that compute the same function of their inputs."""
        path = path_of(item)
        if path not in self.looks:
            if isinstance(item, OperatorGroup):
                look: object = tuple(map(self._looks_of, item.nodes))
            else:
                look = (item.kind, item.use.block if item.use else None, *map(self._look, self._items(item)))
            self.looks[path] = self.numbers.setdefault(look, len(self.numbers))
        return self.looks[path]

    def _looks_of(self, node: Node) -> tuple[object, ...]:
        place = self.places[node.path]
        # Relative positions of the sources are the same in equal neighbours, whatever the names are.
        sources = tuple(place - self.places.get(source, -1) for source in node.sources)
        return (self._kind(node.answers), sources, node.device, node.weights is None)

    def _kind(self, answers: Answers) -> tuple[object, ...]:
        """Return what steps with equal looks have in common; equal steps share it."""
        if answers not in self.kinds:
            dims = (tuple(map(int, shape.dims)) for shape in (*answers.inputs, answers.shape))
            # Drop rates may differ: the folded box shows their range.
            does = answers.op.name if answers.op.is_random else wording.called(answers.op)
            self.kinds[answers] = (does, *dims)
        return self.kinds[answers]
