"""Lexical scopes: the names that an expression can use, and the container that a step becomes a child of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import NamedTuple

from archdsl.base.guards import Guard, recorder
from archdsl.base.records import record
from archdsl.base.source import Span
from archdsl.elaborate.definitions import Defaults, Defined, Definitions
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import ErrorValue, MaybeValue
from archdsl.ir.graph import Container, Node, Path
from archdsl.ir.origin import Tested
from archdsl.syntax import ast

_NO_NAMES: frozenset[str] = frozenset()


class Children:
    """Allocates the names of a container's children. Labels that occur anywhere in it are never generated.

    With `fixed`, the only child has this name: it is a module that `share` applies again.
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
        # The number of uses of a module, by its label: the second one is called `label@2`.
        self.shared: dict[str, int] = defaultdict(lambda: 1)
        self.given: set[str] = set()
        self._reserved = frozenset(labels)
        self._count = 0
        self._tries: dict[str, int] = {}

    @property
    def names_all(self) -> bool:
        """Whether unlabelled children have stable names: numbers, or the name of a shared module."""
        return self.numbered or self.fixed is not None

    def take_back(self) -> None:
        """Make the last number available again, because its owner turned out to be empty."""
        self._count -= self.numbered

    def next_name(self, operator: str) -> str:
        """Return the name of an unlabelled child: its number, or a name made from the operator's."""
        if self.fixed is not None:
            return self.fixed
        if self.numbered:
            self._count += 1
            return str(self._count - 1)
        return self.free_name(operator)

    def free_name(self, base: str) -> str:
        """Return a name that no child has, made from `base`."""
        while True:
            tries = self._tries.get(base, 0)
            self._tries[base] = tries + 1
            name = f"{base}_{tries}" if tries else base
            if name not in self._reserved and name not in self.places and name not in self.given:
                self.given.add(name)
                return name

    def find(self, label: str) -> "Labelled | None":
        """Return the step with this label, in this container or one around it."""
        scope: Children | None = self
        while scope is not None:
            if label in scope.labelled:
                return scope.labelled[label]
            scope = scope.outer
        return None

    def known(self) -> list[str]:
        """Return the labels that can be referred to."""
        return [*self.labelled, *(self.outer.known() if self.outer else ())]


@record(frozen=True, slots=True)
class UsageLog:
    """The names that a body has used.

    `read` holds parameters of the definition, `referred` labels. `guards` are the conditions on traced parameters that
    the body demanded. `opaque` holds the parameters that were read and cannot be traced, with the first place. `tests`
    are the tests that decided about steps.
    """

    read: set[str] = field(default_factory=set)
    referred: set[str] = field(default_factory=set)
    guards: list[Guard] = field(default_factory=list)
    opaque: dict[str, Span | None] = field(default_factory=dict)
    tests: list[Tested] = field(default_factory=list)


@record(frozen=True, slots=True)
class Scope:
    """The names that are visible at a point of the source, and the container that is being filled there.

    `parameters` are the parameters of the definition that no inner name hides, `untraceable` those of the model whose
    values cannot carry a trace. `aliases` has the names for values of a block that cannot carry a trace either, and the
    parameters of the block that they are.
    """

    values: Mapping[str, MaybeValue]
    definitions: Definitions = field(default_factory=Definitions)
    usage: UsageLog = field(default_factory=UsageLog)
    path: Path = ()
    children: Children = field(default_factory=lambda: Children(numbered=False))
    defaults: Defaults = field(default_factory=Defaults)
    parameters: frozenset[str] = _NO_NAMES
    untraceable: frozenset[str] = _NO_NAMES
    aliases: Mapping[str, str] = field(default_factory=dict)

    def with_values(self, values: Mapping[str, MaybeValue]) -> "Scope":
        """Return an inner scope in which more names have values; they hide names of this scope."""
        return Scope(
            {**self.values, **values}, self.definitions, self.usage, self.path, self.children, self.defaults,
            self.parameters.difference(values), self.untraceable.difference(values), _without(self.aliases, values),
        )  # fmt: skip

    def with_defaults(self, defaults: Defaults) -> "Scope":
        """Return a scope with other `set` defaults."""
        return Scope(
            self.values, self.definitions, self.usage, self.path, self.children, defaults,
            self.parameters, self.untraceable, self.aliases,
        )  # fmt: skip

    def within(self, path: Path, children: Children) -> "Scope":
        """Return the scope of the body of an inner container."""
        return Scope(
            self.values, self.definitions, self.usage, path, children, self.defaults,
            self.parameters, self.untraceable, self.aliases,
        )  # fmt: skip

    def block(self, name: str) -> Defined | None:
        """Return the visible definition with this name, which may be an argument."""
        value = self.values.get(name)
        return value if isinstance(value, Defined) else self.definitions.get(name)

    def read(self, name: str) -> MaybeValue:
        """Return the value of a name. Reading a parameter counts as use, and fixes it if it cannot be traced."""
        if name in self.parameters:
            self.usage.read.add(name)
            if name in self.untraceable:
                self.usage.opaque.setdefault(name, recorder.span)
        return self.values[name]


def _without(aliases: Mapping[str, str], names: Mapping[str, MaybeValue]) -> Mapping[str, str]:
    return {each: name for each, name in aliases.items() if each not in names} if aliases else aliases


class Labelled(NamedTuple):
    """A labelled step: its output, and its syntax and scope, with which `share` applies it again.

    An input has no step. A step that failed has an error value as its output. `child` is the module that it made.
    """

    tensor: Tensor | ErrorValue
    span: Span
    step: ast.Step | None = None
    scope: Scope | None = None
    child: Node | Container | None = None
