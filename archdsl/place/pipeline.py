"""Deals a net out to the stages of a pipeline: as its devices say, or by dynamic programming over what stays whole."""

from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise
from math import inf

from archdsl.ir.graph import CheckedGraph, Container, Path, dotted
from archdsl.passes.assign import assigned
from archdsl.passes.stages import Unit, units
from archdsl.place.costs import Costs, Machine, costs


class TooFewUnits(Exception):
    """A net has fewer parts that can be dealt out than there are stages; `count` says how many."""

    def __init__(self, count: int) -> None:
        super().__init__(f"only {count} parts can be stages of their own")
        self.count = count


class NotInStages(Exception):
    """The devices of a net are no stages of a pipeline; the text says which part is in the way."""


def by_devices(graph: CheckedGraph) -> tuple[tuple[Unit, ...], ...]:
    """Return the units of each stage, a stage for each device that steps are on, in the order of execution.

    A block that is on several devices is cut open.

    Raises NotInStages where something that no pipeline cuts is on several devices, where the net goes back to a device
    that it has left, and where all of it is on one.
    """
    placed = assigned(graph)
    device_of = {node.path: node.device or "" for node in placed.nodes}
    found: list[tuple[str, Unit]] = []
    for unit in units(placed, _on_several(placed.root)):
        devices = dict.fromkeys(device_of[path] for path in unit.nodes)
        if len(devices) > 1:
            names = f"{', '.join(list(devices)[:-1])} and {list(devices)[-1]}"
            raise NotInStages(f"what begins at `{dotted(unit.path)}` is on {names} and cannot be cut")
        found.append((next(iter(devices)), unit))
    stages = [(device, [unit for _, unit in some]) for device, some in groupby(found, key=lambda pair: pair[0])]
    for number, (device, some) in enumerate(stages):
        if device in (other for other, _ in stages[:number]):
            raise NotInStages(f"`{dotted(some[0].path)}` goes back to {device}")
    if len(stages) < 2:
        raise NotInStages(f"all steps are on {stages[0][0]}")
    return tuple(tuple(some) for _, some in stages)


def _on_several(container: Container) -> list[Path]:
    """Return the submodules that are on several devices."""
    found: list[Path] = []
    for child in container.children:
        if isinstance(child, Container) and len({node.device for node in child.nodes()}) > 1:
            found += [child.path, *_on_several(child)]
    return found


def dealt(
    graph: CheckedGraph,
    stages: int,
    *,
    batch: int = 32,
    machine: Machine = Machine(),  # noqa: B008
) -> tuple[tuple[Unit, ...], ...]:
    """Return the units of each stage, such that the slowest stage or the busiest link is as fast as possible.

    A block is cut open where its time is more than half of a stage's fair share.

    Raises TooFewUnits where there are not as many units as stages.
    """
    found = costs(graph, batch=batch, machine=machine)
    times = dict(zip(found.paths, found.times, strict=True))
    share = sum(found.times) / stages / 2
    chosen = units(graph, _large(graph.root, times, share))
    if len(chosen) < stages:
        chosen = units(graph, _large(graph.root, times, 0))
    if len(chosen) < stages:
        raise TooFewUnits(len(chosen))
    weights = dict(zip(found.paths, found.weights, strict=True))
    starts = [any(weights[dotted(path)] for path in unit.nodes) for unit in chosen]
    bounds = best_bounds(_loads(chosen, times), _flows(chosen, found, machine), starts, stages)
    return tuple(chosen[start:end] for start, end in pairwise(bounds))


def _large(container: Container, times: dict[str, float], share: float) -> list[Path]:
    """Return the submodules that take longer than a share."""
    found: list[Path] = []
    for child in container.children:
        if isinstance(child, Container) and sum(times[dotted(node.path)] for node in child.nodes()) > share:
            found += [child.path, *_large(child, times, share)]
    return found


def _loads(chosen: Sequence[Unit], times: dict[str, float]) -> list[float]:
    """Return the seconds of each unit."""
    return [sum(times[dotted(path)] for path in unit.nodes) for unit in chosen]


def _flows(chosen: Sequence[Unit], found: Costs, machine: Machine) -> list[float]:
    """Return the seconds that it takes to send what flows over the place before each unit."""
    numbers = {path: number for number, path in enumerate(found.paths)}
    owner = {numbers[dotted(path)]: place for place, unit in enumerate(chosen) for path in unit.nodes}
    flows = [0.0] * len(chosen)
    for start, readers, size in found.edges:
        # What comes in is handed on from the first stage.
        first = owner[start] if start >= 0 else 0
        for place in range(first + 1, max(owner[reader] for reader in readers) + 1):
            flows[place] += size / machine.link
    return flows


def best_bounds(loads: Sequence[float], flows: Sequence[float], starts: Sequence[bool], stages: int) -> list[int]:
    """Return the numbers of the first unit of each stage, and the number of units.

    Of equally fast stages those are taken that send less, and then those that begin with weights, as `starts` says.
    """
    sums = [0.0, *accumulate(loads)]
    worst = (inf, inf, len(loads))
    best = [(0.0, 0.0, 0), *([worst] * len(loads))]
    tables: list[list[int]] = []
    for _ in range(stages):
        after, chosen = [worst] * len(best), [0] * len(best)
        for end in range(1, len(best)):
            for start in range(end):
                slowest, sent, untidy = best[start]
                load = max(slowest, sums[end] - sums[start], flows[start])
                value = (load, sent + flows[start], untidy + (not starts[start]))
                if value < after[end]:
                    after[end], chosen[end] = value, start
        best = after
        tables.append(chosen)
    bounds = [len(loads)]
    for chosen in reversed(tables):
        bounds.append(chosen[bounds[-1]])
    return bounds[::-1]
