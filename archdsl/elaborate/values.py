"""Compile-time values: what expressions can be, and the operations on them."""

import math
from collections.abc import Callable
from typing import Final

from archdsl.base.symbolic import Compound, TracedInt
from archdsl.elaborate.limits import MAX_NUMBER, Limits
from archdsl.ops.argument_types import Word, is_int, shown
from archdsl.ops.initialisers import Initialiser


class Hole:
    """Stands for a value that could not be computed; its problem is reported already."""


HOLE: Final = Hole()


class Uncomputable(Exception):
    """Raised where operands do not go together; the text says why."""


class TooLarge(Exception):
    """Raised where a number or a list grows beyond its bound; `help` says how to raise it, if that is possible."""

    def __init__(self, text: str, help: str | None = None) -> None:
        super().__init__(text)
        self.help = help


def too_long(limits: Limits) -> TooLarge:
    """Return what to raise where a list has too many items."""
    return TooLarge(f"a list of more than {limits.items:,} items", "raise the bound with --max-operations")


def kind_of(value: object) -> str:
    """Return what a value is, in words."""
    match value:
        case bool():
            return "a truth value"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "a string"
        case None:
            return "none"
        case list():
            return "a list"
        case tuple():
            return "a tuple"
        case Word():
            return f"the word `{value.text}`"
        case Initialiser():
            return "an initialiser"
        case _:
            return str(value)


def is_number(value: object) -> bool:
    """Whether a value takes part in arithmetic."""
    return is_int(value) or isinstance(value, float)


def bounded(value: object, limits: Limits) -> object:
    """Return the value, or raise where it is too large."""
    if is_int(value) and abs(value) > MAX_NUMBER:  # type: ignore[arg-type]
        raise TooLarge("a whole number beyond 2**63")
    if isinstance(value, float) and not math.isfinite(value):
        raise TooLarge("a number beyond 1.8e308")
    if isinstance(value, list | tuple) and len(value) > limits.items:
        raise too_long(limits)
    return value


def binary(symbol: str, left: object, right: object, limits: Limits) -> object:
    """Return `left symbol right`."""
    if symbol == "+" and type(left) is type(right) and isinstance(left, list | tuple):
        return bounded([*left, *right] if isinstance(left, list) else (*left, *right), limits)  # type: ignore[misc]
    if not (is_number(left) and is_number(right)):
        raise Uncomputable(f"`{symbol}` does not go with {kind_of(left)} and {kind_of(right)}")
    assert isinstance(left, int | float)
    assert isinstance(right, int | float)
    if symbol in ("/", "//", "%") and right == 0:
        raise Uncomputable("division by zero")
    return bounded(_ARITHMETIC[symbol](left, right), limits)


def _divide(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        if left % right:
            raise Uncomputable(f"{shown(left)} / {shown(right)} leaves a remainder; `//` divides and rounds down")
        return left // right
    return left / right


def _power(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int) and right >= 0:
        if abs(left) > 1 and right > 63:
            raise TooLarge("a whole number beyond 2**63")
        result: float = 1
        for _ in range(min(right, 64) if abs(left) > 1 else right % 2 + 2 * (right > 1)):
            result = result * left
        return result
    try:
        result = float(left) ** float(right)
    except (OverflowError, ZeroDivisionError) as error:
        raise Uncomputable("the power is not a finite number") from error
    if isinstance(result, complex) or not math.isfinite(result):
        raise Uncomputable("the power is not a finite number")
    return result


_ARITHMETIC: dict[str, Callable[..., object]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": _power,
}


def compare(symbol: str, left: object, right: object) -> bool:
    """Return whether `left symbol right` holds."""
    if symbol in ("==", "!="):
        return (left == right) == (symbol == "==")
    if not (is_number(left) and is_number(right)) and not (isinstance(left, str) and isinstance(right, str)):
        raise Uncomputable(f"`{symbol}` does not go with {kind_of(left)} and {kind_of(right)}")
    order = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}  # type: ignore[operator]
    return bool(order[symbol])


def index(owner: object, position: object) -> object:
    """Return `owner[position]`."""
    if not isinstance(owner, list | tuple):
        raise Uncomputable(f"{kind_of(owner)} has no items")
    if not is_int(position):
        raise Uncomputable(f"an index is a whole number, not {kind_of(position)}")
    assert isinstance(position, int)
    if not -len(owner) <= position < len(owner):
        raise Uncomputable(f"there are {len(owner)} items, and no number {position}, counted from 0")
    return owner[position]


def make_divisible(value: float, divisor: int = 8, low: int | None = None) -> int:
    """Return the multiple of `divisor` next to `value`, not more than a tenth below (MobileNet's rounding)."""
    result = max(low if low is not None else divisor, int(value + divisor / 2) // divisor * divisor)
    return result + divisor if result < 0.9 * value else result


def _as_list(value: object) -> list[object]:
    return [list(item) if isinstance(item, tuple) else item for item in value]  # type: ignore[attr-defined]


FUNCTIONS: dict[str, Callable[..., object]] = {
    "abs": abs,
    "ceil": math.ceil,
    "enumerate": lambda items: _as_list(enumerate(items)),
    "floor": math.floor,
    "len": len,
    "make_divisible": make_divisible,
    "max": max,
    "min": min,
    "range": range,
    "round": round,
    "sum": sum,
    "zip": lambda *lists: _as_list(zip(*lists, strict=True)),
}


def apply(function: str, args: list[object], limits: Limits) -> object:
    """Return what a function of the language gives for these arguments."""
    try:
        result = FUNCTIONS[function](*args)
        if isinstance(result, range):
            if len(result) > limits.items:
                raise too_long(limits)
            result = list(result)
        return bounded(result, limits)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        given = ", ".join(map(shown, args)) or "nothing"
        raise Uncomputable(f"`{function}` cannot be applied to {given}") from error


def untraced(value: object) -> object:
    """Return a value without its traces."""
    if isinstance(value, TracedInt):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, list):
        return [untraced(item) for item in value]
    if isinstance(value, tuple):
        return tuple(untraced(item) for item in value)
    if isinstance(value, Compound):
        return value.holding(tuple(untraced(item) for item in value.held()))
    return value
