"""The meanings of a bare name in an expression, which depend on the position of the expression."""

from typing import NamedTuple

from archdsl.ops.argument_types import PADDING, ArgumentType
from archdsl.ops.declared import Declared
from archdsl.ops.initialisers import InitialiserType


class Expected(NamedTuple):
    """The names that an expression accepts besides those in scope.

    `words` are bare words, such as `half` in `padding = half`. With `initialiser`, the words are initialisers. With
    `blocks`, the name of an operator stands for the operator.
    """

    words: tuple[str, ...] = ()
    initialiser: bool = False
    blocks: bool = False


ANY = Expected()
STEP_ARGUMENT = Expected(PADDING.words)
BLOCK_ARGUMENT = Expected(PADDING.words, blocks=True)
PARAMETER_DEFAULT = Expected(blocks=True)


def expected_by(kind: ArgumentType) -> Expected:
    """Return the names that an argument of an operator or initialiser accepts."""
    return Expected(kind.words, initialiser=isinstance(kind, InitialiserType))


def expected_by_any(declared: type[Declared]) -> Expected:
    """Return the names that some argument accepts: a misspelt argument may have been meant for any of them."""
    words = [word for argument in declared.arguments.values() for word in argument.kind.words]
    return Expected((*PADDING.words, *dict.fromkeys(words)))
