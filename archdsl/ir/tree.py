"""Rebuilds the tree of a graph."""

from collections.abc import Callable
from dataclasses import replace

from archdsl.ir.graph import CheckedGraph, Container, Node


def with_nodes(container: Container, change: Callable[[Node], Node]) -> Container:
    """Return a container with every operator within replaced."""
    children = tuple(
        change(child) if isinstance(child, Node) else with_nodes(child, change) for child in container.children
    )
    return replace(container, children=children)


def with_root(graph: CheckedGraph, root: Container) -> CheckedGraph:
    """Return a graph with another tree."""
    return replace(graph, graph=replace(graph.graph, root=root))
