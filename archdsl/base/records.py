"""Dataclasses that the type checker freezes."""

from typing import TYPE_CHECKING

__all__ = ["record"]

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from dataclasses import dataclass

    def record(*, frozen, slots=False, eq=True):
        """Return the decorator of a dataclass that is frozen for the type checker only.

        A dataclass that Python freezes takes seven times as long to construct, because its constructor calls a function
        for each field. A net of 20,000 operations constructs over a million records.
        """
        assert frozen
        return dataclass(slots=slots, eq=eq, unsafe_hash=eq)
