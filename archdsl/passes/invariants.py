"""Invariants of the graphs that passes return. Tests check them."""

from collections import Counter
from collections.abc import Collection, Iterator

from archdsl.ir.graph import ChildNaming, Container, Node, Path, dotted
from archdsl.ir.order import in_order
from archdsl.passes.lowering import LoweredGraph
from archdsl.passes.transfers import is_move


class InvalidGraph(AssertionError):
    """A pass has returned an invalid graph. The text says which step is wrong."""


def assert_valid(graph: LoweredGraph) -> None:
    """Raise InvalidGraph unless a lowered graph has the properties that code generation relies on.

    Paths are unique. Each step reads the result of an earlier one, in the same shape and on its own device. Only a Move
    reads a value from another device, and a submodule has at most one Move for each value and device. Steps outside a
    submodule read only its output, unless the class around it runs its steps.
    """
    nodes = {node.path: node for node in graph.nodes}
    _require(len(nodes) == len(graph.nodes), (), "two steps have one path")
    values = {given.path: given.shape for given in graph.inputs} | {path: node.shape for path, node in nodes.items()}
    for node in nodes.values():
        for source, shape in zip(node.sources, node.inputs, strict=True):
            _require(source in values, node.path, f"reads {dotted(source)}, which no step computes")
            _require(values[source].plain() == shape.plain(), node.path, f"reads {dotted(source)} in another shape")
    seen: set[Path] = set()
    for node in in_order(nodes.values()):
        _require(all(source in seen or source not in nodes for source in node.sources), node.path, "reads a later step")
        seen.add(node.path)
    _require_devices(graph, nodes)
    _require_entries(graph.root, values.keys())
    _require_outputs(graph)


def _require(holds: bool, path: Path, words: str) -> None:  # noqa: FBT001
    if not holds:
        raise InvalidGraph(f"{dotted(path)}: {words}")


def _require_devices(graph: LoweredGraph, nodes: dict[Path, Node]) -> None:
    if not graph.devices:
        return
    moves: Counter[tuple[Path, str | None, Path]] = Counter()
    for node in nodes.values():
        _require(node.device in graph.devices, node.path, "has no device")
        if is_move(node):
            moves[(node.sources[0], node.device, node.path[:-1])] += 1
            continue
        for source in node.sources:
            maker = nodes.get(source)
            where = maker.device if maker else "outside"
            _require(where == node.device, node.path, f"runs on {node.device} and reads {dotted(source)} on {where}")
    for (source, device, place), count in moves.items():
        _require(count == 1, place, f"{dotted(source)} is moved to {device} {count} times")


def _require_entries(container: Container, values: Collection[Path]) -> None:
    for child in container.children:
        if isinstance(child, Container):
            known = child.source in values and child.output in values
            _require(known, child.path, "has an input or output that no step computes")
            _require_entries(child, values)


def _require_outputs(graph: LoweredGraph) -> None:
    outputs: dict[Path, Path] = {}
    reads = [(node.path, source) for node in graph.nodes for source in node.sources]
    reads += [(("",), output.path) for output in graph.outputs]
    for container in _containers(graph.root):
        if not container.inline and container.kind is not ChildNaming.KEYED:
            outputs[container.path] = container.output
        reads.append((container.path, container.output))
    for reader, source in reads:
        for length in range(1, len(source)):
            around = source[:length]
            if reader[:length] != around and around in outputs:
                _require(outputs[around] == source, reader, f"reads {dotted(source)}, which {dotted(around)} keeps")


def _containers(container: Container) -> Iterator[Container]:
    for child in container.children:
        if isinstance(child, Container):
            yield child
            yield from _containers(child)
