"""The form of a graph that code is generated from, and the sequence of passes that makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.ir.graph import CheckedGraph, CountedGraph, Graph, Input, Node
from archdsl.ir.order import in_order
from archdsl.passes.assign import assigned


@dataclass(frozen=True, slots=True)
class LoweredGraph(CountedGraph):
    """A model, or the part of it that one process runs, in the form that code is generated from.

    If the graph declares devices, every step has a device and reads only values on this device: a Move copies a value
    that another device computes.

    Attributes:
        without_moves: The same graph before moves were inserted.
        order: All nodes in an order of execution.
        fused: For each submodule that was made of several towers, the paths of the towers. The weights of the submodule
            are those of the towers, concatenated along the first axis in this order.
    """

    without_moves: CountedGraph
    order: tuple[Node, ...]
    fused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def indices(self, given: Input) -> int | None:
        """Return the number of different indices that an input may hold, None if it holds real numbers."""
        # The steps that read the input decide this, and in the lowered graph they may read a Move instead.
        return self.without_moves.indices(given)


# Public functions accept both forms: `lowered` leaves a lowered graph as it is, so a command can lower once.
Buildable: TypeAlias = CheckedGraph | LoweredGraph


def lowered(graph: Buildable, *, fuse_towers: bool = False) -> LoweredGraph:
    """Return a graph in the form of a build.

    The passes run in this order: fuse towers (if asked for, which also removes devices), assign a device to every step,
    insert moves between devices. A graph that is lowered already is returned unchanged, without further fusion.

    Raises archdsl.passes.alike.CannotFuse if `fuse_towers` is set and there are no towers, or they cannot be fused.
    """
    if isinstance(graph, LoweredGraph):
        return graph
    counted: CountedGraph = graph
    fused: Mapping[str, tuple[str, ...]] = {}
    if fuse_towers:
        # Imported late, as in `_lowered`: reports import this module and need neither.
        from archdsl.passes.fuse import with_fused_towers

        found = with_fused_towers(graph.graph)
        counted, fused = CountedGraph(found.graph, graph.params, graph.macs), found.towers
    return _lowered(assigned(counted), fused)


def before_moves(graph: Buildable) -> CountedGraph:
    """Return a graph in which every step has a device, without moves. Reports show this form."""
    return graph.without_moves if isinstance(graph, LoweredGraph) else assigned(graph)


def lowered_part(graph: Graph) -> LoweredGraph:
    """Return the part of a model that runs in one process, on one device, in the form of a build.

    Its totals are sums over its own steps.
    """
    assert not graph.devices
    return _lowered(CountedGraph(graph, graph.root.params, graph.root.macs), {})


def _lowered(counted: CountedGraph, fused: Mapping[str, tuple[str, ...]]) -> LoweredGraph:
    from archdsl.passes.moves import with_moves

    moved = with_moves(counted.graph)
    return LoweredGraph(moved, counted.params, counted.macs, counted, in_order(moved.nodes), fused)
