"""Reasons why an operator rejects its arguments or its input, with numbers and messages: windows and values."""

from dataclasses import dataclass, field, fields
from typing import ClassVar

from archdsl.diag import codes
from archdsl.diag.codes import Code


@dataclass(frozen=True, eq=False, repr=False)
class Reason:
    """Base class of reasons.

    Reasons are neither compared nor printed: start-up is faster without `__eq__` and `__repr__`.

    Attributes:
        code: The diagnostic code.
        focus: Name of the argument that the message points at, or "call" for the whole call. A field `argument`
            overrides it.
        about_stream: Whether the shape of the input contributes to the error, so that the message shows its origin.
    """

    code: ClassVar[Code]
    focus: ClassVar[str] = "call"
    about_stream: ClassVar[bool] = True

    def label(self) -> str:
        """Return the problem with its arithmetic, for display under the source line."""
        raise NotImplementedError

    def help(self) -> str | None:
        """Return an instruction that solves the problem, or None."""
        return None

    def argument_to_add(self) -> tuple[str, str] | None:
        """Return the argument that `help` offers, and its value as text; None if it offers none."""
        return None

    @property
    def at(self) -> str:
        """Name of the argument that the message points at, or "call"."""
        return next((getattr(self, f.name) for f in fields(self) if f.name == "argument"), self.focus)


