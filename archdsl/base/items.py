"""The names of the items of a list that a block was given: `maps[0]`. Each item is a parameter in traces."""

from collections.abc import Iterable


def item_name(owner: str, number: int) -> str:
    """Return the name of an item of a list."""
    return f"{owner}[{number}]"


def owner_of(name: str) -> str:
    """Return the list that a name is an item of, or the name itself."""
    return name.partition("[")[0]


def is_item(name: str) -> bool:
    """Return whether a name is that of an item of a list."""
    return name.endswith("]")


def number_of_item(name: str) -> int:
    """Return the position of an item in its list."""
    return int(name.partition("[")[2][:-1])


def by_owner(names: Iterable[str]) -> dict[str, list[str]]:
    """Return parameters in their order: those that are no items have themselves, and a list has its items."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(owner_of(name), []).append(name)
    return found
