"""The functions of numbers that the language and generated modules share."""

import math
from collections.abc import Callable, Mapping
from typing import Any


def make_divisible(value: float, divisor: int = 8, low: int | None = None) -> int:
    """Return the multiple of `divisor` next to `value`, not more than a tenth below (MobileNet's rounding)."""
    least = divisor if low is None else low
    result = max(least, int(value + divisor / 2) // divisor * divisor)
    return result + divisor if result < 0.9 * value else result


NUMERIC: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "make_divisible": make_divisible,
    "max": max,
    "min": min,
    "round": round,
}
# The names under which generated modules call those that are not built in.
IN_PYTHON: Mapping[str, str] = {"ceil": "math.ceil", "floor": "math.floor"}