class ShapeError(Exception):
    """An operator cannot be applied; `reason` has the details."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.label())
        self.reason = reason


@dataclass(frozen=True, eq=False, repr=False)
class WrongValue(Reason):
    """The value of an argument has the wrong type."""

    code = codes.WRONG_VALUE
    argument: str
    wanted: str
    given: str
    advice: str | None = None

    def label(self) -> str:
        return f"`{self.argument}` must be {self.wanted}, not {self.given}"

    def help(self) -> str | None:
        return self.advice


@dataclass(frozen=True, eq=False, repr=False)
class OutOfRange(Reason):
    """A number is out of range."""

    code = codes.OUT_OF_RANGE
    argument: str
    given: str
    bound: str

    def label(self) -> str:
        return f"`{self.argument}` is {self.given}, but must be {self.bound}"

    def help(self) -> str | None:
        if self.bound == "from 0 to 1" and self._is_percentage():
            return f"write {float(self.given) / 100:g} for {self.given}%"
        if self.bound.startswith(("at ", "from ", "below ", "above ")):
            return f"write a number {'of ' if self.bound.startswith('at ') else ''}{self.bound}"
        return f"change `{self.argument}`, or remove it"

    def _is_percentage(self) -> bool:
        try:
            return 1 < float(self.given) < 100
        except ValueError:
            return False


@dataclass(frozen=True, eq=False, repr=False)
class AmbiguousPadding(Reason):
    """`same` is ambiguous."""

    code = codes.AMBIGUOUS_PADDING
    argument: str

    def label(self) -> str:
        return "frameworks pad differently for `same`"

    def help(self) -> str | None:
        return (
            "use `half` for (k-1)/2 zeros on both sides (as in most PyTorch models), `tf_same` for TensorFlow's "
            "padding, or a number"
        )


# A window that is larger than AlexNet's first one is rather a mistake than a window.
_LARGE = 11


@dataclass(frozen=True, eq=False, repr=False)
class WindowDoesNotFit(Reason):
    """The window is larger than the padded map."""

    code = codes.WINDOW_DOES_NOT_FIT
    map: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    paddable: bool = field(default=True, kw_only=True)

    def _worst(self) -> int:
        lacking = [self.needed(axis) - self.padded(axis) for axis in range(len(self.map))]
        return lacking.index(max(lacking))

    def needed(self, axis: int) -> int:
        """Return the number of pixels that the dilated window spans along an axis."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def padded(self, axis: int) -> int:
        """Return the size of the padded map along an axis."""
        return self.map[axis] + self.before[axis] + self.after[axis]

    def label(self) -> str:
        axis = self._worst()
        window = "x".join(map(str, self.kernel))
        terms = sliding(self.map[axis], self.needed(axis), self.stride[axis], self.before[axis], self.after[axis])
        result = (self.padded(axis) - self.needed(axis)) // self.stride[axis] + 1
        dilated = f", dilated to {self.needed(axis)}," if self.dilation[axis] > 1 else ""
        return f"kernel {window}{dilated} on {_map(self.map)}: {terms} = {result}"

    def help(self) -> str | None:
        padding = self._sufficient()
        if padding is None:
            return "use a smaller kernel, or smaller strides before it"
        return f"add padding = {padding}, or use a smaller kernel"

    def argument_to_add(self) -> tuple[str, str] | None:
        padding = self._sufficient()
        return None if padding is None else ("padding", str(padding))

    def _sufficient(self) -> int | None:
        """Return the padding with which the window fits, None if it would be more than half of the window."""
        axis = self._worst()
        missing = self.needed(axis) - self.padded(axis)
        padding = max(self.before[axis], self.after[axis]) + -(-missing // 2)
        if padding * 2 > self.needed(axis) or (self.needed(axis) > _LARGE and missing > 2) or not self.paddable:
            # A large kernel that does not fit is rather another number in its place than a lack of padding.
            return None
        return padding


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _axes(number: int) -> str:
    return "1 axis" if number == 1 else f"{number} axes"


def _map(sizes: tuple[int, ...]) -> str:
    """Return the sizes of a map with its article: `a 3x3 map`, `an 8x8 map`, `a map of 6`."""
    if len(sizes) == 1:
        return f"a map of {sizes[0]}"
    text = "x".join(map(str, sizes))
    return f"{'an' if text.startswith('8') or sizes[0] in (11, 18) else 'a'} {text} map"


def sliding(size: int, kernel: int, stride: int, before: int, after: int) -> str:
    """Return the formula of a window's positions: `(32 + 2*0 - 5)/1 + 1`."""
    padding = f"2*{before}" if before == after else f"{before} + {after}"
    return f"({size} + {padding} - {kernel})/{stride} + 1"


@dataclass(frozen=True, eq=False, repr=False)
class PaddingTooLarge(Reason):
    """The padding is more than half of the window, which PyTorch's pools refuse."""

    code = codes.PADDING_TOO_LARGE
    focus = "padding"
    about_stream = False
    padding: int
    kernel: int

    def label(self) -> str:
        return f"padding {self.padding} is more than half of the window of {self.kernel}: some windows contain no pixel"

    def help(self) -> str | None:
        return f"use at most padding = {self.kernel // 2}"


@dataclass(frozen=True, eq=False, repr=False)
class PaddedTooLarge(Reason):
    """The padded map, which TensorFlow's padding needs, has more elements than PyTorch can count."""

    code = codes.NUMBER_TOO_LARGE
    focus = "dilation"
    about_stream = False
    padded: tuple[int, ...]

    def label(self) -> str:
        return f"`tf_same` pads the map to {'x'.join(map(str, self.padded))}, which has more than 2**59 elements"

    def help(self) -> str | None:
        return "use a smaller dilation"


@dataclass(frozen=True, eq=False, repr=False)
class HalfNeedsOdd(Reason):
    """`half` padding needs an odd window."""

    code = codes.OUT_OF_RANGE
    focus = "padding"
    about_stream = False
    kernel: int

    def label(self) -> str:
        return f"`half` of a window of {self.kernel} is ({self.kernel} - 1)/2, which is not an integer"

    def help(self) -> str | None:
        return "use an odd kernel, or a number of zeros for `padding`"


@dataclass(frozen=True, eq=False, repr=False)
class WrongRank(Reason):
    """The input has the wrong number of axes."""

    code = codes.WRONG_RANK
    wanted: str
    given: str
    advice: str | None = None

    def label(self) -> str:
        return f"needs {self.wanted}, but the input is {self.given}"

    def help(self) -> str | None:
        return self.advice or "change the shape before it, with `reshape` for example, or use another operator"


@dataclass(frozen=True, eq=False, repr=False)
class WrongAxes(Reason):
    """The number of values of an argument is not the number of axes of the map."""

    code = codes.WRONG_AXES
    argument: str
    given: int
    wanted: int

    def label(self) -> str:
        return f"`{self.argument}` has {_counted(self.given, 'value')}, but the map has {_axes(self.wanted)}"

    def help(self) -> str | None:
        each = "" if self.wanted == 1 else f", or one for each axis, such as {'x'.join(['3'] * self.wanted)}"
        return f"write one number{each}"


@dataclass(frozen=True, eq=False, repr=False)
class NotDivisible(Reason):
    """The number of channels is not divisible by the number of groups."""

    code = codes.NOT_DIVISIBLE
    focus = "groups"
    channels: int
    groups: int
    which: str

    def label(self) -> str:
        return f"{self.channels} {self.which} are not divisible by {self.groups} groups"

    def help(self) -> str | None:
        return f"set `{self.at}` to a divisor of {self.channels}, such as {near_divisors(self.channels, self.groups)}"


def near_divisors(number: int, wanted: int) -> str:
    """Return the three divisors of a number that are nearest to `wanted`: `2, 3, 4`."""
    fitting = [n for n in range(1, min(number, 1024) + 1) if number % n == 0]
    return ", ".join(map(str, sorted(sorted(fitting, key=lambda n: (abs(n - wanted), n))[:3])))


@dataclass(frozen=True, eq=False, repr=False)
class TableDoesNotFit(Reason):
    """A connection table or a table of targets does not fit the input or the output."""

    code = codes.TABLE_DOES_NOT_FIT
    argument: str
    problem: str
    advice: str | None = None

    def label(self) -> str:
        return self.problem

    def help(self) -> str | None:
        return self.advice


@dataclass(frozen=True, eq=False, repr=False)
class PixelsSkipped(Reason):
    """The stride is larger than the window, so that pixels between windows are not read."""

    code = codes.PIXELS_SKIPPED
    about_stream = False
    extent: int
    stride: int

    def label(self) -> str:
        return f"windows of {self.extent} at a distance of {self.stride} skip {self.stride - self.extent} between them"

    def help(self) -> str | None:
        return f"the window comes before the stride: write `{self.stride}, {self.extent}` if you meant that"


@dataclass(frozen=True, eq=False, repr=False)
class ZeroWindows(Reason):
    """The padding is as large as the window, so that the first windows read zeros only."""

    code = codes.ZERO_WINDOWS
    focus = "padding"
    about_stream = False
    extent: int
    padding: int
    channels: int

    def label(self) -> str:
        return f"a window of {self.extent} lies in the {self.padding} zeros: the border of the result is constant"

    def help(self) -> str | None:
        half = f"write {self.extent // 2}, which keeps the size of the map" if self.extent % 2 else "use less padding"
        # The number may be meant for the argument that comes after the padding in PyTorch.
        groups = (
            f"; for a depthwise convolution, write `groups = {self.channels}`" if self.padding == self.channels else ""
        )
        return half + groups


@dataclass(frozen=True, eq=False, repr=False)
class PixelsUnread(Reason):
    """The window does not read the last pixels of the map."""

    code = codes.PIXELS_UNREAD
    size: int
    kernel: int
    stride: int
    before: int
    after: int
    unread: int
    fitting: int
    lines: tuple[str, ...] = ()

    def label(self) -> str:
        terms = sliding(self.size, self.kernel, self.stride, self.before, self.after).replace(" + 2*0", "")
        exact = (self.size + self.before + self.after - self.kernel) / self.stride + 1
        if self.unread == 1:
            lost = f"{' and '.join(self.lines)} {'is' if len(self.lines) == 1 else 'are'}"
        else:
            lost = f"{self.unread} {' and '.join(f'{line}s' for line in self.lines)} are"
        return f"{terms} = {exact:g}: the last {lost} not read"

    def help(self) -> str | None:
        side = {"row": "height", "column": "width", "slice": "depth", "value": "length"}[self.lines[0]]
        side = side if len(self.lines) == 1 else "side"
        return f"a {side} of {self.fitting} fits exactly; change the input or add padding"
