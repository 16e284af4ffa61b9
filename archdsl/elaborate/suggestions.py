"""Suggestions for a name that does not exist."""

# Smallest similarity of a suggestion (difflib): `pading` finds `padding`, but `branch` does not find `tanh`.
_CUTOFF = 0.65


def nearest(name: str, known: list[str]) -> str | None:
    """Return a help with the most similar known name, or None if no name is similar."""
    from difflib import get_close_matches
    from functools import partial

    closest = partial(get_close_matches, possibilities=known, n=1, cutoff=_CUTOFF)
    near = closest(name) or closest(name.lower())
    if not near:
        near = sorted((each for each in known if len(each) > 2 and name.lower().startswith(each)), key=len)[-1:]
    return f"did you mean `{near[0]}`?" if near else None


def suggestion(name: str, known: list[str]) -> str | None:
    """Return a help with the most similar known name, or with all known names if they are few."""
    near = nearest(name, known)
    if near is None and known and len(known) <= 12:
        return "there is " + ", ".join(f"`{each}`" for each in sorted(known))
    return near
