"""Typos: whether one name can be a misspelling of another."""

import re
from collections.abc import Iterable
from functools import partial

_LONGEST = 60
# A hostile file has many names: so many are compared letter by letter.
_MOST_NAMES = 250
_LETTERS = partial(re.compile(r"\d").sub, "")


def typo_of(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a name misspells, or None.

    A typo keeps the first letter, or swaps the first two, and changes one character in five at most: similar letters
    alone are not enough. A name that continues a known one, or that a known one continues, is a typo too.
    """
    if not 2 <= len(name) <= _LONGEST:
        return None
    best, least = None, 100
    for each in _alike(name, known):
        cost = _cost(name, each)
        if cost is not None and cost < least:
            best, least = each, cost
    return best


def _alike(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that begin alike; if they are many, those with most letters in common."""
    begin = name[:2].lower()
    ends = (begin[0], begin[::-1])
    near = [each for each in known if len(each) <= _LONGEST and each.lower().startswith(ends)]
    if len(near) <= _MOST_NAMES:
        return near
    from heapq import nsmallest

    letters = set(name.lower())
    return nsmallest(_MOST_NAMES, near, key=lambda each: len(letters.symmetric_difference(each.lower())))


def _cost(name: str, known: str) -> int | None:
    """Return the number of changes between two names if one can be a typo of the other; case counts a tenth."""
    typed, meant = name.lower(), known.lower()
    if typed == meant:
        return 0
    if _LETTERS(typed) == _LETTERS(meant) and _LETTERS(typed) not in (typed, meant):
        # `conv2` is another name than `conv1`, and no typo of it.
        return None
    if min(len(typed), len(meant)) < 2 or (typed[0] != meant[0] and typed[:2] != meant[1::-1]):
        return None
    allowed = 1 if max(len(typed), len(meant)) < 6 else 2 if max(len(typed), len(meant)) < 12 else 3
    if abs(len(typed) - len(meant)) <= allowed and min(len(typed), len(meant)) > 2:
        changes = _changes(typed, meant, allowed)
        # Of three letters, another one is another word: `sub` is not `sum`.
        is_other = len(typed) == len(meant) == 3 and sorted(typed) != sorted(meant)
        if changes <= allowed and not is_other:
            return 10 * changes
    shorter, longer = sorted((typed, meant), key=len)
    if len(shorter) >= 3 and longer.startswith(shorter) and not longer[len(shorter)].isalpha():
        return 50 + len(longer) - len(shorter)
    return None


def _changes(one: str, other: str, allowed: int) -> int:
    """Return the number of characters to insert, drop, replace or swap with the next to turn a text into another.

    More than `allowed` changes need not be counted exactly.
    """
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for i, char in enumerate(one, 1):
        before, last = row, before
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != wanted))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > allowed:
            return allowed + 1
    return row[-1]
