"""Types of arguments of operators and initialisers.

A type checks and converts a value, and names itself in messages. The constants at the end are the types in use.
"""

from dataclasses import dataclass
from typing import TypeAlias

from archdsl.base.symbolic import Compound
from archdsl.ops.reasons import AmbiguousPadding, OutOfRange, ShapeError, WrongValue

Axes: TypeAlias = int | tuple[int, ...]
Padding: TypeAlias = int | tuple[int, ...] | str
Table: TypeAlias = tuple[tuple[int, ...], ...]
# PyTorch refuses numbers that are beyond the type of the tensors.
FLOAT32_MAX = (2 - 2**-23) * 2.0**127
# The value of an argument in the form that operators use; compounds are initialisers.
ArgumentValue: TypeAlias = "bool | int | float | str | tuple[ArgumentValue, ...] | Compound | None"


@dataclass(frozen=True)
class Word:
    """A bare name that is not a value in scope: `half` in `padding = half`."""

    text: str


class Chosen(str):
    """One of the words that an argument accepts; it is written without quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class ArgumentType:
    """Base class of argument types.

    Attributes:
        title: The expected value, in words for messages: "an integer".
        words: The bare names that the argument accepts.
    """

    title: str
    words: tuple[str, ...] = ()

    def convert(self, name: str, value: object) -> ArgumentValue:
        """Return the value in the form that operators use.

        Args:
            name: Name of the argument, for messages.
            value: The value that the author gave.

        Raises:
            ShapeError: The value has the wrong type or is out of range.
        """
        raise NotImplementedError

    def refuse(self, name: str, value: object, advice: str | None = None) -> ShapeError:
        """Return the error for a value of the wrong type, with an optional help text."""
        return ShapeError(WrongValue(name, self.title, shown(value), advice))


def shown(value: object) -> str:
    """Return a value as it is written in a net, in at most 60 characters."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case Word():
            return f"`{value.text}`"
        case str() if not isinstance(value, Chosen):
            text = '"' + value.replace('"', '\\"') + '"'
        case list():
            text = "[" + ", ".join(map(shown, value[:8])) + (", …]" if len(value) > 8 else "]")
        case tuple() if value and all(isinstance(v, int) for v in value):
            text = "x".join(map(shown, value[:8]))
        case tuple():
            text = "(" + ", ".join(map(shown, value[:8])) + ")"
        case int():
            text = str(int(value))
        case float():
            text = repr(float(value))
        case _:
            text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def is_int(value: object) -> bool:
    """Return whether a value is an integer; truth values are not."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class WholeNumber(ArgumentType):
    """An integer from `low` to `high`, or `none` if `optional`. Floats are refused, also whole ones."""

    low: int | None = 1
    optional: bool = False
    high: int | None = None

    def convert(self, name: str, value: object) -> ArgumentValue:
        if value is None and self.optional:
            return None
        if not is_int(value):
            raise self.refuse(name, value)
        assert isinstance(value, int)
        if self.low is not None and value < self.low:
            raise ShapeError(OutOfRange(name, shown(value), f"at least {self.low}"))
        if self.high is not None and value > self.high:
            raise ShapeError(OutOfRange(name, shown(value), f"at most {self.high:,}"))
        return value


@dataclass(frozen=True)
class PerAxis(WholeNumber):
    """An integer, or one for each axis of the map: `3` or `3x1`."""

    def convert(self, name: str, value: object) -> ArgumentValue:
        if isinstance(value, tuple | list) and value and all(map(is_int, value)):
            return tuple(super(PerAxis, self).convert(name, part) for part in value)
        return super().convert(name, value)


@dataclass(frozen=True)
class PaddingKind(PerAxis):
    """A number of zeros, one for each axis, or one of the words in `accepted`."""

    accepted: tuple[str, ...] = ("half",)

    def convert(self, name: str, value: object) -> ArgumentValue:
        if isinstance(value, Word):
            if value.text == "same":
                raise ShapeError(AmbiguousPadding(name))
            if value.text not in self.accepted:
                raise self.refuse(name, value, _POOLS)
            return value.text
        if isinstance(value, str) and value in self.words:
            if value == "same":
                raise ShapeError(AmbiguousPadding(name))
            raise self.refuse(name, value, f"write `{value}` without quotes")
        return super().convert(name, value)


@dataclass(frozen=True)
class Number(ArgumentType):
    """A real number from `low` to `high` and greater than `above`, or `none` if `optional`."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    optional: bool = False

    def convert(self, name: str, value: object) -> ArgumentValue:
        if value is None and self.optional:
            return None
        if not (is_int(value) or isinstance(value, float)):
            raise self.refuse(name, value)
        assert isinstance(value, int | float)
        if self.above is not None and value <= self.above:
            raise ShapeError(OutOfRange(name, shown(value), f"above {self.above:g}"))
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            raise ShapeError(OutOfRange(name, shown(value), f"from {self.low:g} to {self.high:g}"))
        if self.low is not None and value < self.low:
            raise ShapeError(OutOfRange(name, shown(value), f"at least {self.low:g}"))
        if abs(value) > FLOAT32_MAX:
            raise ShapeError(OutOfRange(name, shown(value), "from -3.4e38 to 3.4e38, the range of float32"))
        return value


