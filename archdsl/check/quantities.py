"""Warnings about numbers that are allowed and hardly ever meant, such as a dropout rate of 0.99."""

from collections.abc import Iterator
from typing import NamedTuple

from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.edits import with_number
from archdsl.diag.model import Fix
from archdsl.ir.graph import Node
from archdsl.ops.base import Op, Trait

# A dropout that keeps a tenth of the values or less.
_MOST = 0.9
# A running average in which the newest batch weighs as much as all before it.
_HALF = 0.5
# Activations have variances around 1, so that an `eps` of this size changes the result.
_LARGE_EPS = 0.1


class Doubt(NamedTuple):
    """A number that is probably a mistake: its code, the text under the call, the way out and its edit."""

    code: Code
    label: str
    help: str
    fixes: tuple[Fix, ...] = ()


def doubts(node: Node) -> Iterator[Doubt]:
    """Yield the numbers of a step that are probably mistakes."""
    values = node.op.values
    rate, momentum, eps = values.get("rate"), values.get("momentum"), values.get("eps")
    if isinstance(rate, float | int) and _MOST <= rate < 1:
        kept = f"{1 - rate:.3g}"
        help = f"the rate is the probability of dropping a value: write {kept} to keep {100 * rate:g}%"
        yield Doubt(
            codes.DROPS_MOST,
            f"it drops {100 * rate:g}% of the values in training",
            help,
            with_number(node.span, "rate", rate, kept),
        )
    if isinstance(momentum, float | int) and momentum >= _HALF:
        small = f"{1 - momentum:.3g}"
        help = (
            f"`momentum` is the weight of the new batch, as in PyTorch: {momentum:g} of Keras and Caffe is {small} here"
        )
        label = f"the running statistics are {100 * momentum:g}% those of the last batch"
        yield Doubt(
            codes.MOMENTUM_REVERSED,
            label,
            help,
            with_number(node.span, "momentum", momentum, small) if momentum < 1 else (),
        )
    if isinstance(eps, float | int) and eps >= _LARGE_EPS:
        help = "write a small number, such as `eps = 1e-5`"
        label = f"{eps:g} is added to variances, which are about 1"
        yield Doubt(codes.EPS_TOO_LARGE, label, help, with_number(node.span, "eps", eps, "1e-5"))
    if is_distribution(node.op):
        axis = values.get("axis")
        assert isinstance(axis, int)
        if node.shape.dims[axis] == 1:
            constant = "1" if Trait.GIVES_PROBABILITIES in node.op.traits else "0"
            along = "" if node.shape.rank == 1 else f" of axis {axis}"
            label = f"the only value{along} always becomes {constant}"
            yield Doubt(codes.CONSTANT_RESULT, label, "write `sigmoid` for one probability, or give it more classes")


def is_distribution(op: Op) -> bool:
    """Return whether an operator normalises its input to probabilities or their logarithms."""
    return Trait.GIVES_PROBABILITIES in op.traits or Trait.GIVES_LOGARITHMS in op.traits
