"""Arguments of operators and initialisers: a class declares them as fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from archdsl.ops.argument_types import ArgumentType, ArgumentValue

REQUIRED = object()


@dataclass(frozen=True)
class Argument:
    """An argument with its type, its help and its default."""

    name: str
    kind: ArgumentType
    help: str
    default: object

    @property
    def required(self) -> bool:
        """Whether a call must give a value."""
        return self.default is REQUIRED


def arg(kind: ArgumentType, *, help: str, default: Any = REQUIRED) -> Any:
    """Declare an argument as the value of a class attribute."""
    return Argument("", kind, help, default)


class Declared:
    """Base class of operators and initialisers; a call may give the first `positional` arguments without names."""

    name: ClassVar[str]
    arguments: ClassVar[dict[str, Argument]]
    positional: ClassVar[int]

    def __init__(self, **values: ArgumentValue) -> None:
        for name, argument in self.arguments.items():
            setattr(self, name, values.pop(name, argument.default))
        assert not values, f"{self.name} has no argument {sorted(values)}"

    @property
    def values(self) -> Mapping[str, ArgumentValue]:
        """The values of the arguments by name, in the order of their declaration."""
        return {name: getattr(self, name) for name in self.arguments}

    def changed(self, **values: ArgumentValue) -> Self:
        """Return a copy with other values for some arguments."""
        return type(self)(**{**self.values, **values})

    @classmethod
    def declare(cls, name: str, positional: int) -> None:
        """Set the name of the class and collect the arguments that its attributes declare."""
        cls.name, cls.positional = name, positional
        cls.arguments = {
            field: Argument(field, value.kind, value.help, value.default)
            for field, value in vars(cls).items()
            if isinstance(value, Argument)
        }
