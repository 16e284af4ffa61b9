"""Suggestions for a name that does not exist."""

from collections.abc import Iterable

# Smallest similarity of a suggestion (difflib): `pading` finds `padding`, but `branch` does not find `tanh`.
_CUTOFF = 0.65
# A search compares so many names, those of the most similar length: comparing all of a hostile file would take minutes.
_MOST_NAMES = 250
_LONGEST = 60


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return a help with the most similar known name, or None if no name is similar."""
    from difflib import get_close_matches
    from functools import partial

    if len(name) > _LONGEST:
        return None
    few = _alike(name, known)
    closest = partial(get_close_matches, possibilities=few, n=1, cutoff=_CUTOFF)
    near = closest(name) or closest(name.lower())
    if not near:
        near = sorted((each for each in few if len(each) > 2 and name.lower().startswith(each)), key=len)[-1:]
    return f"did you mean `{near[0]}`?" if near else None


def _alike(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names, without the longest ones, and if they are many, those of the most similar length."""
    found = [each for each in known if len(each) <= 2 * _LONGEST]
    if len(found) > _MOST_NAMES:
        chosen = set(sorted(found, key=lambda each: abs(len(each) - len(name)))[:_MOST_NAMES])
        found = [each for each in found if each in chosen]
    return found


def suggestion(name: str, known: list[str]) -> str | None:
    """Return a help with the most similar known name, or with all known names if they are few."""
    near = nearest(name, known)
    if near is None and known and len(known) <= 12:
        return "there is " + ", ".join(f"`{each}`" for each in sorted(known))
    return near
