"""Tower fusion: makes one submodule of the towers of each group, for one device.

Parallel layers become one layer whose channels are in groups, as in the grouped convolutions of AlexNet (Krizhevsky et
al. 2012).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from archdsl.ir.graph import Container, Graph, Node, dotted
from archdsl.ir.tree import with_nodes
from archdsl.passes.alike import CannotFuse, under
from archdsl.passes.fusion import Fusion


@dataclass(frozen=True, slots=True)
class Fused:
    """A graph whose towers are fused.

    `towers` names, for each submodule that was made of towers, the paths of these towers. The weights of the submodule
    are those of the towers, concatenated along the first axis in this order. Nested towers come before the towers
    around them.
    """

    graph: Graph
    towers: Mapping[str, tuple[str, ...]]


def with_fused_towers(graph: Graph) -> Fused:
    """Return a graph in which one submodule replaces the towers of each group. It declares no devices.

    The result computes the same function with the same numbers of parameters and multiply-accumulates.

    Raises CannotFuse if there is no group of towers, or if one has steps that cannot be fused.
    """
    root = with_nodes(graph.root, lambda node: replace(node, device=None))
    made = replace(graph, root=root, devices=())
    found: dict[str, tuple[str, ...]] = {}
    while towers := next(_groups(made.root), None):
        _require_own_weights(made, towers)
        fusion = Fusion(made, towers)
        made = fusion.graph()
        found[dotted(fusion.path)] = tuple(dotted(tower.path) for tower in towers)
    if not found:
        advice = "write parallel towers as `group tower{0..1} { … }`"
        raise CannotFuse(graph.span, "no group has two towers", advice)
    assert made.root.params == graph.root.params, "weights were lost, or added"
    assert made.root.macs == graph.root.macs
    return Fused(made, found)


def _groups(container: Container) -> Iterator[tuple[Container, ...]]:
    """Yield the towers of each group in a container, inner groups first."""
    run: list[Container] = []
    for child in container.children:
        if isinstance(child, Container):
            yield from _groups(child)
        if not (isinstance(child, Container) and _continues(child, run)):
            yield from [tuple(run)] if len(run) > 1 else []
            run = []
        if isinstance(child, Container) and child.tower is not None:
            run.append(child)
    yield from [tuple(run)] if len(run) > 1 else []


def _continues(child: Container, run: list[Container]) -> bool:
    """Return whether a container is the next tower of the same group."""
    last = run[-1] if run else None
    if last is None or last.tower is None or child.tower is None:
        return False
    return child.tower > last.tower and child.span == last.span


def _require_own_weights(graph: Graph, towers: tuple[Container, ...]) -> None:
    """Raise CannotFuse if a step of a tower is applied more than once."""
    parts: list[Node | Container] = [*graph.root.nodes(), *_containers(graph.root)]
    for part in parts:
        if part.weights and any(under(path, tower) for path in (part.path, part.weights) for tower in towers):
            words = (
                f"`{dotted(part.weights)}` is applied more than once; steps of fused towers can only be applied once"
            )
            raise CannotFuse(part.span, words)


def _containers(container: Container) -> Iterator[Container]:
    for child in container.children:
        if isinstance(child, Container):
            yield child
            yield from _containers(child)
