"""The kinds of values that arguments of operators take: what is accepted, and how it is named."""

from dataclasses import dataclass
from typing import TypeAlias

from archdsl.ops.reasons import AmbiguousPadding, OutOfRange, ShapeError, WrongValue

Axes: TypeAlias = int | tuple[int, ...]
Padding: TypeAlias = int | tuple[int, ...] | str
Table: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Word:
    """A bare name in an argument that is no value in scope: `half` in `padding = half`."""

    text: str


class Chosen(str):
    """A word that an operator knows, chosen by its author or by default; written without quotes."""

    __slots__ = ()


@dataclass(frozen=True)
class ArgumentType:
    """What an argument accepts. `words` are the bare names that it knows."""

    title: str
    words: tuple[str, ...] = ()

    def convert(self, name: str, value: object) -> object:
        """Return the value as the operator wants it; raise `ShapeError` where it is none of this kind."""
        raise NotImplementedError

    def refuse(self, name: str, value: object, advice: str | None = None) -> ShapeError:
        """Return the error that says what was wanted and what was given."""
        return ShapeError(WrongValue(name, self.title, shown(value), advice))


def shown(value: object) -> str:
    """Return a value as its author would write it, cut short."""
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
    """Whether a value is a whole number (truth values are not)."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class WholeNumber(ArgumentType):
    """An integer within bounds; a float that is whole is not one. Where `optional`, `none` stands for another rule."""

    low: int | None = 1
    optional: bool = False

    def convert(self, name: str, value: object) -> object:
        if value is None and self.optional:
            return None
        if not is_int(value):
            raise self.refuse(name, value)
        assert isinstance(value, int)
        if self.low is not None and value < self.low:
            raise ShapeError(OutOfRange(name, shown(value), f"at least {self.low}"))
        return value


@dataclass(frozen=True)
class PerAxis(WholeNumber):
    """An integer, or one per axis of the map: `3` or `3x1`."""

    def convert(self, name: str, value: object) -> object:
        if isinstance(value, tuple | list) and value and all(map(is_int, value)):
            return tuple(super(PerAxis, self).convert(name, part) for part in value)
        return super().convert(name, value)


@dataclass(frozen=True)
class PaddingKind(PerAxis):
    """Zeros on both sides, or one of the two named rules."""

    def convert(self, name: str, value: object) -> object:
        if isinstance(value, Word):
            if value.text == "same":
                raise ShapeError(AmbiguousPadding(name))
            return value.text
        if isinstance(value, str) and value in self.words:
            if value == "same":
                raise ShapeError(AmbiguousPadding(name))
            raise self.refuse(name, value, f"write `{value}` without quotes")
        return super().convert(name, value)


@dataclass(frozen=True)
class Number(ArgumentType):
    """A real number within bounds. Where `optional`, `none` stands for another rule."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    optional: bool = False

    def convert(self, name: str, value: object) -> object:
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
        return value


@dataclass(frozen=True)
class Sizes(PerAxis):
    """The sizes of a shape; -1, once, stands for what is left."""

    def convert(self, name: str, value: object) -> object:
        sizes = value if isinstance(value, tuple | list) else (value,)
        if not sizes or not all(map(is_int, sizes)):
            raise self.refuse(name, value)
        if sum(size == -1 for size in sizes) > 1:
            raise self.refuse(name, value, "only one size can be left open")
        return tuple(size if size == -1 else WholeNumber.convert(self, name, size) for size in sizes)


@dataclass(frozen=True)
class Choice(ArgumentType):
    """One of a few words, written without quotes unless these may stand too; `none` may be one of them."""

    choices: tuple[str, ...] = ()
    quoted: bool = False

    def convert(self, name: str, value: object) -> object:
        if isinstance(value, Chosen):
            return value
        text = value.text if isinstance(value, Word) else "none" if value is None else ""
        quoted = isinstance(value, str) and value in self.choices
        if self.quoted and quoted:
            text = str(value)
        if text in self.choices:
            return Chosen(text)
        raise self.refuse(name, value, f"write {value} without quotes" if quoted else None)


def choice(*choices: str, quoted: bool = False) -> Choice:
    """Return the kind that takes one of these words."""
    title = " or ".join((", ".join(choices[:-1]), choices[-1]))
    return Choice(title, tuple(word for word in choices if word != "none"), choices, quoted)


@dataclass(frozen=True)
class Truth(ArgumentType):
    """`true` or `false`."""

    def convert(self, name: str, value: object) -> object:
        if not isinstance(value, bool):
            raise self.refuse(name, value)
        return value


@dataclass(frozen=True)
class IndexTable(ArgumentType):
    """For every output map the list of the input maps that it sees."""

    def convert(self, name: str, value: object) -> object:
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not all(isinstance(row, list | tuple) for row in value):
            raise self.refuse(name, value)
        if not value or not all(row and all(map(is_int, row)) for row in value):
            raise self.refuse(name, value)
        return tuple(tuple(row) for row in value)


@dataclass(frozen=True)
class Bitmaps(ArgumentType):
    """A list of strings, a `#` for every +1 and a `.` for every -1; `/` only ends a row of the picture."""

    def convert(self, name: str, value: object) -> object:
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not value or not all(isinstance(row, str) for row in value):
            raise self.refuse(name, value)
        if any(set(row) - set("#./") for row in value):
            raise self.refuse(name, value, "draw with `#` for +1 and `.` for -1; `/` ends a row of the picture")
        return tuple(row.replace("/", "") for row in value)


COUNT = WholeNumber("a whole number")
COUNT_FROM_ZERO = WholeNumber("a whole number", low=0)
OPTIONAL_COUNT = WholeNumber("a whole number, or none", optional=True)
OPTIONAL_COUNT_FROM_ZERO = WholeNumber("a whole number, or none", low=0, optional=True)
AXES = PerAxis("a whole number, or one per axis such as 3x1")
OPTIONAL_AXES = PerAxis("a whole number, or one per axis such as 3x1", optional=True)
PADDING = PaddingKind("a whole number, one per axis, `half` or `tf_same`", ("half", "tf_same", "same"), low=0)
POOL_PADDING = PaddingKind("a whole number, one per axis, or `half`", ("half", "same"), low=0)
AXES_FROM_ZERO = PerAxis("a whole number, or one per axis such as 3x1", low=0)
OPTIONAL_AXES_FROM_ZERO = PerAxis("a whole number, or one per axis such as 3x1", low=0, optional=True)
SIZES = Sizes("sizes such as 4x7x7, one of which may be -1")
TRUTH = Truth("true or false")
RATE = Number("a number", low=0.0, high=1.0)
POSITIVE = Number("a number", low=0.0)
OPTIONAL_POSITIVE = Number("a number, or none", low=0.0, optional=True)
ABOVE_ZERO = Number("a number", above=0.0)
REAL = Number("a number")
CONNECTIONS = IndexTable("a list that holds, for every output map, the list of the input maps it sees")
BITMAPS = Bitmaps("a list of strings of `#` and `.`")
