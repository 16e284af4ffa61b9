"""The limits of an elaboration."""

from dataclasses import dataclass, field, replace

# PyTorch keeps sizes in 64 bits, so this limit cannot be raised.
MAX_NUMBER = 2**63 - 1
# PyTorch counts bytes in 64 bits, too, and an element of a batch of two has eight of them.
MAX_ELEMENTS = 2**59
MAX_EXPRESSION_DEPTH = 80
MAX_LIST_DEPTH = 20
MAX_IMPORT_DEPTH = 50
MAX_AXES = 63
MAX_NAME = 255
# Inputs, outputs and devices of a model, each.
MAX_NAMES = 1_000
# Items that the lists of a run may have together, and operations of all models of a file, for each operation of a net.
_ITEMS, _MODELS = 20, 1
# Units of work for each operation: a statement, an expression, or a name that is looked at.
_WORK = 20


@dataclass(slots=True)
class Used:
    """The list items and operations that a run has made so far, and the work that it did."""

    items: int = 0
    operations: int = 0
    work: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that a user can raise: operations of a net, and levels of blocks and brackets."""

    operations: int = 20_000
    nesting: int = 50
    used: Used = field(default_factory=Used, compare=False, repr=False)

    def afresh(self) -> "Limits":
        """Return these limits for a run of which nothing is used."""
        return replace(self, used=Used())

    @property
    def items(self) -> int:
        """Maximum number of items of a list."""
        return self.operations

    @property
    def all_items(self) -> int:
        """Maximum number of items that are made in a run, of all lists together."""
        return _ITEMS * self.operations

    @property
    def all_operations(self) -> int:
        """Maximum number of operations of all models of a file together."""
        return _MODELS * self.operations

    @property
    def all_work(self) -> int:
        """Maximum number of statements, expressions and names that are evaluated in a run."""
        return _WORK * self.operations

    @property
    def characters(self) -> int:
        """Maximum number of bytes of a file with its imports."""
        return 40 * self.operations
