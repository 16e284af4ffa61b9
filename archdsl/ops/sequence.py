"""Helpers of operators on sequences. A sequence has the axes `[time, features]`."""

from archdsl.base.shape import Shape
from archdsl.ops.reasons import ShapeError, WrongRank


def require_sequence(x: Shape) -> tuple[int, int]:
    """Return the number of steps and of features of a sequence.

    Raises:
        ShapeError: The input does not have two axes.
    """
    if x.rank != 2:
        advice = "insert `tokens` before it, which makes each pixel a step" if x.rank > 2 else None
        raise ShapeError(WrongRank("a sequence of steps and features, such as 50x64", str(x), advice))
    return x.dims[0], x.dims[1]
