"""Suggestions for a name that does not exist, and for a division with a remainder."""

from collections.abc import Collection, Iterable

from archdsl.base.source import Span
from archdsl.base.typos import typo_of
from archdsl.diag.model import Fix
from archdsl.syntax import ast


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return a help with the known name that a name misspells, or that abbreviates it, or None."""
    begins = name.lower().startswith
    near = typo_of(name, known) or max((each for each in known if len(each) > 2 and begins(each)), key=len, default="")
    return f"did you mean `{near}`?" if near else None


def meant_argument(near: str, given: Collection[str | None]) -> str:
    """Return the help for a name that misspells an argument; `given` are the arguments that the call gives."""
    return f"remove it: the call already gives `{near}`" if near in given else f"did you mean `{near}`?"


def suggestion(name: str, known: list[str]) -> str | None:
    """Return a help with the most similar known name, or with all known names if they are few."""
    near = nearest(name, known)
    if near is None and known and len(known) <= 12:
        return "there is " + ", ".join(f"`{each}`" for each in sorted(known))
    return near


def rounding(expr: ast.Expr) -> tuple[Fix, ...]:
    """Return the fix that writes `//` for the `/` of a division."""
    if not isinstance(expr, ast.Binary):
        return ()
    source, start = expr.span.source, expr.left.span.end
    at = source.text.find("/", start, expr.right.span.start)
    return (Fix("write `//`", ((Span(source, at, at + 1), "//"),)),) if at >= 0 else ()
