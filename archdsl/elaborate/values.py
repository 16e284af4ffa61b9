"""Compile-time values: their types, and the operations of the language on them."""

import math
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeAlias, TypeGuard, TypeVar, assert_never, cast

from archdsl.base.guards import at, recorder
from archdsl.base.source import Span
from archdsl.base.symbolic import Compound, TracedFloat, TracedInt, applied, combined, compared, fixed, is_traced
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.limits import MAX_LIST_DEPTH, MAX_NUMBER, Limits
from archdsl.elaborate.streams import Tensor
from archdsl.ops.argument_types import Word, shown
from archdsl.ops.base import Op
from archdsl.ops.initialisers import Initialiser


class ErrorValue(Enum):
    """Replaces a value that could not be computed, after the problem was reported."""

    ERROR = "error"


ERROR: Final = ErrorValue.ERROR

Number: TypeAlias = int | float
Scalar: TypeAlias = bool | int | float | str | None
# A bare operator name is a value only as the argument of a block.
Value: TypeAlias = "Scalar | list[Value] | tuple[Value, ...] | Word | Initialiser | Tensor | Defined | type[Op]"
MaybeValue: TypeAlias = "Value | ErrorValue"
_T = TypeVar("_T")


class Uncomputable(Exception):
    """The operands of an expression do not go together; the text says why, and `help` what to write."""

    def __init__(self, text: str, help: str | None = None) -> None:
        super().__init__(text)
        self.help = help


class Remainder(Uncomputable):
    """The division of two integers by `/` leaves a remainder."""


class TooLarge(Exception):
    """A number or a list exceeds its limit; `help` says how to raise the limit, if that is possible."""

    def __init__(self, text: str, help: str | None = None) -> None:
        super().__init__(text)
        self.help = help


_RAISE = "raise the limit with --max-operations"


def too_long(limits: Limits) -> TooLarge:
    """Return the error for a list with too many items."""
    return TooLarge(f"a list of more than {limits.items:,} items", _RAISE)


def _count(value: "list[Value] | tuple[Value, ...]", limits: Limits) -> None:
    """Count the items of a new list and of the lists in it.

    Raises TooLarge where there are too many, or too many levels.
    """
    if len(value) > limits.items:
        raise too_long(limits)
    level: list[Any] = [value]
    total = 0
    for _ in range(MAX_LIST_DEPTH):
        total += sum(map(len, level))
        if total > limits.items:
            raise too_long(limits)
        level = [item for each in level for item in each if isinstance(item, list | tuple)]
        if not level:
            limits.used.items += total
            if limits.used.items > limits.all_items:
                raise TooLarge(f"more than {limits.all_items:,} items, with those of the lists before", _RAISE)
            return
    raise TooLarge(f"a list of more than {MAX_LIST_DEPTH} levels")


