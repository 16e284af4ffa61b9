"""Fusion of operators into boxes: an activation or normalisation shares the box of the layer that it follows."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from archdsl.base.records import record
from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Container, Node, Path
from archdsl.ops.base import Trait

_HOSTS = ("convolution", "linear", "merge")
_FUSED = ("normalisation", "activation")


@record(frozen=True, slots=True)
class OperatorGroup:
    """The operators of one box: `node` gives it its title, `fused_ops` follow in the order of execution."""

    node: Node
    fused_ops: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All operators of the box."""
        return (self.node, *self.fused_ops)

    @property
    def shape(self) -> Shape:
        """Output shape of the box."""
        return self.nodes[-1].shape

    @property
    def params(self) -> int:
        """Number of trainable parameters of all operators."""
        return sum(node.params for node in self.nodes)


def fuse_boxes(graph: CheckedGraph, apart: frozenset[Path] = frozenset()) -> dict[Path, OperatorGroup]:
    """Return the boxes of all operators by the path of their first operator, in the order of execution.

    Operators also fuse into the last box of a submodule that has only one box, unless its path is in `apart`. Outputs
    of the model count as readers, so each output leaves the box of the operator that computes it.
    """
    readers = Counter(source for node in graph.nodes for source in node.sources)
    readers.update(output.path for output in graph.outputs)
    return {group.node.path: group for group in _groups(graph.root, readers, apart)}


def _groups(container: Container, readers: Counter[Path], apart: frozenset[Path]) -> Iterator[OperatorGroup]:
    last: OperatorGroup | None = None
    for child in container.children:
        if last and isinstance(child, Node) and _fuses(child, last, readers):
            last = OperatorGroup(last.node, (*last.fused_ops, child))
            continue
        if last:
            yield last
        last = OperatorGroup(child) if isinstance(child, Node) else None
        if isinstance(child, Container):
            *others, end = _groups(child, readers, apart)
            last = end if not others and not child.inline and child.path not in apart else None
            yield from others if last else (*others, end)
    if last:
        yield last


def _fuses(node: Node, group: OperatorGroup, readers: Counter[Path]) -> bool:
    last = group.nodes[-1].path
    return (
        group.node.op.family in _HOSTS
        and node.op.family in _FUSED
        and node.sources == (last,)
        and readers[last] == 1
        and node.shape == group.shape
    )


def shortcuts(graph: CheckedGraph) -> dict[Path, Path]:
    """Return the identities that only form a shortcut, with the value they pass on; they get no boxes.

    An identity on a device of its own moves its value, so it is not among them.
    """
    reading: dict[Path, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        for source in node.sources:
            reading[source].append(node)
    devices = {node.path: node.device for node in graph.nodes}

    def stays(node: Node) -> bool:
        if node.sources[0] in devices:
            return devices[node.sources[0]] == node.device
        # An input of the model has no device.
        return all(reader.device == node.device for reader in reading[node.path])

    return {
        node.path: node.sources[0]
        for node in _with_siblings(graph.root)
        if Trait.PASSES_ON in node.op.traits
        and (len(reading[node.sources[0]]) > 1 or any(len(each.sources) > 1 for each in reading[node.path]))
        and stays(node)
    }


def _with_siblings(container: Container) -> Iterator[Node]:
    """Yield the operators that are not the only child of their submodule."""
    for child in container.children:
        if isinstance(child, Container):
            yield from _with_siblings(child)
        elif len(container.children) > 1:
            yield child
