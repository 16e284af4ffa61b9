"""The order of the steps of `forward`."""

from archdsl.emit.dataflow import Dataflow
from archdsl.ir import Container, Node, Path


def made(child: Node | Container) -> tuple[Path, ...]:
    """Return the values that a step makes; what it hands on is none of them if it comes from outside."""
    if isinstance(child, Container) and child.output[: len(child.path)] == child.path:
        return (child.path, child.output)
    return (child.path,)


def runs_in(child: Node | Container, paths: frozenset[Path]) -> bool:
    """Whether all operators of a step are among these."""
    return paths.issuperset((child.path,) if isinstance(child, Node) else (node.path for node in child.nodes()))


def in_order(
    places: list[tuple[Node | Container, tuple[str, ...]]], flow: Dataflow
) -> list[tuple[Node | Container, tuple[str, ...]]]:
    """Return steps such that each comes after what it reads, else in the order that they have."""
    makers = {path: number for number, (child, _) in enumerate(places) for path in made(child)}
    found: list[int] = []
    done: set[int] = set()

    def reads(number: int) -> list[int]:
        child = places[number][0]
        paths = child.sources if isinstance(child, Node) else [path for _, path in flow.inputs(child)]
        return [makers[path] for path in paths if path in makers]

    for number in range(len(places)):
        stack = [number]
        while stack:
            top = stack[-1]
            waiting = [other for other in reads(top) if other not in done and other != top]
            if waiting:
                stack += reversed(waiting)
                continue
            stack.pop()
            if top not in done:
                done.add(top)
                found.append(top)
    return [places[number] for number in found]
