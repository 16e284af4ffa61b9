"""Functions that rebuild the tree of a graph."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from archdsl.ir.graph import Container, CountedGraph, Node

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
