"""Functions on the tree of a graph: rebuild it, and translate shapes between its blocks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from archdsl.base.shape import Shape
from archdsl.ir.graph import Container, CountedGraph, Node, Path
from archdsl.ir.uses import Use

_Graph = TypeVar("_Graph", bound=CountedGraph)


def with_nodes(container: Container, change: Callable[[Node], Node]) -> Container:
    """Return a container in which `change` has replaced every operator."""
    children = tuple(
        change(child) if isinstance(child, Node) else with_nodes(child, change) for child in container.children
    )
    return replace(container, children=children)


def with_devices(graph: _Graph, root: Container, devices: tuple[str, ...]) -> _Graph:
    """Return a graph with these devices, and with a tree that differs only in the devices of its nodes.

    Shapes, parameters and multiply-accumulates stay the same, so a checked graph stays a checked graph.
    """
    return replace(graph, graph=replace(graph.graph, root=root, devices=devices))


def uses_of(container: Container) -> dict[Path, Use]:
    """Return the uses of blocks in a container, by the path of the submodule."""
    found = {container.path: container.use} if container.use else {}
    for child in container.children:
        if isinstance(child, Container):
            found |= uses_of(child)
    return found


def outside(uses: Mapping[Path, Use], path: Path, place: Path, shape: Shape) -> Shape:
    """Return a shape that a step sees, in the parameters of a submodule around it.

    Args:
        uses: The uses of blocks around the step.
        path: The path of the step.
        place: The path of the submodule.
        shape: The shape in the parameters of the block that the step is in.
    """
    for length in range(len(path) - 1, len(place), -1):
        use = uses.get(path[:length])
        shape = use.outside(shape) if use else shape
    return shape
