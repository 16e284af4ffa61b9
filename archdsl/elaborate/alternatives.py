"""Arguments that would give a stream the shape that the author states."""

from collections.abc import Sequence

from archdsl.base.shape import Shape
from archdsl.base.source import Source
from archdsl.elaborate.provenance import lines
from archdsl.ir.graph import Node
from archdsl.ops.reasons import ShapeError

_STEPS, _CHANGES = 32, 4


def alternative(steps: Sequence[Node], wanted: Shape, here: Source) -> str | None:
    """Return a help with the argument that gives the wanted shape; None if there is no such argument.

    Args:
        steps: The steps that lead to the stream, in order. Only chains of steps with one input are tried.
        wanted: The shape that the author states.
        here: The file in which they state it.
    """
    chain = _chain(steps)
    for change in dict.fromkeys(each for node in chain for each in node.op.alternatives()):
        # The last step alone, the last two, and so on: the fewest changes come first.
        changing = [number for number, node in enumerate(chain) if change in node.op.alternatives()]
        for count in range(1, min(len(changing), _CHANGES) + 1):
            found = set(changing[-count:])
            if _result(chain, change, found) == wanted.dims:
                name, value = change
                places = lines((chain[number].span for number in found), here)
                where = f"line {places[0]}" if len(places) == 1 else f"lines {', '.join(places)}"
                operator = f"`{chain[changing[-1]].op.name}`"
                target = operator if count == 1 else f"the last {count} {operator} steps"
                return f"add `{name} = {value}` to {target} on {where}"
    return None


def _chain(steps: Sequence[Node]) -> list[Node]:
    """Return the last steps, as far as each reads only the step before it."""
    found: list[Node] = []
    for node in reversed(steps[-_STEPS:]):
        if len(node.sources) != 1:
            break
        found.append(node)
    return found[::-1]


def _result(chain: Sequence[Node], change: tuple[str, int], changing: set[int]) -> tuple[int, ...] | None:
    """Return the sizes at the end of a chain after a change of some steps; None if a step refuses its input."""
    shape = chain[0].input.plain()
    try:
        for number, node in enumerate(chain):
            op = node.op.changed(**dict([change])) if number in changing else node.op
            shape = op.result((shape,))
    except ShapeError:
        return None
    return shape.plain().dims
