"""The limits of an elaboration."""

from dataclasses import dataclass

# PyTorch keeps sizes in 64 bits, so this limit cannot be raised.
MAX_NUMBER = 2**63 - 1
# PyTorch counts bytes in 64 bits, too, and an element of a batch of two has eight of them.
MAX_ELEMENTS = 2**59
MAX_EXPRESSION_DEPTH = 80


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that a user can raise: operations of a net, and levels of blocks and brackets."""

    operations: int = 100_000
    nesting: int = 50

    @property
    def items(self) -> int:
        """Maximum number of items of a list."""
        return self.operations

    @property
    def characters(self) -> int:
        """Maximum number of characters of a file."""
        return 40 * self.operations
