"""Device assignment: gives every step of a graph a device."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from archdsl.ir.graph import CheckedGraph, CountedGraph, Node, Path, dotted
from archdsl.ir.order import in_order
from archdsl.ir.tree import with_devices, with_nodes

_Graph = TypeVar("_Graph", bound=CountedGraph)


def assigned(graph: _Graph) -> _Graph:
    """Return a graph in which every step has a device, or none has if the model declares no devices.

    A step without a device of its own runs on the device of its first input. If that is an input of the model, it runs
    on the first device. A step that shares weights runs on the device of the step that has them.
    """
    devices = graph.devices
    if not devices:
        return graph
    found: dict[Path, str] = {}
    for node in in_order(graph.nodes):
        found[node.path] = _device(node, found, devices[0])
    return with_devices(graph, with_nodes(graph.root, lambda node: replace(node, device=found[node.path])), devices)


def _device(node: Node, found: Mapping[Path, str], first: str) -> str:
    if node.weights:
        return found[node.weights]
    return node.device or found.get(node.sources[0], first)


def placed(graph: CheckedGraph, devices: Mapping[str, str]) -> CheckedGraph:
    """Return a graph whose steps are on the given devices. Steps that have a device in the source keep it.

    Args:
        graph: The model in its source form.
        devices: The device of each step, by the dotted path of the step.

    The result declares the devices of the model first, then the new ones.
    """
    names = tuple(dict.fromkeys((*graph.devices, *devices.values())))
    root = with_nodes(graph.root, lambda node: replace(node, device=node.device or devices[dotted(node.path)]))
    return with_devices(graph, root, names)
