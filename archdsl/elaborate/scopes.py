"""Names: parameters and their use, `set` defaults, and the names of children."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.base.symbolic import TracedFloat, TracedInt, evaluated, parameters_of
from archdsl.elaborate.streams import Bundle, Defined, Definitions, Stream, Tensor
from archdsl.ir.graph import Container, Node
from archdsl.syntax import ast


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
    """Names the children of a container; labels that stand anywhere in it are never given to others.

    With `fixed`, the only child has this name: a module that is applied once more.
    """

    def __init__(
        self,
        *,
        numbered: bool,
        labels: Iterable[str] = (),
        outer: "Children | None" = None,
        fixed: str | None = None,
    ) -> None:
        self.numbered = numbered
        self.outer = outer
        self.fixed = fixed
        self.places: dict[str, Span] = {}
        self.labelled: dict[str, Labelled] = {}
        self.shared: set[str] = set()
        self.given: set[str] = set()
        self._reserved = frozenset(labels)
        self._count = 0
        self._tries: dict[str, int] = {}

    @property
    def names_all(self) -> bool:
        """Whether children without a label have lasting names here: numbers, or the name of what is shared."""
        return self.numbered or self.fixed is not None

    def take_back(self) -> None:
        """Give the last number again: what had it came to nothing."""
        self._count -= self.numbered

    def next_name(self, operator: str) -> str:
        """Return the name of a child that has no label: its number, or the operator's name."""
        if self.fixed is not None:
            return self.fixed
        if self.numbered:
            self._count += 1
            return str(self._count - 1)
        return self.free_name(operator)

    def free_name(self, base: str) -> str:
        """Return a name that nothing has here."""
        while True:
            tries = self._tries.get(base, 0)
            self._tries[base] = tries + 1
            name = f"{base}_{tries}" if tries else base
            if name not in self._reserved and name not in self.places and name not in self.given:
                self.given.add(name)
                return name

    def find(self, label: str) -> "Labelled | None":
        """Return what has this label, here or in the containers around."""
        scope: Children | None = self
        while scope is not None:
            if label in scope.labelled:
                return scope.labelled[label]
            scope = scope.outer
        return None

    def known(self) -> list[str]:
        """Return the labels that can be referred to."""
        return [*self.labelled, *(self.outer.known() if self.outer else ())]


@dataclass(frozen=True, slots=True)
class Site:
    """Where a step stands: the container that it becomes a child of, and the defaults that hold there."""

    path: tuple[str, ...]
    children: Children
    defaults: Defaults

    def inner(self) -> "Site":
        """Return the same place for statements that have `set` defaults of their own."""
        return Site(self.path, self.children, Defaults(self.defaults))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A step that has a label: what came out of it, and what is needed to take it once more."""

    tensor: Tensor
    step: ast.Step | None
    site: Site | None
    values: Mapping[str, object]
    span: Span
    child: Node | Container | None = None


@dataclass(slots=True)
class Names:
    """The names that an expression can use: parameters, blocks, labels, and the stream as it is at that point.

    Reading a parameter counts as use. A value that decides about the structure is pinned: the generated constructor
    cannot leave it open. In a block, `meanings` say what its parameters are for the model, and None stands for the
    model itself. `device` and `tower` are where steps stand: what `on` says, and the number of the lane of a group.
    """

    values: dict[str, object]
    definitions: Definitions = field(default_factory=Definitions)
    stream: Stream | None = None
    hole: bool = False
    used: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)
    meanings: dict[str, object] | None = None
    children: Children | None = None
    referred: set[str] = field(default_factory=set)
    device: str | None = None
    tower: int | None = None

    @property
    def shape(self) -> Shape | None:
        """Shape of the stream, if there is a single one."""
        return self.stream.shape if isinstance(self.stream, Tensor) else None

    @property
    def blocks(self) -> dict[str, Defined]:
        """Definitions by the names that they go by here, those that were given as arguments too."""
        return {**self.definitions, **{name: each for name, each in self.values.items() if isinstance(each, Defined)}}

    @property
    def is_bundle(self) -> bool:
        """Whether several streams flow."""
        return isinstance(self.stream, Bundle)

    def pin(self, value: object) -> None:
        """Note that the structure depends on what `value` was computed from."""
        for name in parameters_of(value):
            self.pinned |= {name} if self.meanings is None else parameters_of(self.meanings[name])

    def meaning(self, value: object) -> object:
        """Return a number as it is computed from the parameters of the model."""
        if self.meanings is None or not isinstance(value, TracedInt | TracedFloat):
            return value
        if isinstance(value, TracedFloat):
            return self.meanings[value.name]
        return evaluated(value, self.meanings)  # type: ignore[arg-type]

    def read(self, name: str) -> object:
        """Return a parameter; one of the model that cannot be traced is pinned."""
        self.used.add(name)
        value = self.values[name]
        if self.meanings is None and not isinstance(value, TracedInt | TracedFloat):
            self.pinned.add(name)
        return value
