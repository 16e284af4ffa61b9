"""The axes of an input that hold pixels or steps."""

from archdsl.base.role import Role
from archdsl.ir.graph import CountedGraph, Input, Path
from archdsl.ir.order import in_order


def position_axes(graph: CountedGraph, given: Input) -> tuple[int, ...]:
    """Return the axes of an input that hold pixels or steps.

    Indices are steps along all axes. The axes of a plain input mean what the first operator assumes that reads them as
    those of a map or a sequence; if there is none, the input has no such axes.
    """
    role, rank = graph.role(given.path), given.shape.rank
    if graph.indices(given) is not None:
        return tuple(range(rank))
    return role.position_axes(rank) if role is not Role.PLAIN else _by_reader(graph, given)


def _by_reader(graph: CountedGraph, given: Input) -> tuple[int, ...]:
    """Return the axes that hold positions for the first operator that reads the axes of an input in some role."""
    # For each result whose axes are those of the input, their numbers there.
    known: dict[Path, tuple[int, ...]] = {given.path: tuple(range(given.shape.rank))}
    for node in in_order(graph.nodes):
        axes = known.get(node.sources[0]) if node.sources else None
        if axes is None:
            continue
        if node.op.roles.reads is not None:
            return tuple(axes[axis] for axis in node.op.roles.reads.position_axes(len(axes)))
        dependence = node.op.input_dependence(node.inputs, node.shape)[0]
        if all(read.is_itself for read in dependence) and node.shape.rank == len(axes):
            read_by = {read.axes[0]: number for number, read in enumerate(dependence)}
            known[node.path] = tuple(axes[read_by[axis]] for axis in range(len(axes)))
    return ()
