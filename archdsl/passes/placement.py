"""Gives steps the devices that a placement has found for them."""

from collections.abc import Mapping
from dataclasses import replace

from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.ir.tree import with_nodes, with_root


def placed(graph: CheckedGraph, devices: Mapping[str, str]) -> CheckedGraph:
    """Return a graph whose steps are on these devices, by their paths; those that the net places stay where they are.

    The graph declares its own devices first, then those that are new.
    """
    names = tuple(dict.fromkeys((*graph.devices, *devices.values())))
    root = with_nodes(graph.root, lambda node: replace(node, device=node.device or devices[dotted(node.path)]))
    found = with_root(graph, root)
    return replace(found, graph=replace(found.graph, devices=names))