def kind_of(value: Value) -> str:
    """Return the type of a value in the words of a message."""
    match value:
        case bool():
            return "a truth value"
        case int():
            return "an integer"
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
        case Tensor() | Defined():
            return str(value)
        case type():
            return f"the operator `{value.name}`"
        case _:
            assert_never(value)


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer; truth values are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[Number]:
    """Return whether arithmetic applies to a value."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def bounded(value: Value, limits: Limits) -> Value:
    """Return the value.

    Raises TooLarge where it exceeds a limit.
    """
    if isinstance(value, int):
        if abs(value.real) > MAX_NUMBER:
            raise TooLarge("an integer beyond 2**63")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise TooLarge("a number beyond 1.8e308")
    elif isinstance(value, list | tuple):
        _count(value, limits)
    return value


def binary(symbol: str, left: Value, right: Value, limits: Limits) -> Value:
    """Return `left symbol right`.

    Raises Uncomputable where the operator does not apply to the operands, TooLarge where the result exceeds a limit.
    """
    if symbol == "+":
        if isinstance(left, list) and isinstance(right, list):
            return bounded([*left, *right], limits)
        if isinstance(left, tuple) and isinstance(right, tuple):
            return bounded((*left, *right), limits)
    if not (is_number(left) and is_number(right)):
        what = "two numbers, or two lists" if symbol == "+" else "two numbers"
        raise Uncomputable(f"`{symbol}` does not apply to {kind_of(left)} and {kind_of(right)}", f"use {what}")
    if symbol in ("/", "//", "%") and compared("==", right, 0):
        raise Uncomputable("division by zero", "divide by another number")
    if symbol != "**" and (isinstance(left, float) or isinstance(right, float)):
        return bounded(combined(symbol, left, right), limits)
    return bounded(_ARITHMETIC[symbol](left, right), limits)


def keeps_trace(symbol: str, left: Value, right: Value) -> bool:
    """Return whether the result of an operation on these operands can be traced: not a power of integers, which may be
    an integer or a float."""
    return symbol != "**" or not (is_whole(left) and isinstance(right, TracedInt))


def negated(value: Value, limits: Limits) -> Value:
    """Return `-value`.

    Raises Uncomputable where the value is not a number.
    """
    if not is_number(value):
        raise Uncomputable(f"`-` does not apply to {kind_of(value)}", "use a number")
    return binary("-", 0, value, limits) if isinstance(value, int) else applied("-", value)


def _divide(left: int, right: int) -> int:
    if left % right:
        help = "write `//` to divide and round down, or use numbers without a remainder"
        raise Remainder(f"{shown(left)} / {shown(right)} leaves a remainder", help)
    return left // right


_POWER = "use a positive base, and a smaller exponent"


def _power(left: Number, right: Number) -> Number:
    if isinstance(left, int) and isinstance(right, int) and right >= 0:
        if abs(left.real) > 1 and right > 63:
            raise TooLarge("an integer beyond 2**63")
        if right > 63:
            left = fixed(left)
            return left if right % 2 else left * left
        result: Number = 1
        for _ in range(right):
            result = result * left
        return result
    # A positive base has a real power for every exponent.
    is_open = (is_traced(left) or is_traced(right)) and compared(">", left, 0)
    try:
        return combined("**", left, right) if is_open else combined("**", fixed(left), fixed(right))
    except (OverflowError, ZeroDivisionError) as error:
        raise Uncomputable("the power is not a finite number", _POWER) from error
    except ArithmeticError as error:
        raise Uncomputable("the power of a negative number is real only for integer exponents", _POWER) from error


_ARITHMETIC: dict[str, Callable[[Any, Any], Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": _power,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def compare(symbol: str, left: Value, right: Value) -> bool:
    """Return whether `left symbol right` holds.

    Raises Uncomputable where the operands have no order.
    """
    if is_number(left) and is_number(right):
        return compared(symbol, left, right)
    if symbol in ("==", "!="):
        return (left == right) == (symbol == "==")
    if not (isinstance(left, str) and isinstance(right, str)):
        text = f"`{symbol}` does not apply to {kind_of(left)} and {kind_of(right)}"
        raise Uncomputable(text, "compare two numbers, or two strings")
    return _ORDER[symbol](left, right)


def index(owner: Value, position: Value) -> Value:
    """Return `owner[position]`.

    Raises Uncomputable where the owner has no such item.
    """
    if not isinstance(owner, list | tuple):
        raise Uncomputable(f"{kind_of(owner)} has no items", "use a list, or `shape`; write a number without an index")
    if not is_whole(position):
        raise Uncomputable(
            f"an index must be an integer, not {kind_of(position)}", "write an integer, as in `shape[1]`"
        )
    if not -len(owner) <= position < len(owner):
        bounds = f"use an index from 0 to {len(owner) - 1}" if owner else "add items to the list"
        raise Uncomputable(f"there are {len(owner)} items, and no item {position}, counted from 0", bounds)
    return owner[position]


def fix(value: object, span: Span, *, of_map: bool = False) -> None:
    """Record that the net at a place of the source depends on a value in a way that its trace does not express."""
    if recorder.log is None or type(value) in (int, str, bool, float):
        return
    if isinstance(value, TracedInt | TracedFloat):
        with at(span):
            recorder.record("==", value, value.real, holds=True, of_map=of_map)
    elif isinstance(value, list | tuple | Compound):
        for part in value.held() if isinstance(value, Compound) else value:
            fix(part, span, of_map=of_map)


def untraced(value: _T) -> _T:
    """Return a value without its traces."""
    return cast(_T, _untraced(value))


def _untraced(value: object) -> object:
    if isinstance(value, TracedInt):
        return value.real
    if isinstance(value, TracedFloat):
        return value.real
    if isinstance(value, list):
        return [_untraced(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_untraced(item) for item in value)
    if isinstance(value, Compound):
        return value.holding(tuple(_untraced(item) for item in value.held()))
    return value
