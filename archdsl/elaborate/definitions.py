"""The definitions that a file sees, and the argument defaults that its `set` statements give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from archdsl.base.records import record
from archdsl.base.source import Span
from archdsl.ops.argument_types import ArgumentValue
from archdsl.syntax import ast


@record(frozen=True, slots=True)
class Default:
    """An argument's value after conversion by its `ArgumentType`, and the place where it was written."""

    value: ArgumentValue
    span: Span


ArgumentDefaults: TypeAlias = Mapping[str, Default]
_NONE: ArgumentDefaults = MappingProxyType({})


@record(frozen=True, slots=True)
class Defaults:
    """The `set` defaults that are in effect at a point of the source: operator name to argument defaults.

    `lost` names the operators whose `set` has a mistake: their calls have unknown arguments.
    """

    by_operator: Mapping[str, ArgumentDefaults] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()

    def of(self, operator: str) -> ArgumentDefaults:
        """Return the argument defaults of an operator."""
        return self.by_operator.get(operator, _NONE)

    def overridden(self, operator: str, given: ArgumentDefaults) -> "Defaults":
        """Return these defaults with other values for some arguments of an operator."""
        return Defaults({**self.by_operator, operator: {**self.of(operator), **given}}, self.lost)

    def without(self, operator: str) -> "Defaults":
        """Return these defaults with those of an operator lost."""
        return Defaults(self.by_operator, self.lost | {operator})


class Definitions(dict[str, "Defined"]):
    """Capitalised names of a file, with the definitions that they refer to.

    `lost` holds names that were to be imported from a file that cannot be read. With `is_partial`, any name may be
    lost: a whole file could not be imported, or a definition could not be parsed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()
        self.is_partial = False


@dataclass(slots=True)
class Library:
    """The definitions and imports of a file. `defaults` holds the `set` defaults above each definition, by name."""

    file: ast.File
    names: Definitions = field(default_factory=Definitions)
    places: dict[str, Span] = field(default_factory=dict)
    defaults: dict[str, Defaults] = field(default_factory=dict)

    def defaults_of(self, definition: ast.Definition) -> Defaults:
        """Return the defaults that are in effect in the body of a definition of this file."""
        return self.defaults.get(definition.name.text, Defaults())


@record(frozen=True, slots=True)
class Defined:
    """A block, macro or model, and the library whose names its body sees."""

    definition: ast.Definition
    library: Library

    @property
    def is_operator(self) -> bool:
        """Whether it is a macro of one operator, whose place in a block does not depend on it."""
        body = self.definition.body
        if self.definition.kind != "macro" or len(body) != 1:
            return False
        only = body[0]
        if not isinstance(only, ast.Chain) or len(only.steps) > 1:
            return False
        step = only.steps[0]
        plain = step.label is None and step.times is None and step.condition is None
        return plain and isinstance(step.unit, ast.Call) and step.unit.name.text not in self.library.names

    def __str__(self) -> str:
        return f"the {self.definition.kind} {self.definition.name.text}"
