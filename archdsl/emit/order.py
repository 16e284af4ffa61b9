"""The order of the steps of `forward`."""

from collections.abc import Iterator
from itertools import groupby, zip_longest
from typing import TypeAlias

from archdsl.emit.dataflow import Dataflow
from archdsl.ir.graph import Container, Node, Path
from archdsl.ir.order import topological
from archdsl.passes.transfers import is_move

# A step, and the names of the lanes that it stands in.
Place: TypeAlias = tuple[Node | Container, tuple[str, ...]]


def made(child: Node | Container) -> tuple[Path, ...]:
    """Return the values that a step makes; what it hands on is none of them if it comes from outside."""
    if isinstance(child, Container) and child.output[: len(child.path)] == child.path:
        return (child.path, child.output)
    return (child.path,)


def runs_in(child: Node | Container, paths: frozenset[Path]) -> bool:
    """Whether all operators of a step are among these."""
    return paths.issuperset((child.path,) if isinstance(child, Node) else (node.path for node in child.nodes()))


def interleaved(places: list[Place], flow: Dataflow) -> list[Place]:
    """Return steps with those of neighbouring lanes in turns, a layer of each, so that all devices have work early.

    What the layers of a turn begin with is moved before the first of them.
    """
    moves = {place[0].path: place for place in places if is_move(place[0])}
    found: dict[Path, Place] = {}

    def enter(step: Place) -> None:
        for path in _reads(step[0], flow):
            if path in moves:
                found.setdefault(path, moves[path])

    for turn in _turns([place for place in places if not is_move(place[0])]):
        for layer in turn:
            enter(layer[0])
        for step in (step for layer in turn for step in layer):
            enter(step)
            found[step[0].path] = step
    return [*found.values()]


def _turns(steps: list[Place]) -> Iterator[list[list[Place]]]:
    """Yield steps in groups of layers, one from each lane; what stands in no lane is a layer of its own."""
    for _, group in groupby(steps, lambda step: step[1][:-1] if step[1] else None):
        lanes: dict[tuple[str, ...], list[list[Place]]] = {}
        for step in group:
            layers = lanes.setdefault(step[1], [])
            if not layers or not step[1] or _begins(step[0]):
                layers.append([])
            layers[-1].append(step)
        for turn in zip_longest(*lanes.values()):
            yield [layer for layer in turn if layer]


def _reads(child: Node | Container, flow: Dataflow) -> tuple[Path, ...]:
    return child.sources if isinstance(child, Node) else tuple(path for _, path in flow.inputs(child))


def _begins(child: Node | Container) -> bool:
    """Whether a layer begins with a step: what has weights, or takes several streams."""
    return isinstance(child, Container) or child.op.params(child.input.plain()) > 0 or len(child.sources) > 1


def in_order(places: list[Place], flow: Dataflow) -> list[Place]:
    """Return steps such that each comes after what it reads, else in the order that they have."""
    makers = {path: number for number, (child, _) in enumerate(places) for path in made(child)}
    reads = [[makers[path] for path in _reads(child, flow) if path in makers] for child, _ in places]
    return [places[number] for number in topological(reads)]
