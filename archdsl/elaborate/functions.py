"""The functions of the language. Those of numbers keep the traces of their arguments."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archdsl.base.functions import NUMERIC
from archdsl.base.guards import recorder
from archdsl.base.source import Span
from archdsl.base.symbolic import applied, compared, parameters_of
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.values import (
    Number,
    Uncomputable,
    Value,
    bounded,
    fix,
    is_number,
    is_whole,
    too_long,
    untraced,
)
from archdsl.ops.argument_types import shown


def _lists(rows: Any) -> list[Value]:
    return [list(row) for row in rows]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **NUMERIC,
    "enumerate": lambda items: _lists(enumerate(items)),
    "len": len,
    "range": range,
    "sum": sum,
    "zip": lambda *lists: _lists(zip(*lists, strict=True)),
}
_USAGE = {
    "abs": "-3", "ceil": "2.5", "enumerate": "[8, 16]", "floor": "2.5", "len": "[8, 16]", "make_divisible": "37, 8",
    "max": "4, 8", "min": "4, 8", "range": "4", "round": "2.5", "sum": "[8, 16]", "zip": "[8, 16], [1, 2]",
}  # fmt: skip
# Functions whose result does not depend on the numbers in their arguments.
_ANY_NUMBERS = frozenset({"enumerate", "len", "zip"})


def apply(function: str, args: Sequence[Value], span: Span, limits: Limits) -> Value:
    """Return the result of a function at a place of the source.

    Raises Uncomputable where it does not accept the arguments, TooLarge where the result exceeds a limit.
    """
    try:
        if function == "sum" and args and isinstance(args[0], list | tuple) and not all(map(is_number, args[0])):
            raise TypeError
        result = _result(function, args, span)
        if isinstance(result, range):
            if len(result) > limits.items:
                raise too_long(limits)
            result = list(result)
        return bounded(result, limits)
    except (TypeError, ValueError, ArithmeticError) as error:
        given = ", ".join(map(shown, args)) or "nothing"
        usage = f"write it as in `{function}({_USAGE[function]})`"
        raise Uncomputable(f"`{function}` cannot be applied to {given}", usage) from error


def _result(function: str, args: Sequence[Value], span: Span) -> Any:
    if function in _ANY_NUMBERS:
        return FUNCTIONS[function](*args)
    if function in _TRACED and parameters_of(args):
        recorder.span = span
        found = _TRACED[function](*args)
        if found is not None:
            return found
    fix(list(args), span)
    return FUNCTIONS[function](*map(untraced, args))


# Each function returns None for arguments that it cannot trace.


def _of_one(function: str) -> Callable[..., Number | None]:
    def result(*args: Value) -> Number | None:
        number = args[0] if len(args) == 1 else None
        return applied(function, number) if is_number(number) else None

    return result


def _rounded(*args: Value) -> Number | None:
    if not 1 <= len(args) <= 2 or not is_number(args[0]) or not all(map(is_whole, args[1:])):
        return None
    if parameters_of(args[1:]):
        return None
    if is_whole(args[0]) and all(digits >= 0 for digits in args[1:]):  # type: ignore[operator]
        return args[0]
    return applied("round", *args)  # type: ignore[arg-type]


def _chosen(function: str, symbol: str) -> Callable[..., Number | None]:
    """Return `min` or `max`. Between integers and floats, comparisons that become guards choose the result."""

    def result(*args: Value) -> Number | None:
        items = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
        numbers = [each for each in items if is_number(each)]
        if len(numbers) < max(len(items), 1) or (len(args) == 1 and items is args):
            return None
        if len({isinstance(each, int) for each in numbers}) == 1:
            return applied(function, *numbers)
        best, *rest = numbers
        for each in rest:
            best = each if compared(symbol, each, best) else best
        return best

    return result


def _divisible(*args: Value) -> Number | None:
    numbers = args[:-1] if len(args) == 3 and args[-1] is None else args
    if not 1 <= len(numbers) <= 3 or not is_number(numbers[0]) or not all(map(is_whole, numbers[1:])):
        return None
    if len(numbers) > 1 and compared("==", numbers[1], 0):  # type: ignore[arg-type]
        return None
    return applied("make_divisible", *numbers)  # type: ignore[arg-type]


def _sum(*args: Value) -> Number | None:
    items = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else ()
    # Python adds floats with compensation, which a sum of two at a time does not repeat.
    return sum(items) if items and all(map(is_whole, items)) else None  # type: ignore[arg-type]


_TRACED: Mapping[str, Callable[..., Number | None]] = {
    "abs": _of_one("abs"),
    "ceil": _of_one("ceil"),
    "floor": _of_one("floor"),
    "make_divisible": _divisible,
    "max": _chosen("max", ">"),
    "min": _chosen("min", "<"),
    "round": _rounded,
    "sum": _sum,
}
