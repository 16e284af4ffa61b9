"""Edits of calls that the helps of diagnostics offer."""

import re

from archdsl.base.source import Span
from archdsl.diag.model import Fix


def with_argument(call: Span, name: str, value: str) -> tuple[Fix, ...]:
    """Return the fix that adds a named argument to the text of a call, none if the call gives that argument already."""
    if re.search(rf"\b{name}\s*=", call.text):
        return ()
    given = f"{name} = {value}"
    at = Span(call.source, call.end, call.end)
    if call.text.endswith(")"):
        at = Span(call.source, call.end - 1, call.end - 1)
        is_empty = call.text[:-1].rstrip().endswith("(")
        return (Fix(f"add `{given}`", ((at, given if is_empty else f", {given}"),)),)
    return (Fix(f"add `{given}`", ((at, f"({given})"),)),)


def with_number(call: Span, name: str, old: float, new: str) -> tuple[Fix, ...]:
    """Return the fix that replaces a number in a call, none if the number is not written in it.

    The number is the value of the argument `name`, or the only argument.
    """
    number = r"(-?[\d.]+(?:[eE][+-]?\d+)?)"
    found = re.search(rf"\b{name}\s*=\s*{number}\s*[,)]", call.text) or re.fullmatch(
        rf"\w+\(\s*{number}\s*\)", call.text
    )
    if found is None or float(found.group(1)) != old:
        return ()
    at = Span(call.source, call.start + found.start(1), call.start + found.end(1))
    return (Fix(f"write {new}", ((at, new),)),)
