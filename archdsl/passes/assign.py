"""Gives every step a device: its own, or that of the first stream that it reads."""

from collections.abc import Mapping
from dataclasses import replace

from archdsl.ir.graph import CheckedGraph, Node, Path
from archdsl.ir.order import in_order
from archdsl.ir.tree import with_nodes, with_root


def assigned(graph: CheckedGraph) -> CheckedGraph:
    """Return a graph in which every step has a device, or none has if the model declares no devices.

    What reads only what comes in runs on the first device; a module that is applied once more runs where its weights
    are.
    """
    devices = graph.devices
    if not devices:
        return graph
    found: dict[Path, str] = {}
    for node in in_order(graph.nodes):
        found[node.path] = _device(node, found, devices[0])
    return with_root(graph, with_nodes(graph.root, lambda node: replace(node, device=found[node.path])))


def _device(node: Node, found: Mapping[Path, str], first: str) -> str:
    if node.weights:
        return found[node.weights]
    return node.device or found.get(node.sources[0], first)
