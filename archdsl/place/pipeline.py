"""The units of each pipeline stage: by the devices of the net, or by dynamic programming over units."""

from collections.abc import Sequence
from itertools import groupby

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Refusal
from archdsl.ir.graph import CheckedGraph, Container, Path, dotted
from archdsl.passes.lowering import Buildable, before_moves
from archdsl.passes.pipeline_stages import Unit, units
from archdsl.place.costs import Costs, Machine, costs, crossing
from archdsl.place.cut import cut


class TooFewUnits(Refusal):
    """A net has fewer units than stages."""

    def __init__(self, span: Span, count: int, stages: int) -> None:
        words = f"{stages} stages, and only {count} {'parts' if count > 1 else 'part'} can be stages of their own"
        help = f"use --stages {count}" if count > 1 else "leave out --parallel pipeline"
        super().__init__(codes.NO_STAGES, span, words, help)


class NotInStages(Refusal):
    """The devices of a net do not form the stages of a pipeline."""

    def __init__(self, span: Span, words: str) -> None:
        help = "give the number of stages with --stages, which ignores the devices"
        super().__init__(codes.NO_STAGES, span, words, help)


def by_devices(graph: Buildable) -> tuple[tuple[Unit, ...], ...]:
    """Return the units of each stage, with one stage for each device of the net, in the order of execution.

    A block on several devices is divided.

    Raises NotInStages if a unit is on several devices, if the net returns to a device after another one, or if all
    steps are on one device.
    """
    placed = before_moves(graph)
    device_of = {node.path: node.device or "" for node in placed.nodes}
    span_of = {node.path: node.span for node in placed.nodes}
    found: list[tuple[str, Unit]] = []
    for unit in units(placed, _on_several(placed.root)):
        devices = dict.fromkeys(device_of[path] for path in unit.nodes)
        if len(devices) > 1:
            names = f"{', '.join(list(devices)[:-1])} and {list(devices)[-1]}"
            words = f"the part that begins at `{dotted(unit.path)}` is on {names} and cannot be cut"
            raise NotInStages(span_of[unit.nodes[0]], words)
        found.append((next(iter(devices)), unit))
    stages = [(device, [unit for _, unit in some]) for device, some in groupby(found, key=lambda pair: pair[0])]
    for number, (device, some) in enumerate(stages):
        if device in (other for other, _ in stages[:number]):
            raise NotInStages(span_of[some[0].nodes[0]], f"`{dotted(some[0].path)}` returns to {device}")
    if len(stages) < 2:
        raise NotInStages(placed.span, f"all steps are on {stages[0][0]}")
    return tuple(tuple(some) for _, some in stages)


def _on_several(container: Container) -> list[Path]:
    """Return the paths of the submodules that are on several devices."""
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
    """Return the units of each stage, such that the bottleneck is as fast as possible.

    Among equally fast partitions, the one that sends the fewest bytes is best, then the one with the most stages that
    begin with a layer with weights. A block is divided if it takes more than half of a stage's fair share of the time.

    Raises TooFewUnits if there are fewer units than stages.
    """
    found = costs(graph, batch=batch, machine=machine)
    times = dict(zip(found.paths, found.times, strict=True))
    share = sum(found.times) / stages / 2
    chosen = units(graph, _large(graph.root, times, share))
    if len(chosen) < stages:
        chosen = units(graph, _large(graph.root, times, 0))
    if len(chosen) < stages:
        raise TooFewUnits(graph.span, len(chosen), stages)
    partition = cut(of_units(found, chosen), stages, link=machine.link, schedule="inference", exactly=True)
    pairs = zip(partition.stages, chosen, strict=True)
    return tuple(tuple(unit for _, unit in some) for _, some in groupby(pairs, key=lambda pair: pair[0]))


def _large(container: Container, times: dict[str, float], share: float) -> list[Path]:
    """Return the paths of the submodules that take more than `share` seconds."""
    found: list[Path] = []
    for child in container.children:
        if isinstance(child, Container) and sum(times[dotted(node.path)] for node in child.nodes()) > share:
            found += [child.path, *_large(child, times, share)]
    return found


def of_units(found: Costs, chosen: Sequence[Unit]) -> Costs:
    """Return the costs of a net whose steps are units. A cut before a unit without weights has a penalty.

    The author's devices are left out: the number of stages is given, and the units run on them in order.
    """
    numbers = {path: number for number, path in enumerate(found.paths)}
    members = [[numbers[dotted(path)] for path in unit.nodes] for unit in chosen]
    owner = {number: place for place, some in enumerate(members) for number in some} | {-1: -1}
    edges = tuple(
        (owner[source], tuple(map(owner.__getitem__, reading)), size) for source, reading, size in found.edges
    )
    weights = tuple(sum(found.weights[step] for step in some) for some in members)
    return Costs(
        paths=tuple(dotted(unit.path) for unit in chosen),
        times=tuple(sum(found.times[step] for step in some) for some in members),
        weights=weights,
        results=tuple(sum(found.results[step] for step in some) for some in members),
        crossing=crossing(edges, len(chosen)),
        penalties=(*(int(not size) for size in weights), 0),
        devices=(None,) * len(chosen),
        owners=tuple(range(len(chosen))),
        edges=edges,
    )
