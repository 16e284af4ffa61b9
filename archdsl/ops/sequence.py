"""What operators on sequences share: a sequence is `[time, features]`, the features last."""

from archdsl.base.shape import Shape
from archdsl.ops.reasons import ShapeError, WrongRank


def require_sequence(x: Shape) -> tuple[int, int]:
    """Return the number of steps and the number of features of each."""
    if x.rank != 2:
        advice = "put `tokens` before it: every pixel becomes a step" if x.rank > 2 else None
        raise ShapeError(WrongRank("a sequence of features, such as 50x64", str(x), advice))
    return x.dims[0], x.dims[1]
