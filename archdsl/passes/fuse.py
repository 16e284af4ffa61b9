"""Fuses the towers of groups: layers side by side become one layer with groups of channels, on one device."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from archdsl.ir.graph import CheckedGraph, Container, Node, dotted
from archdsl.ir.tree import with_nodes, with_root
from archdsl.passes.alike import CannotFuse, under
from archdsl.passes.fusion import Fusion


@dataclass(frozen=True, slots=True)
class Fused:
    """A graph without towers: `towers` names for each submodule those that it is made of.

    The weights of the towers, put together along the first axis in this order, are those of the submodule. Towers in
    towers come first.
    """

    graph: CheckedGraph
    towers: Mapping[str, tuple[str, ...]]


def fuse_towers(graph: CheckedGraph) -> Fused:
    """Return a graph in which each group of towers is one submodule, for one device, and what its weights are made of.

    It computes the same, with as many parameters and multiply-accumulates.

    Raises CannotFuse where there is no group, and where one has steps that cannot be fused.
    """
    made = with_root(graph, with_nodes(graph.root, lambda node: replace(node, device=None)))
    made = replace(made, graph=replace(made.graph, devices=()))
    towers: dict[str, tuple[str, ...]] = {}
    while lanes := next(_groups(made.root), None):
        _require_own_weights(made, lanes)
        fusion = Fusion(made, lanes)
        made = fusion.graph()
        towers[dotted(fusion.path)] = tuple(dotted(lane.path) for lane in lanes)
    if not towers:
        raise CannotFuse("no group has two of them", "write what stands side by side as `group tower{0..1} { … }`")
    assert made.root.params == graph.params, "weights were lost, or added"
    assert made.root.macs == graph.root.macs
    return Fused(made, towers)


def _groups(container: Container) -> Iterator[tuple[Container, ...]]:
    """Yield the towers of each group in a container, those of inner groups first."""
    run: list[Container] = []
    for child in container.children:
        if isinstance(child, Container):
            yield from _groups(child)
        goes_on = isinstance(child, Container) and _stands_beside(child, run)
        if not goes_on:
            yield from [tuple(run)] if len(run) > 1 else []
            run = []
        if isinstance(child, Container) and child.tower is not None:
            run.append(child)
    yield from [tuple(run)] if len(run) > 1 else []


def _stands_beside(child: Container, run: list[Container]) -> bool:
    """Whether a container is a further tower of the same group."""
    last = run[-1] if run else None
    if last is None or last.tower is None or child.tower is None:
        return False
    return child.tower > last.tower and child.span == last.span


def _require_own_weights(graph: CheckedGraph, lanes: tuple[Container, ...]) -> None:
    """Raise CannotFuse where a step of a tower is applied more than once."""
    parts: list[Node | Container] = [*graph.root.nodes(), *_containers(graph.root)]
    for part in parts:
        if part.weights and any(under(path, lane) for path in (part.path, part.weights) for lane in lanes):
            message = f"`{dotted(part.weights)}` is applied more than once (line {part.span.line})"
            raise CannotFuse(f"{message}, which the steps of towers cannot be where they become one")


def _containers(container: Container) -> Iterator[Container]:
    for child in container.children:
        if isinstance(child, Container):
            yield child
            yield from _containers(child)
