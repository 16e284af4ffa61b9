"""Names: parameters and their use, `set` defaults, and the numbering of children."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from archdsl.shape import Shape
from archdsl.source import Span
from archdsl.symbolic import TracedFloat, TracedInt, parameters_of


@dataclass(slots=True)
class Names:
    """The names that an expression can use: parameters, and the stream as it is at that point.

    Reading a parameter counts as use. A value that decides about the structure is pinned: the generated constructor
    cannot leave it open.
    """

    values: dict[str, object]
    stream: Shape | None = None
    hole: bool = False
    used: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)

    def pin(self, value: object) -> None:
        """Note that the structure depends on what `value` was computed from."""
        self.pinned |= parameters_of(value)

    def read(self, name: str) -> object:
        """Return a parameter; one that cannot be traced is pinned."""
        self.used.add(name)
        value = self.values[name]
        if not isinstance(value, TracedInt | TracedFloat):
            self.pinned.add(name)
        return value


@dataclass(frozen=True, slots=True)
class Default:
    """A value that a `set` statement gives to an argument."""

    value: object
    span: Span


@dataclass(slots=True)
class Defaults:
    """`set` defaults, lexical: an inner scope sees those of the outer ones, and overrides them."""

    outer: "Defaults | None" = None
    given: dict[tuple[str, str], Default] = field(default_factory=dict)

    def find(self, operator: str, argument: str) -> Default | None:
        """Return the nearest default of an operator's argument."""
        scope: Defaults | None = self
        while scope is not None:
            if (operator, argument) in scope.given:
                return scope.given[operator, argument]
            scope = scope.outer
        return None


class Children:
    """Names the children of a container; labels that stand anywhere in it are never given to others."""

    def __init__(self, *, numbered: bool, labels: Iterable[str] = ()) -> None:
        self.numbered = numbered
        self.places: dict[str, Span] = {}
        self._reserved = frozenset(labels)
        self._count = 0
        self._tries: dict[str, int] = {}

    def take_back(self) -> None:
        """Give the last number again: what had it came to nothing."""
        self._count -= self.numbered

    def next_name(self, operator: str) -> str:
        """Return the name of a child that has no label: its number, or the operator's name."""
        if self.numbered:
            self._count += 1
            return str(self._count - 1)
        while True:
            tries = self._tries.get(operator, 0)
            self._tries[operator] = tries + 1
            name = f"{operator}_{tries}" if tries else operator
            if name not in self._reserved and name not in self.places:
                return name
