"""Turns runs of items that follow a rule into loops: numbers in them may grow by a constant step from item to item.

The integers in the computation of a float count too: `rate * 2 / 16`, `rate * 3 / 16` is `rate * (i + 2) / 16`. The
loop does the operations of each item in their order, so it gives the same floats.
"""

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count

from archdsl.base.pyexpr import Expr, Numbered, Repeat, mapped, structure
from archdsl.base.pynumbers import names_of
from archdsl.base.symbolic import TracedFloat, TracedInt, WrittenFloat, has_trace, polynomial
from archdsl.base.traces import Applied, Operation, Polynomial, Trace, added, multiplied

_SHORTEST = 3
_VARIABLES = ("i", "j", "k", "step", "position")


def repeated(items: tuple[Expr, ...], taken: Collection[str] = ()) -> tuple[Expr, ...]:
    """Return the items of a list with each run of at least three as a loop, whose variable is not in `taken`."""
    if len(items) < _SHORTEST:
        return items
    forms = [_forms(item) for item in items]
    found: list[Expr] = []
    at = 0
    while at < len(items):
        length, form = max(((_run(forms, form, at), form) for form in (0, 1)), key=lambda each: each[0])
        if length >= _SHORTEST:
            found.append(_loop(items[at], [each[form] for each in forms[at : at + length]], taken))
            at += length
        else:
            found.append(items[at])
            at += 1
    return tuple(found)


@dataclass(slots=True)
class _Form:
    """An expression with its numbers left open.

    Attributes:
        short: Whether a float that prints as a constant is one, and not the computation that its author wrote.
        skeleton: Its structure without the numbers.
        numbers: The traces of the numbers.
    """

    short: bool
    skeleton: Hashable = None
    numbers: list[Polynomial] = field(default_factory=list)

    def is_open(self, part: Expr) -> bool:
        """Return whether a number is a float whose computation has open numbers."""
        return has_trace(part) if self.short else isinstance(part, TracedFloat | WrittenFloat)


def _forms(expr: Expr) -> tuple[_Form, _Form]:
    """Return the two forms of an expression."""
    return _form(expr, short=False), _form(expr, short=True)


def _form(expr: Expr, *, short: bool) -> _Form:
    made = _Form(short)

    def opened(part: Expr) -> Expr:
        if isinstance(part, int) and not isinstance(part, bool):
            made.numbers.append(polynomial(part))
            return None
        if isinstance(part, str) and (split := _numbered(part)):
            made.numbers.append(polynomial(split[1]))
            return f"{split[0]}#"
        if isinstance(part, TracedFloat | WrittenFloat) and made.is_open(part):
            return ("float", _opened(part.trace, made.numbers))
        return part

    made.skeleton = structure(mapped(expr, opened))
    return made


def _opened(trace: Trace, numbers: list[Polynomial]) -> str:
    """Return the text of a trace without its integers, which are appended to `numbers`."""
    match trace:
        case tuple():
            numbers.append(trace)
            return "#"
        case Operation():
            return f"({_opened(trace.left, numbers)} {trace.symbol} {_opened(trace.right, numbers)})"
        case Applied():
            return f"{trace.function}({', '.join(_opened(each, numbers) for each in trace.arguments)})"
        case _:
            return repr(trace)


def _numbered(text: str) -> tuple[str, int] | None:
    """Return a name and the number at its end, None if it has none."""
    name = text.rstrip("0123456789")
    digits = text[len(name) :]
    if not name or not digits or (len(digits) > 1 and digits[0] == "0") or len(digits) > 9:
        return None
    return name, int(digits)


def _run(forms: list[tuple[_Form, _Form]], form: int, at: int) -> int:
    """Return the number of items from a position on that one loop can create."""
    first = forms[at][form]
    before, steps = first.numbers, None
    for number in range(at + 1, len(forms)):
        other = forms[number][form]
        if other.skeleton != first.skeleton or len(other.numbers) != len(before):
            return number - at
        taken = [added(new, old, -1) for new, old in zip(other.numbers, before, strict=True)]
        if steps is not None and taken != steps:
            return number - at
        before, steps = other.numbers, taken
    return len(forms) - at


def _loop(item: Expr, forms: list[_Form], taken: Collection[str]) -> Repeat:
    """Return the loop that creates items, given the first one and the forms of all."""
    first, second = forms[0].numbers, forms[1].numbers
    steps = [added(new, old, -1) for new, old in zip(second, first, strict=True)]
    if not any(steps):
        return Repeat(item, "_", len(forms))
    used = names_of(item).union(taken)
    variable = next(name for name in chain(_VARIABLES, (f"i{n}" for n in count(1))) if name not in used)
    counter: Polynomial = (((variable,), 1),)
    rule = [added(start, multiplied(step, counter), 1) for start, step in zip(first, steps, strict=True)]
    return Repeat(_closed(item, forms[0], iter(zip(rule, steps, strict=True))), variable, len(forms))


def _closed(item: Expr, form: _Form, pending: Iterator[tuple[Polynomial, Polynomial]]) -> Expr:
    """Return an item with the next number of `pending`, which has its step beside it, for each of its numbers."""

    def closed(part: Expr) -> Expr:
        if isinstance(part, int) and not isinstance(part, bool):
            trace, step = next(pending)
            return TracedInt.make(part, trace) if step else part
        if isinstance(part, str) and _numbered(part):
            trace, step = next(pending)
            return Numbered(part.rstrip("0123456789"), TracedInt.make(1, trace)) if step else part
        if isinstance(part, TracedFloat | WrittenFloat) and form.is_open(part):
            trace_, changed = _closed_trace(part.trace, pending)
            return TracedFloat.make(part, trace_) if changed else part
        return part

    return mapped(item, closed)


def _closed_trace(trace: Trace, pending: Iterator[tuple[Polynomial, Polynomial]]) -> tuple[Trace, bool]:
    """Return a trace with the next numbers of `pending`, and whether one of them has a step."""
    match trace:
        case tuple():
            number, step = next(pending)
            return number, bool(step)
        case Operation():
            left, right = (_closed_trace(each, pending) for each in (trace.left, trace.right))
            return Operation(left[0], trace.symbol, right[0]), left[1] or right[1]
        case Applied():
            made = [_closed_trace(each, pending) for each in trace.arguments]
            return Applied(trace.function, tuple(each for each, _ in made)), any(changed for _, changed in made)
        case _:
            return trace, False
