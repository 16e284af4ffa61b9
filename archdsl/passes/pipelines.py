"""The orders of passes, as data."""

from collections.abc import Callable
from typing import TypeAlias

from archdsl.ir.graph import CheckedGraph
from archdsl.passes.assign import assigned
from archdsl.passes.moves import with_moves

Pass: TypeAlias = Callable[[CheckedGraph], CheckedGraph]

# Devices first: a move leads from one to another.
BUILD: tuple[Pass, ...] = (assigned, with_moves)


def lowered(graph: CheckedGraph) -> CheckedGraph:
    """Return the graph that is drawn, reported on and turned into code: with devices and the moves between them."""
    for each in BUILD:
        graph = each(graph)
    return graph
