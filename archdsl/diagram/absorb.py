"""Which operators share a box: what follows a layer of weights at once rides in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.ir import CheckedGraph, Container, Node, Path
from archdsl.shape import Shape

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


def absorbed(graph: CheckedGraph) -> dict[Path, Group]:
    """Return the boxes of a graph by the path of their first operator, in the order of execution."""
    readers = Counter(source for node in graph.nodes for source in node.sources)
    return {group.node.path: group for group in _groups(graph.root, readers)}


def _groups(container: Container, readers: Counter[Path]) -> Iterator[Group]:
    open_group: Group | None = None
    for child in container.children:
        if open_group and isinstance(child, Node) and _rides(child, open_group, readers):
            open_group = Group(open_group.node, (*open_group.riders, child))
            continue
        if open_group:
            yield open_group
        open_group = Group(child) if isinstance(child, Node) else None
        if isinstance(child, Container):
            yield from _groups(child, readers)
    if open_group:
        yield open_group


def _rides(node: Node, group: Group, readers: Counter[Path]) -> bool:
    last = group.nodes[-1].path
    return (
        group.node.op.family in _HOSTS
        and node.op.family in _RIDERS
        and node.sources == (last,)
        and readers[last] == 1
        and node.shape == group.shape
    )
