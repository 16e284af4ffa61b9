"""The bounds that make unfolding end, whatever the file says."""

from dataclasses import dataclass

# PyTorch keeps sizes in 64 bits, so this one cannot be raised.
MAX_NUMBER = 2**63 - 1
MAX_EXPRESSION_DEPTH = 80


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a user can raise. How long lists and files may be follows from how many operations a net may have."""

    operations: int = 100_000
    nesting: int = 50

    @property
    def items(self) -> int:
        """How many items a list may have."""
        return self.operations

    @property
    def characters(self) -> int:
        """How many characters a file may have."""
        return 40 * self.operations
