"""What passes put into a graph: operators that nobody writes."""

from typing import ClassVar, TypeGuard

from archdsl.ir import Node
from archdsl.ops.base import INPUT, Argument, Emission, Op, Stateless
from archdsl.pyexpr import Method, call
from archdsl.shape import Shape


class Move(Op):
    """Copies a value to the device of its node, unless it is there already."""

    name = "move"
    family = "other"
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0
    support = ("move",)

    def shape(self, x: Shape) -> Shape:
        return x

    def torch(self, x: Shape) -> Emission:
        return Stateless(None, call("move", INPUT))


class Relay(Op):
    """Copies a value that a stage of a pipeline hands on and reads too, or only hands on."""

    name = "relay"
    family = "other"
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0

    def shape(self, x: Shape) -> Shape:
        return x

    def torch(self, x: Shape) -> Emission:
        return Stateless(None, Method(INPUT, "clone"))


def is_move(node: object) -> TypeGuard[Node]:
    """Whether this is a node that moves a value."""
    return isinstance(node, Node) and isinstance(node.op, Move)