@dataclass(frozen=True)
class Sizes(PerAxis):
    """The sizes of a shape, one of which may be -1."""

    def convert(self, name: str, value: object) -> ArgumentValue:
        sizes = value if isinstance(value, tuple | list) else (value,)
        if not sizes or not all(map(is_int, sizes)):
            raise self.refuse(name, value)
        if sum(size == -1 for size in sizes) > 1:
            raise self.refuse(name, value, "write -1 for one size only")
        return tuple(size if size == -1 else WholeNumber.convert(self, name, size) for size in sizes)


@dataclass(frozen=True)
class Choice(ArgumentType):
    """One of a few words, without quotes unless `quoted` allows them; `none` may be one of them."""

    choices: tuple[str, ...] = ()
    quoted: bool = False

    def convert(self, name: str, value: object) -> ArgumentValue:
        if isinstance(value, Chosen):
            return value
        text = value.text if isinstance(value, Word) else "none" if value is None else ""
        quoted = isinstance(value, str) and value in self.choices
        if self.quoted and quoted:
            text = str(value)
        if text in self.choices:
            return Chosen(text)
        raise self.refuse(name, value, f"write `{value}` without quotes" if quoted else None)


def choice(*choices: str, quoted: bool = False) -> Choice:
    """Return the type of arguments that accept one of these words."""
    title = " or ".join((", ".join(choices[:-1]), choices[-1]))
    return Choice(title, tuple(word for word in choices if word != "none"), choices, quoted)


@dataclass(frozen=True)
class Truth(ArgumentType):
    """`true` or `false`."""

    def convert(self, name: str, value: object) -> ArgumentValue:
        if not isinstance(value, bool):
            raise self.refuse(name, value)
        return value


@dataclass(frozen=True)
class IndexTable(ArgumentType):
    """A list of input channels for each output channel."""

    def convert(self, name: str, value: object) -> ArgumentValue:
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not all(isinstance(row, list | tuple) for row in value):
            raise self.refuse(name, value)
        if not value or not all(row and all(map(is_int, row)) for row in value):
            raise self.refuse(name, value)
        return tuple(tuple(row) for row in value)


@dataclass(frozen=True)
class Bitmaps(ArgumentType):
    """A list of strings with `#` for +1 and `.` for -1; a `/` ends a row of the picture and has no value."""

    def convert(self, name: str, value: object) -> ArgumentValue:
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not value or not all(isinstance(row, str) for row in value):
            raise self.refuse(name, value)
        if any(set(row) - set("#./") for row in value):
            raise self.refuse(name, value, "use only `#` for +1, `.` for -1, and `/` at the end of a row")
        return tuple(row.replace("/", "") for row in value)


COUNT = WholeNumber("an integer")
# PyTorch makes a tensor, or a zero, for each.
REPEATED = WholeNumber("an integer", high=10_000)
COUNT_FROM_ZERO = WholeNumber("an integer", low=0)
OPTIONAL_COUNT = WholeNumber("an integer, or none", optional=True)
OPTIONAL_COUNT_FROM_ZERO = WholeNumber("an integer, or none", low=0, optional=True)
AXES = PerAxis("an integer, or one per axis such as 3x1")
OPTIONAL_AXES = PerAxis("an integer, or one per axis such as 3x1", optional=True)
_WORDS = ("half", "tf_same", "same")
_POOLS = "write `half`, which pads equally on all sides, or `ceil_mode = true`, which pads only at the end"
PADDING = PaddingKind("an integer, one per axis, `half` or `tf_same`", _WORDS, low=0, accepted=("half", "tf_same"))
POOL_PADDING = PaddingKind("an integer, one per axis, or `half`", _WORDS, low=0)
AXES_FROM_ZERO = PerAxis("an integer, or one per axis such as 3x1", low=0)
OPTIONAL_AXES_FROM_ZERO = PerAxis("an integer, or one per axis such as 3x1", low=0, optional=True)
SIZES = Sizes("sizes such as 4x7x7, one of which may be -1")
TRUTH = Truth("true or false")
RATE = Number("a number", low=0.0, high=1.0)
POSITIVE = Number("a number", low=0.0)
OPTIONAL_POSITIVE = Number("a number, or none", low=0.0, optional=True)
ABOVE_ZERO = Number("a number", above=0.0)
REAL = Number("a number")
GAIN = Number("a number", low=0.0, high=1e30)
CONNECTIONS = IndexTable("a list with a list of input channels for each output channel")
BITMAPS = Bitmaps("a list of strings of `#` and `.`")
