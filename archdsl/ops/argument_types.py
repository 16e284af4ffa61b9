"""Types of arguments of operators and initialisers.

A type checks and converts a value, and names itself in messages. The constants at the end are the types in use.
"""

from dataclasses import dataclass
from typing import TypeAlias

from archdsl.base.symbolic import Compound, compared
from archdsl.ops.reasons import AmbiguousPadding, OutOfRange, ShapeError, WrongValue

Axes: TypeAlias = int | tuple[int, ...]
Padding: TypeAlias = int | tuple[int, ...] | str
Table: TypeAlias = tuple[tuple[int, ...], ...]
# PyTorch refuses numbers that are beyond the type of the tensors.
_DIGITS = 19
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
        return ShapeError(WrongValue(name, self.title, shown(value), advice or self._instead(value)))

    def _instead(self, value: object) -> str:
        """Return the instruction for a value of the wrong type: the value that it probably stands for, if possible."""
        whole = str(int(value.real)) if isinstance(value, float) and value.real.is_integer() else value
        if isinstance(self, WholeNumber) and isinstance(whole, str) and whole.isdecimal() and len(whole) < _DIGITS:
            return f"write `{whole}`"
        if isinstance(self, Truth) and is_int(value) and value in (0, 1):
            return f"write `{shown(bool(value))}`"
        return f"write {self.title}"


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
            text = str(value.real)
        case float():
            text = repr(value.real)
        case _:
            text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def is_int(value: object) -> bool:
    """Return whether a value is an integer; truth values are not."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class WholeNumber(ArgumentType):
    """An integer from `low` to `high`, or `none` if `optional`. Floats are refused, also whole ones.

    `guarded` says that PyTorch accepts smaller integers, so that generated constructors have to refuse them.
    """

    low: int | None = 1
    optional: bool = False
    high: int | None = None
    guarded: bool = False

    def convert(self, name: str, value: object) -> ArgumentValue:
        if value is None and self.optional:
            return None
        if not is_int(value):
            raise self.refuse(name, value)
        assert isinstance(value, int)
        if self.low is not None and (value if self.guarded else value.real) < self.low:
            raise ShapeError(OutOfRange(name, shown(value), f"at least {self.low}"))
        if self.high is not None and value.real > self.high:
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
    """A real number from `low` to `high` and greater than `above`, or `none` if `optional`.

    `guarded` says that PyTorch accepts other numbers, so that generated constructors have to refuse them.
    """

    low: float | None = None
    high: float | None = None
    above: float | None = None
    optional: bool = False
    guarded: bool = True

    def convert(self, name: str, value: object) -> ArgumentValue:
        if value is None and self.optional:
            return None
        if not (is_int(value) or isinstance(value, float)):
            raise self.refuse(name, value)
        assert isinstance(value, int | float)
        number = value if self.guarded else value.real
        if self.above is not None and not compared(">", number, self.above):
            raise ShapeError(OutOfRange(name, shown(value), f"above {self.above:g}"))
        is_low = self.low is not None and compared("<", number, self.low)
        if is_low or (self.high is not None and compared(">", number, self.high)):
            bounds = f"at least {self.low:g}" if self.high is None else f"from {self.low:g} to {self.high:g}"
            raise ShapeError(OutOfRange(name, shown(value), bounds))
        if abs(value.real) > FLOAT32_MAX:
            raise ShapeError(OutOfRange(name, shown(value), "from -3.4e38 to 3.4e38, the range of float32"))
        return value


@dataclass(frozen=True)
class Sizes(PerAxis):
    """The sizes of a shape, one of which may be -1."""

    def convert(self, name: str, value: object) -> ArgumentValue:
        sizes = value if isinstance(value, tuple | list) else (value,)
        if not sizes or not all(map(is_int, sizes)):
            raise self.refuse(name, value)
        if sum(size.real == -1 for size in sizes) > 1:
            raise self.refuse(name, value, "write -1 for one size only")
        return tuple(size if size.real == -1 else WholeNumber.convert(self, name, size) for size in sizes)


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
GUARDED_COUNT = WholeNumber("an integer", guarded=True)
# PyTorch makes a tensor, or a zero, for each.
REPEATED = WholeNumber("an integer", high=10_000)
# PyTorch reads windows and strides as integers of 32 bits.
_LARGEST = 2**31 - 1
# A number of channels, which no size of a map should decide.
CHANNELS = WholeNumber("an integer")
COUNT_FROM_ZERO = WholeNumber("an integer", low=0)
OPTIONAL_COUNT = WholeNumber("an integer, or none", optional=True)
OPTIONAL_COUNT_FROM_ZERO = WholeNumber("an integer, or none", low=0, optional=True, guarded=True)
AXES = PerAxis("an integer, or one per axis such as 3x1", high=_LARGEST)
GUARDED_AXES = PerAxis("an integer, or one per axis such as 3x1", high=_LARGEST, guarded=True)
OPTIONAL_AXES = PerAxis("an integer, or one per axis such as 3x1", high=_LARGEST, optional=True)
_WORDS = ("half", "tf_same", "same")
_POOLS = "write `half`, which pads equally on all sides, or `ceil_mode = true`, which pads only at the end"
PADDING = PaddingKind("an integer, one per axis, `half` or `tf_same`", _WORDS, low=0, accepted=("half", "tf_same"))
POOL_PADDING = PaddingKind("an integer, one per axis, or `half`", _WORDS, low=0)
AXES_FROM_ZERO = PerAxis("an integer, or one per axis such as 3x1", low=0)
GUARDED_AXES_FROM_ZERO = PerAxis("an integer, or one per axis such as 3x1", low=0, guarded=True)
OPTIONAL_AXES_FROM_ZERO = PerAxis("an integer, or one per axis such as 3x1", low=0, optional=True, guarded=True)
SIZES = Sizes("sizes such as 4x7x7, one of which may be -1")
TRUTH = Truth("true or false")
RATE = Number("a number", low=0.0, high=1.0)
DROP_RATE = Number("a number", low=0.0, high=1.0, guarded=False)
POSITIVE = Number("a number", low=0.0)
OPTIONAL_POSITIVE = Number("a number, or none", low=0.0, optional=True)
ABOVE_ZERO = Number("a number", above=0.0)
REAL = Number("a number")
GAIN = Number("a number", low=0.0, high=1e30)
CONNECTIONS = IndexTable("a list with a list of input channels for each output channel")
BITMAPS = Bitmaps("a list of strings of `#` and `.`")
