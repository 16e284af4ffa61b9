"""The bounds that make unfolding end, whatever the file says."""

from dataclasses import dataclass

MAX_NUMBER = 2**63 - 1
MAX_ITEMS = 100_000
MAX_EXPRESSION_DEPTH = 80


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a user can raise."""

    operations: int = 100_000
    nesting: int = 50
