"""Which operators share a box: what follows a layer of weights at once rides in it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Container, Node, Path
from archdsl.ops.base import Trait

_HOSTS = ("convolution", "linear", "merge")
_RIDERS = ("normalisation", "activation")


@dataclass(frozen=True, slots=True)
class Group:
    """An operator with those that ride in its box, in the order of execution."""

    node: Node
    riders: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All operators of the box."""
        return (self.node, *self.riders)

    @property
    def shape(self) -> Shape:
        """What comes out of the box."""
        return self.nodes[-1].shape

    @property
    def params(self) -> int:
        """Number of trainable parameters of all of them."""
        return sum(node.params for node in self.nodes)

    @property
    def reshapes(self) -> bool:
        """Whether something else comes out than went in."""
        return any(shape != self.shape for shape in self.node.inputs)


def absorbed(graph: CheckedGraph, apart: frozenset[Path] = frozenset()) -> dict[Path, Group]:
    """Return the boxes of a graph by the path of their first operator, in the order of execution.

    What follows a submodule of one box rides in it, too, but for those that are drawn `apart`.
    """
    readers = Counter(source for node in graph.nodes for source in node.sources)
    return {group.node.path: group for group in _groups(graph.root, readers, apart)}


def _groups(container: Container, readers: Counter[Path], apart: frozenset[Path]) -> Iterator[Group]:
    last: Group | None = None
    for child in container.children:
        if last and isinstance(child, Node) and _rides(child, last, readers):
            last = Group(last.node, (*last.riders, child))
            continue
        if last:
            yield last
        last = Group(child) if isinstance(child, Node) else None
        if isinstance(child, Container):
            *others, end = _groups(child, readers, apart)
            last = end if not others and not child.inline and child.path not in apart else None
            yield from others if last else (*others, end)
    if last:
        yield last


def shortcuts(graph: CheckedGraph) -> dict[Path, Path]:
    """Return the operators that only stand for a way past others, with what they pass on: they need no boxes."""
    reading: dict[Path, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        for source in node.sources:
            reading[source].append(node)
    return {
        node.path: node.sources[0]
        for node in _with_neighbours(graph.root)
        if Trait.PASSES_ON in node.op.traits
        and (len(reading[node.sources[0]]) > 1 or any(len(each.sources) > 1 for each in reading[node.path]))
    }


def _with_neighbours(container: Container) -> Iterator[Node]:
    """Yield the operators that are not alone in their submodule."""
    for child in container.children:
        if isinstance(child, Container):
            yield from _with_neighbours(child)
        elif len(container.children) > 1:
            yield child


def _rides(node: Node, group: Group, readers: Counter[Path]) -> bool:
    last = group.nodes[-1].path
    return (
        group.node.op.family in _HOSTS
        and node.op.family in _RIDERS
        and node.sources == (last,)
        and readers[last] == 1
        and node.shape == group.shape
    )
