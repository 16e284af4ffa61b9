"""Operators that only passes insert: transfers between devices and processes."""

from typing import ClassVar, TypeGuard

from archdsl.base.pyexpr import Infix, Method, Ref, call
from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops.base import INPUT, Argument, ForwardOnly, Op
from archdsl.ops.merge import Add, Concat

# The attribute that holds the process group of a class that gathers tensors.
PROCESS_GROUP = Ref("self.group")


class _Unwritten(Op):
    """An operator that only passes insert. It has no arguments and keeps shapes."""

    family = "other"
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0

    def shape(self, x: Shape) -> Shape:
        return x


class Move(_Unwritten):
    """Copies a value to the device of its node, if it is on another one."""

    name = "move"
    support = ("move",)

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(call("move", INPUT))


class Relay(_Unwritten):
    """Copies a value that a pipeline stage passes to the next one although it did not compute it or also reads it."""

    name = "relay"

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(Method(INPUT, "clone"))


class Exchange(_Unwritten):
    """Gathers a stream from all processes, then joins the parts as the step that it replaces."""

    name = "exchange"
    support = ("Gather", "gathered")

    def __init__(self, joined: Concat | Add, count: int) -> None:
        super().__init__()
        self.joined = joined
        self.count = count

    def shape(self, x: Shape) -> Shape:
        return self.joined.result((x,) * self.count)

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        parts = call("gathered", INPUT, PROCESS_GROUP)
        if isinstance(self.joined, Concat):
            return ForwardOnly(call("torch.cat", parts, self.joined.axis + 1))
        return ForwardOnly(Method(call("torch.stack", parts), "sum", (0,)))


class Silent(_Unwritten):
    """Computes zeros, through which zero gradients flow back."""

    name = "nothing"

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(Infix(INPUT, "*", 0))


def is_move(node: object) -> TypeGuard[Node]:
    """Return whether this is a node that moves a value to another device."""
    return isinstance(node, Node) and isinstance(node.op, Move)
