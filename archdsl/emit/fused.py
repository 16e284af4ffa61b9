"""What a module with fused towers says about its weights."""

from collections.abc import Mapping
from typing import TypeAlias

from archdsl.base.pyexpr import Sequence, lines

# For each fused submodule the towers that its weights come from.
Towers: TypeAlias = Mapping[str, tuple[str, ...]]


def fused(towers: Towers) -> list[str]:
    """Return the lines of the constant that says which towers a submodule is made of; none where there are none."""
    if not towers:
        return []
    said = "# The towers that a submodule is made of: `fused_state` joins their weights."
    items = [
        line
        for name, parts in towers.items()
        for line in lines(Sequence(parts, "("), prefix=f'"{name}": ', indent=4, suffix=",")
    ]
    return [said, "FUSED: dict[str, tuple[str, ...]] = {", *items, "}"]
