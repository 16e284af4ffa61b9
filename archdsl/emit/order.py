"""The order of the steps of `forward`."""

from collections.abc import Iterator
from itertools import groupby, zip_longest
from typing import TypeAlias

from archdsl.emit.dataflow import Dataflow
from archdsl.ir.graph import Container, Node, Path
from archdsl.ir.order import topological
from archdsl.passes.transfers import is_move

# A step of `forward`, and the labels of the towers that it is in, outermost first.
PlacedStep: TypeAlias = tuple[Node | Container, tuple[str, ...]]


def made(child: Node | Container) -> tuple[Path, ...]:
    """Return the tensors that a step computes. A tensor that a submodule returns unchanged is not among them."""
    if isinstance(child, Container) and child.output[: len(child.path)] == child.path:
        return (child.path, child.output)
    return (child.path,)


def runs_in(child: Node | Container, paths: frozenset[Path]) -> bool:
    """Return whether all operators of a step have one of these paths."""
    return paths.issuperset((child.path,) if isinstance(child, Node) else (node.path for node in child.nodes()))


def interleaved(steps: list[PlacedStep], flow: Dataflow) -> list[PlacedStep]:
    """Return steps with the layers of neighbouring towers in turns, so that all devices have work early.

    The moves that the layers of a turn read come before the first of these layers.
    """
    moves = {step[0].path: step for step in steps if is_move(step[0])}
    found: dict[Path, PlacedStep] = {}

    def enter(step: PlacedStep) -> None:
        for path in _reads(step[0], flow):
            if path in moves:
                found.setdefault(path, moves[path])

    for turn in _turns([step for step in steps if not is_move(step[0])]):
        for layer in turn:
            enter(layer[0])
        for step in (step for layer in turn for step in layer):
            enter(step)
            found[step[0].path] = step
    return [*found.values()]


def _turns(steps: list[PlacedStep]) -> Iterator[list[list[PlacedStep]]]:
    """Yield steps in groups of layers, one from each tower; a step outside towers is a layer of its own."""
    for _, group in groupby(steps, lambda step: step[1][:-1] if step[1] else None):
        towers: dict[tuple[str, ...], list[list[PlacedStep]]] = {}
        for step in group:
            layers = towers.setdefault(step[1], [])
            if not layers or not step[1] or _begins(step[0]):
                layers.append([])
            layers[-1].append(step)
        for turn in zip_longest(*towers.values()):
            yield [layer for layer in turn if layer]


def _reads(child: Node | Container, flow: Dataflow) -> tuple[Path, ...]:
    """Return the tensors that the statement of a step reads. A twin only passes on the tensor of the other step."""
    if child.path in flow.twins:
        return (flow.twins[child.path],)
    return child.sources if isinstance(child, Node) else tuple(path for _, path in flow.inputs(child))


def _begins(child: Node | Container) -> bool:
    """Return whether a layer begins with a step, because it has weights or several inputs."""
    return isinstance(child, Container) or child.answers.params > 0 or len(child.sources) > 1


def in_order(steps: list[PlacedStep], flow: Dataflow) -> list[PlacedStep]:
    """Return steps sorted so that each comes after the steps that it reads; the order is kept where possible."""
    makers = {path: number for number, (child, _) in enumerate(steps) for path in made(child)}
    reads = [[makers[path] for path in _reads(child, flow) if path in makers] for child, _ in steps]
    return [steps[number] for number in topological(reads)]
