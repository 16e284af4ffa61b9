"""The costs of the steps of a net: time, weights, results, and the bytes that cross each possible cut.

The time of a step follows the roofline model (Williams, Waterman, Patterson 2009): the time of its arithmetic or of its
memory traffic, whichever is longer. Measured times can replace it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from archdsl.ir.graph import CheckedGraph, Node, Path, dotted
from archdsl.ir.order import in_order

VALUE_BYTES = 4
_INDEX_BYTES = 8


@dataclass(frozen=True, slots=True)
class Machine:
    """The rates of a device.

    Attributes:
        flops: Floating-point operations per second. A multiply-accumulate counts as two.
        memory_rate: Bytes per second between the device and its memory.
        link: Bytes per second between two devices.
    """

    flops: float = 15e12
    memory_rate: float = 1.3e12
    link: float = 12e9


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of one batch. Steps are numbered in the order of execution.

    Attributes:
        paths: The dotted path of each step.
        times: Seconds of each step in a forward pass.
        weights: Bytes of the weights of each step.
        results: Bytes of the result of each step.
        crossing: For each step, and for the end, the bytes of the values that are computed before it and read by it or
            a later step.
        penalties: How undesirable a cut before each step, and at the end, is: the number of submodules that it divides.
            Only compared between cuts that are equal otherwise.
        devices: The number of the device that the author chose for each step, None where the choice is free.
        owners: The number of the step whose weights each step shares, its own number if it has its own.
        edges: For each value, the step that computes it (-1 for an input of the model), the steps that read it, and its
            size in bytes.
    """

    paths: tuple[str, ...]
    times: tuple[float, ...]
    weights: tuple[int, ...]
    results: tuple[int, ...]
    crossing: tuple[int, ...]
    penalties: tuple[int, ...]
    devices: tuple[int | None, ...]
    owners: tuple[int, ...]
    edges: tuple[tuple[int, tuple[int, ...], int], ...]


def costs(
    graph: CheckedGraph, *, batch: int = 32, machine: Machine = Machine(), profile: Mapping[str, float] | None = None
) -> Costs:
    """Return the costs of the steps of a net.

    Args:
        graph: The model in its source form.
        batch: Number of samples in a batch.
        machine: The rates of the devices.
        profile: Measured seconds of a forward pass, by the dotted path of a step or submodule.
    """
    nodes = in_order(graph.nodes)
    numbers = {node.path: number for number, node in enumerate(nodes)}
    owners = tuple(numbers[node.weights] if node.weights else number for number, node in enumerate(nodes))
    results = tuple(node.shape.plain().volume * batch * VALUE_BYTES for node in nodes)
    edges = tuple(_edges(graph, nodes, numbers, results, batch))
    names = list(graph.devices)
    chosen = [names.index(node.device) if node.device else None for node in nodes]
    roofline = tuple(_seconds(node, batch, machine) for node in nodes)
    return Costs(
        paths=tuple(dotted(node.path) for node in nodes),
        times=_profiled(nodes, roofline, profile) if profile else roofline,
        weights=tuple(node.params * VALUE_BYTES for node in nodes),
        results=results,
        crossing=crossing(edges, len(nodes)),
        penalties=_depths(nodes),
        devices=tuple(chosen[owner] for owner in owners),
        owners=owners,
        edges=edges,
    )


def crossing(edges: tuple[tuple[int, tuple[int, ...], int], ...], steps: int) -> tuple[int, ...]:
    """Return the bytes of the values that cross each place before a step, and the end; `edges` as in Costs."""
    found = [0] * (steps + 1)
    for start, readers, size in edges:
        for place in range(start + 1, max(readers) + 1):
            found[place] += size
    return tuple(found)


def _depths(nodes: tuple[Node, ...]) -> tuple[int, ...]:
    """Return, for each place between two steps, the number of submodules that contain both; 0 at both ends."""
    found = [0]
    for before, after in pairwise(nodes):
        pairs = zip(before.path, after.path, strict=False)
        found.append(next((depth for depth, (one, other) in enumerate(pairs) if one != other), 0))
    return (*found, 0)


def _edges(
    graph: CheckedGraph, nodes: tuple[Node, ...], numbers: Mapping[Path, int], results: tuple[int, ...], batch: int
) -> list[tuple[int, tuple[int, ...], int]]:
    """Return the edges of Costs."""
    readers: dict[Path, list[int]] = {}
    for number, node in enumerate(nodes):
        for source in node.sources:
            readers.setdefault(source, []).append(number)
    sizes = {
        given.path: given.shape.plain().volume * batch * (VALUE_BYTES if graph.indices(given) is None else _INDEX_BYTES)
        for given in graph.inputs
    }
    found = []
    for path, reading in readers.items():
        number = numbers.get(path, -1)
        found.append((number, tuple(reading), sizes[path] if number < 0 else results[number]))
    return sorted(found)


def _seconds(node: Node, batch: int, machine: Machine) -> float:
    """Return the seconds of a step in a forward pass, by the roofline model."""
    values = sum(shape.plain().volume for shape in node.inputs) + node.shape.plain().volume
    traffic = (values * batch + node.params) * VALUE_BYTES
    return max(2 * node.macs * batch / machine.flops, traffic / machine.memory_rate)


def _profiled(nodes: tuple[Node, ...], roofline: tuple[float, ...], profile: Mapping[str, float]) -> tuple[float, ...]:
    """Return measured seconds. The time of a submodule is divided in proportion to the roofline times of its steps."""
    owners = [_measured(node, profile) for node in nodes]
    totals: dict[str, float] = {}
    for owner, seconds in zip(owners, roofline, strict=True):
        totals[owner] = totals.get(owner, 0) + seconds
    return tuple(
        profile[owner] * seconds / totals[owner] if owner else seconds
        for owner, seconds in zip(owners, roofline, strict=True)
    )


def _measured(node: Node, profile: Mapping[str, float]) -> str:
    """Return the path of a step or of the innermost submodule around it that was measured; empty if none was."""
    for depth in range(len(node.path), 0, -1):
        name = dotted(node.path[:depth])
        if name in profile:
            return name
    return ""
