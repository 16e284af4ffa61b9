"""Why a stream cannot be spread, split, normalised or given another shape: the reasons that are not about windows."""

from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.diag import codes
from archdsl.ops.reasons import Reason, near_divisors


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
    which: str = "channels"

    def label(self) -> str:
        return f"{self.channels} {self.which} do not split into {self.parts} equal {self.what}"

    def help(self) -> str | None:
        less = self.channels - self.channels % self.parts
        fitting = f"{less} or {less + self.parts}" if less else str(self.parts)
        return f"give the step before it {fitting} {self.which}"


@dataclass(frozen=True)
class UnevenBlocks(Reason):
    """A map does not split into blocks."""

    code = codes.WINDOW_DOES_NOT_FIT
    size: int
    factor: int
    argument: str = "factor"

    def label(self) -> str:
        return f"a side of {self.size} does not split into blocks of {self.factor}: {self.size % self.factor} left over"

    def help(self) -> str | None:
        return f"use a {self.argument} that divides {self.size}, or pad or crop the map before"


@dataclass(frozen=True)
class UnevenHeads(Reason):
    """Features do not split into heads, or heads into those that share keys and values."""

    code = codes.NOT_DIVISIBLE
    argument: str
    count: int
    which: str
    parts: int
    what: str

    def label(self) -> str:
        return f"{self.count} {self.which} do not split into {self.parts} equal {self.what}"

    def help(self) -> str | None:
        near = near_divisors(self.count, self.parts)
        return f"use a number for `{self.argument}` that divides {self.count}, such as {near}"


@dataclass(frozen=True)
class NoSpread(Reason):
    """What is normalised together is a single value."""

    code = codes.OUT_OF_RANGE
    argument: str
    what: str
    given: str
    advice: str = "normalise before the map has shrunk to one pixel"

    def label(self) -> str:
        return f"{self.what} of a {self.given} stream is a single value, which has no spread to normalise by"

    def help(self) -> str | None:
        return self.advice


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


@dataclass(frozen=True)
class StreamsDiffer(Reason):
    """Streams that do not go together. `free` is the axis on which they may differ, `stretches` that 1 fits all."""

    code = codes.MERGE_DIFFERS
    operator: str
    inputs: tuple[Shape, ...]
    free: int | None = None
    stretches: bool = False

    def label(self) -> str:
        ranks = sorted({shape.rank for shape in self.inputs})
        if len(ranks) > 1:
            return (
                f"`{self.operator}` takes streams with as many axes as each other, not {' and '.join(map(str, ranks))}"
            )
        axes = [axis for axis in range(ranks[0]) if axis != self.free and self._differ(axis)]
        names = " and ".join(_axis_name(axis, ranks[0]) for axis in axes)
        return f"the {names} {'differ' if len(axes) > 1 else 'differs'}: {self._shapes()}"

    def _differ(self, axis: int) -> bool:
        sizes = {int(shape.dims[axis]) for shape in self.inputs}
        return len(sizes - {1} if self.stretches else sizes) > 1

    def _shapes(self) -> str:
        return " and ".join(dict.fromkeys(map(str, self.inputs)))

    def help(self) -> str | None:
        if self.operator == "concat":
            return "streams may differ in the axis along which they are put, and in no other"
        return "give all branches the same shape" + ("; a side of 1 is stretched" if self.stretches else "")


def _axis_name(axis: int, rank: int) -> str:
    if axis == 0:
        return "number of channels" if rank > 1 else "number of features"
    return {1: {1: "length"}, 2: {1: "length"}, 3: {1: "height", 2: "width"}}.get(rank, {}).get(axis, f"axis {axis}")
