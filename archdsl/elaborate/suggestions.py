"""Suggestions for a name that does not exist."""

from collections.abc import Collection

# Smallest similarity of a suggestion (difflib): `pading` finds `padding`, but `branch` does not find `tanh`.
_CUTOFF = 0.65
# A search compares so many names, those with similar letters: comparing all of a hostile file would take minutes.
_MOST_NAMES = 250
_LONGEST = 60


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return a help with the most similar known name, or None if no name is similar."""
    from difflib import get_close_matches
    from functools import partial

    if len(name) > _LONGEST:
        return None
    closest = partial(get_close_matches, possibilities=_alike(name, known), n=1, cutoff=_CUTOFF)
    near = closest(name) or closest(name.lower())
    if not near:
        begins = name.lower().startswith
        near = sorted((each for each in known if len(each) > 2 and begins(each)), key=len)[-1:]
    return f"did you mean `{near[0]}`?" if near else None


def _alike(name: str, known: Collection[str]) -> list[str]:
    """Return the known names, or if they are many, those that have most letters in common with a name."""
    if len(known) <= _MOST_NAMES:
        return [each for each in known if len(each) <= 2 * _LONGEST]
    from heapq import nsmallest

    letters = set(name.lower())
    near = [each for each in known if len(name) <= 2 * len(each) + 1 and len(each) <= 2 * len(name) + 1]
    return nsmallest(_MOST_NAMES, near, key=lambda each: len(letters.symmetric_difference(each.lower())))


def suggestion(name: str, known: list[str]) -> str | None:
    """Return a help with the most similar known name, or with all known names if they are few."""
    near = nearest(name, known)
    if near is None and known and len(known) <= 12:
        return "there is " + ", ".join(f"`{each}`" for each in sorted(known))
    return near
