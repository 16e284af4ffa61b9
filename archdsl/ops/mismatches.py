"""Why a stream cannot be spread, split, normalised or given another shape: the reasons that are not about windows."""

from dataclasses import dataclass

from archdsl.diag import codes
from archdsl.ops.reasons import Reason


@dataclass(frozen=True)
class NothingLeft(Reason):
    """A transposed convolution whose padding crops everything that it would give."""

    code = codes.WINDOW_DOES_NOT_FIT
    focus = "padding"
    size: int
    kernel: int
    stride: int
    padding: int
    output_padding: int

    def label(self) -> str:
        terms = f"({self.size} - 1)*{self.stride} - 2*{self.padding} + {self.kernel}"
        if self.output_padding:
            terms += f" + {self.output_padding}"
        return f"a map of side {self.size} becomes {terms} = {self._full() - 2 * self.padding}"

    def help(self) -> str | None:
        return f"use at most padding = {(self._full() - 1) // 2}"

    def _full(self) -> int:
        return (self.size - 1) * self.stride + self.kernel + self.output_padding


@dataclass(frozen=True)
class UnevenParts(Reason):
    """The channels do not split into as many parts as the operator makes of them."""

    code = codes.NOT_DIVISIBLE
    argument: str
    channels: int
    parts: int
    what: str

    def label(self) -> str:
        return f"{self.channels} channels do not split into {self.parts} equal {self.what}"

    def help(self) -> str | None:
        less = self.channels - self.channels % self.parts
        fitting = f"{less} or {less + self.parts}" if less else str(self.parts)
        return f"give the step before it {fitting} channels"


@dataclass(frozen=True)
class UnevenBlocks(Reason):
    """A map does not split into blocks."""

    code = codes.WINDOW_DOES_NOT_FIT
    focus = "factor"
    size: int
    factor: int

    def label(self) -> str:
        return f"a side of {self.size} does not split into blocks of {self.factor}: {self.size % self.factor} left over"

    def help(self) -> str | None:
        return f"use a factor that divides {self.size}, or pad or crop the map before"


@dataclass(frozen=True)
class NoSpread(Reason):
    """What is normalised together is a single value."""

    code = codes.OUT_OF_RANGE
    argument: str
    what: str
    given: str

    def label(self) -> str:
        return f"{self.what} of a {self.given} stream is a single value, which has no spread to normalise by"

    def help(self) -> str | None:
        if self.argument == "groups":
            return "use fewer groups, or normalise before the map has shrunk to one pixel"
        return "normalise before the map has shrunk to one pixel"


@dataclass(frozen=True)
class WrongOrder(Reason):
    """An order of axes that does not name each axis once."""

    code = codes.WRONG_AXES
    argument: str
    order: tuple[int, ...]
    given: str
    rank: int

    def label(self) -> str:
        named = ", ".join(map(str, self.order))
        axes = ", ".join(map(str, range(self.rank)))
        return f"the order is {named}, and the stream {self.given} has the axes {axes}"

    def help(self) -> str | None:
        return "name every axis once; 0 is the channels"


@dataclass(frozen=True)
class VolumeDiffers(Reason):
    """The sizes hold another number of elements than the stream has."""

    code = codes.SHAPE_DIFFERS
    argument: str
    sizes: str
    volume: str
    given: str
    elements: int

    def label(self) -> str:
        return f"{self.sizes} takes {self.volume} elements, and the stream {self.given} has {self.elements}"

    def help(self) -> str | None:
        return None if "-1" in self.sizes else "-1 in place of one size computes it"
