"""What the steps of a net cost: time, weights, results, and what flows over each place where it could be cut.

The time of a step is that of a roofline (Williams, Waterman, Patterson 2009): its arithmetic or its memory traffic,
whichever takes longer. Measured times can stand in its place.
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
    """A device: multiply-accumulates count as two operations; rates are per second, `link` is between two devices."""

    flops: float = 15e12
    memory_rate: float = 1.3e12
    link: float = 12e9


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs by the number of a step, in the order of execution, for one batch.

    `times` are seconds of a forward pass, `weights` and `results` bytes. `crossing[i]` are the bytes of all values that
    are computed before step i and read by it or after it, `depths[i]` the submodules that a cut before step i is in.
    `devices` are the devices that the author chose, None where the choice is free; `owners` are the steps whose weights
    a step shares, itself if none. `edges` lead from the step that computes a value, -1 for an input, to those that read
    it.
    """

    paths: tuple[str, ...]
    times: tuple[float, ...]
    weights: tuple[int, ...]
    results: tuple[int, ...]
    crossing: tuple[int, ...]
    depths: tuple[int, ...]
    devices: tuple[int | None, ...]
    owners: tuple[int, ...]
    edges: tuple[tuple[int, tuple[int, ...], int], ...]


def costs(
    graph: CheckedGraph, *, batch: int = 32, machine: Machine = Machine(), profile: Mapping[str, float] | None = None
) -> Costs:
    """Return the costs of a net's steps; `profile` gives seconds for the paths of steps or of submodules."""
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
        depths=_depths(nodes),
        devices=tuple(chosen[owner] for owner in owners),
        owners=owners,
        edges=edges,
    )


def crossing(edges: tuple[tuple[int, tuple[int, ...], int], ...], steps: int) -> tuple[int, ...]:
    """Return the bytes that flow over each place before a step, and after the last one."""
    found = [0] * (steps + 1)
    for start, readers, size in edges:
        for place in range(start + 1, max(readers) + 1):
            found[place] += size
    return tuple(found)


def _depths(nodes: tuple[Node, ...]) -> tuple[int, ...]:
    """Return how many submodules hold both neighbours of each place, which is 0 at both ends."""
    found = [0]
    for before, after in pairwise(nodes):
        pairs = zip(before.path, after.path, strict=False)
        found.append(next((depth for depth, (one, other) in enumerate(pairs) if one != other), 0))
    return (*found, 0)


def _edges(
    graph: CheckedGraph, nodes: tuple[Node, ...], numbers: Mapping[Path, int], results: tuple[int, ...], batch: int
) -> list[tuple[int, tuple[int, ...], int]]:
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
    values = sum(shape.plain().volume for shape in node.inputs) + node.shape.plain().volume
    traffic = (values * batch + node.params) * VALUE_BYTES
    return max(2 * node.macs * batch / machine.flops, traffic / machine.memory_rate)


def _profiled(nodes: tuple[Node, ...], roofline: tuple[float, ...], profile: Mapping[str, float]) -> tuple[float, ...]:
    """Return measured times; the time of a submodule is shared among its steps as the roofline would have it."""
    owners = [_measured(node, profile) for node in nodes]
    totals: dict[str, float] = {}
    for owner, seconds in zip(owners, roofline, strict=True):
        totals[owner] = totals.get(owner, 0) + seconds
    return tuple(
        profile[owner] * seconds / totals[owner] if owner else seconds
        for owner, seconds in zip(owners, roofline, strict=True)
    )


def _measured(node: Node, profile: Mapping[str, float]) -> str:
    """Return the path that a step's time is known by: its own, or the nearest submodule around it."""
    for depth in range(len(node.path), 0, -1):
        name = dotted(node.path[:depth])
        if name in profile:
            return name
    return ""
