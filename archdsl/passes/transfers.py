"""What passes put into a graph: operators that nobody writes."""

from typing import ClassVar, TypeGuard

from archdsl.base.pyexpr import Infix, Method, Ref, call
from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops.base import INPUT, Argument, ForwardOnly, Op
from archdsl.ops.merge import Add, Concat


class _Unwritten(Op):
    """An operator that nobody writes: it has no arguments, and leaves shapes as they are."""

    family = "other"
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0

    def shape(self, x: Shape) -> Shape:
        return x


class Move(_Unwritten):
    """Copies a value to the device of its node, unless it is there already."""

    name = "move"
    support = ("move",)

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(call("move", INPUT))


class Relay(_Unwritten):
    """Copies a value that a stage of a pipeline hands on and reads too, or only hands on."""

    name = "relay"

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(Method(INPUT, "clone"))


class Exchange(_Unwritten):
    """Joins what all processes have of a stream, as the step does that it stands for."""

    name = "exchange"
    support = ("Gather", "gathered")

    def __init__(self, joined: Concat | Add, count: int) -> None:
        super().__init__()
        self.joined = joined
        self.count = count

    def shape(self, x: Shape) -> Shape:
        return self.joined.result((x,) * self.count)

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        parts = call("gathered", INPUT, Ref("self.group"))
        if isinstance(self.joined, Concat):
            return ForwardOnly(call("torch.cat", parts, self.joined.axis + 1))
        return ForwardOnly(Method(call("torch.stack", parts), "sum", (0,)))


class Silent(_Unwritten):
    """Gives 0 for each sample; gradients of 0 flow back through it."""

    name = "nothing"

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(Infix(INPUT, "*", 0))


def is_move(node: object) -> TypeGuard[Node]:
    """Whether this is a node that moves a value."""
    return isinstance(node, Node) and isinstance(node.op, Move)
