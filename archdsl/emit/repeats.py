"""Turns runs of equal items into loops; numbers in them may grow by a constant step from item to item."""

from collections.abc import Hashable, Iterator

from archdsl.base.pyexpr import Expr, Numbered, Repeat, mapped, structure
from archdsl.base.symbolic import TracedInt, polynomial
from archdsl.emit.class_parameters import names_in

_SHORTEST = 3
_VARIABLES = ("i", "j", "k", "step", "position")


def repeated(items: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Return the items of a list with each run of at least three as a loop."""
    found: list[Expr] = []
    at = 0
    while at < len(items):
        length = _run(items, at)
        if length >= _SHORTEST:
            found.append(_loop(items[at : at + length]))
            at += length
        else:
            found.append(items[at])
            at += 1
    return tuple(found)


def _leaves(expr: Expr) -> tuple[Hashable, tuple[int, ...]]:
    """Return the structure of an expression with its numbers left open, and the numbers."""
    numbers: list[int] = []

    def opened(part: Expr) -> Expr:
        if isinstance(part, int) and not isinstance(part, bool):
            numbers.append(part)
            return None
        if isinstance(part, str) and (split := _numbered(part)):
            numbers.append(split[1])
            return f"{split[0]}#"
        return part

    return structure(mapped(expr, opened)), tuple(numbers)


def _numbered(text: str) -> tuple[str, int] | None:
    """Return a name and the number at its end, None if it has none."""
    name = text.rstrip("0123456789")
    digits = text[len(name) :]
    if not name or not digits or (len(digits) > 1 and digits[0] == "0") or len(digits) > 9:
        return None
    return name, int(digits)


def _run(items: tuple[Expr, ...], at: int) -> int:
    """Return the number of items from a position on that one loop can create."""
    skeleton, before = _leaves(items[at])
    steps = None
    for number in range(at + 1, len(items)):
        other, numbers = _leaves(items[number])
        if other != skeleton or len(numbers) != len(before):
            return number - at
        taken = tuple(polynomial(new - old) for new, old in zip(numbers, before, strict=True))
        if steps is not None and taken != steps:
            return number - at
        before, steps = numbers, taken
    return len(items) - at


def _loop(items: tuple[Expr, ...]) -> Repeat:
    first, second = (_leaves(item)[1] for item in items[:2])
    steps = [new - old for new, old in zip(second, first, strict=True)]
    if not any(isinstance(step, TracedInt) or step for step in steps):
        return Repeat(items[0], "_", len(items))
    used = names_in(items[0])
    variable = next(name for name in _VARIABLES if name not in used)
    counter = TracedInt.parameter(variable, 1)
    pending: Iterator[tuple[int, int]] = iter(zip(first, steps, strict=True))

    def closed(part: Expr) -> Expr:
        if isinstance(part, int) and not isinstance(part, bool):
            start, step = next(pending)
            number: int = start + step * counter
            return number
        if isinstance(part, str) and (split := _numbered(part)):
            start, step = next(pending)
            return Numbered(split[0], start + step * counter) if step else part
        return part

    return Repeat(mapped(items[0], closed), variable, len(items))
