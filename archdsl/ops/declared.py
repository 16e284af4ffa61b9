"""What operators and initialisers declare alike: arguments by name, each with a kind, a default and a help."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from archdsl.ops.argument_types import ArgumentType

REQUIRED = object()


@dataclass(frozen=True)
class Argument:
    """One argument."""

    name: str
    kind: ArgumentType
    help: str
    default: object

    @property
    def required(self) -> bool:
        """Whether a call has to give it."""
        return self.default is REQUIRED


def arg(kind: ArgumentType, *, help: str, default: Any = REQUIRED) -> Any:
    """Declare an argument."""
    return Argument("", kind, help, default)


class Declared:
    """Something that is called with arguments; its first `positional` ones need no name."""

    name: ClassVar[str]
    arguments: ClassVar[dict[str, Argument]]
    positional: ClassVar[int]

    def __init__(self, **values: object) -> None:
        for name, argument in self.arguments.items():
            setattr(self, name, values.pop(name, argument.default))
        assert not values, f"{self.name} has no argument {sorted(values)}"

    @property
    def values(self) -> Mapping[str, object]:
        """The arguments of this use, in the order of their declaration."""
        return {name: getattr(self, name) for name in self.arguments}

    def changed(self, **values: object) -> Self:
        """Return the same with other values for some arguments."""
        return type(self)(**{**self.values, **values})

    @classmethod
    def declare(cls, name: str, positional: int) -> None:
        """Enter the name of a class, and the arguments that its fields declare."""
        cls.name, cls.positional = name, positional
        cls.arguments = {
            field: Argument(field, value.kind, value.help, value.default)
            for field, value in vars(cls).items()
            if isinstance(value, Argument)
        }
