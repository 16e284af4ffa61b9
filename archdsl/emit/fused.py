"""The table of a module with fused towers: the towers that each submodule replaces."""

from collections.abc import Mapping as Table
from typing import TypeAlias

from archdsl.base.pyexpr import Item, Mapping, Ref, Sequence
from archdsl.emit.statements import Assign, Comment, Statement

# The towers that each fused submodule gets its weights from.
Towers: TypeAlias = Table[str, tuple[str, ...]]

_NAMES = Item(Ref("tuple"), (Ref("str"), Ref("...")))


def fused(towers: Towers) -> list[Statement]:
    """Return the statements that define `FUSED`; none if no towers are fused."""
    if not towers:
        return []
    pairs = tuple((name, Sequence(parts, "(")) for name, parts in towers.items())
    return [
        Comment("The towers that each fused submodule replaces; `fused_state` joins their weights."),
        Assign(Ref("FUSED"), Mapping(pairs, exploded=True), Item(Ref("dict"), (Ref("str"), _NAMES))),
    ]
