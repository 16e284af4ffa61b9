"""The order of execution."""

from collections.abc import Iterable

from archdsl.ir.graph import Node, Path


def in_order(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return nodes such that each comes after what it reads, which the towers of a group do not by themselves."""
    known = {node.path: node for node in nodes}
    found: dict[Path, Node] = {}
    for node in known.values():
        stack = [node]
        while stack:
            waiting = [known[source] for source in stack[-1].sources if source in known and source not in found]
            if waiting:
                stack += reversed(waiting)
                continue
            last = stack.pop()
            found.setdefault(last.path, last)
    return tuple(found.values())
