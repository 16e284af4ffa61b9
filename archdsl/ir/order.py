"""The order of execution."""

from collections.abc import Iterable, Sequence

from archdsl.ir.graph import Node


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return nodes in an order of execution: each after the nodes that it reads or shares weights with.

    The order of the source is kept where possible. It differs where towers exchange streams: the source lists one tower
    after another.
    """
    listed = tuple(nodes)
    numbers = {node.path: number for number, node in enumerate(listed)}
    needed = ((*node.sources, *([node.weights] if node.weights else [])) for node in listed)
    reads = [[numbers[path] for path in paths if path in numbers] for paths in needed]
    return tuple(listed[number] for number in topological(reads))


def topological(reads: Sequence[Sequence[int]]) -> list[int]:
    """Return the numbers 0 to n - 1 such that each comes after the numbers that it reads.

    Args:
        reads: For each number, the numbers that must come before it. The graph is acyclic, apart from numbers that read
            themselves.

    The sort is a depth-first search from 0 upwards: a number moves forward only as far as its first reader.
    """
    found: list[int] = []
    done: set[int] = set()
    for number in range(len(reads)):
        stack = [number]
        while stack:
            top = stack[-1]
            waiting = [other for other in reads[top] if other not in done and other != top]
            if waiting:
                stack += reversed(waiting)
                continue
            stack.pop()
            if top not in done:
                done.add(top)
                found.append(top)
    return found
