"""Reasons why an operator rejects its input, with numbers and messages: divisibility, normalisation and merges."""

from dataclasses import dataclass
from math import isqrt

from archdsl.base.shape import Shape
from archdsl.diag import codes
from archdsl.ops.reasons import Reason, near_divisors


@dataclass(frozen=True, eq=False, repr=False)
class NothingLeft(Reason):
    """The padding of a transposed convolution removes the whole result."""

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
        return f"a side of {self.size} becomes {terms} = {self._full() - 2 * self.padding}"

    def help(self) -> str | None:
        return f"use at most padding = {(self._full() - 1) // 2}"

    def _full(self) -> int:
        return (self.size - 1) * self.stride + self.kernel + self.output_padding


@dataclass(frozen=True, eq=False, repr=False)
class UnevenParts(Reason):
    """The size of an axis is not divisible by the number of parts."""

    code = codes.NOT_DIVISIBLE
    argument: str
    channels: int
    parts: int
    what: str
    which: str = "channels"

    def label(self) -> str:
        return f"{self.channels} {self.which} cannot be split into {self.parts} equal {self.what}"

    def help(self) -> str | None:
        less = self.channels - self.channels % self.parts
        fitting = f"{less} or {less + self.parts}" if less else str(self.parts)
        return f"change the layer before it to {fitting} {self.which}"


@dataclass(frozen=True, eq=False, repr=False)
class UnevenBlocks(Reason):
    """A map cannot be divided into blocks."""

    code = codes.WINDOW_DOES_NOT_FIT
    size: int
    factor: int
    argument: str = "factor"

    def label(self) -> str:
        return (
            f"a side of {self.size} cannot be divided into blocks of {self.factor}: {self.size % self.factor} left over"
        )

    def help(self) -> str | None:
        return f"set `{self.argument}` to a divisor of {self.size}, or insert `pad` before it"


@dataclass(frozen=True, eq=False, repr=False)
class UnevenHeads(Reason):
    """The features are not divisible by the heads, or the heads by those of keys and values."""

    code = codes.NOT_DIVISIBLE
    argument: str
    count: int
    which: str
    parts: int
    what: str

    def label(self) -> str:
        return f"{self.count} {self.which} are not divisible by {self.parts} {self.what}"

    def help(self) -> str | None:
        near = near_divisors(self.count, self.parts)
        return f"set `{self.argument}` to a divisor of {self.count}, such as {near}"


@dataclass(frozen=True, eq=False, repr=False)
class NoSpread(Reason):
    """A normalisation would apply to single values."""

    code = codes.OUT_OF_RANGE
    argument: str
    what: str
    given: str
    advice: str = "move the normalisation before the map shrinks to one pixel"

    def label(self) -> str:
        return f"{self.what} of an input of {self.given} is a single value, whose variance is 0"

    def help(self) -> str | None:
        return self.advice


@dataclass(frozen=True, eq=False, repr=False)
class WrongOrder(Reason):
    """An order of axes does not list each axis once."""

    code = codes.WRONG_AXES
    argument: str
    order: tuple[int, ...]
    given: str
    rank: int

    def label(self) -> str:
        named = ", ".join(map(str, self.order))
        axes = ", ".join(map(str, range(self.rank)))
        return f"the order is {named}, but an input of {self.given} has the axes {axes}"

    def help(self) -> str | None:
        return f"list each of the axes {', '.join(map(str, range(self.rank)))} once; 0 is the channels"


@dataclass(frozen=True, eq=False, repr=False)
class VolumeDiffers(Reason):
    """A shape has another number of elements than the input."""

    code = codes.SHAPE_DIFFERS
    argument: str
    sizes: str
    volume: str
    given: str
    elements: int

    def label(self) -> str:
        return f"{self.sizes} needs {self.volume} elements, but an input of {self.given} has {self.elements}"

    def help(self) -> str | None:
        return None if "-1" in self.sizes else "write -1 for one of the sizes to compute it"


@dataclass(frozen=True, eq=False, repr=False)
class StepsDiffer(Reason):
    """The pixels of a map are not as many as the steps of the sequence."""

    code = codes.SHAPE_DIFFERS
    focus = "size"
    size: str
    pixels: int
    steps: int

    def label(self) -> str:
        return f"a map of {self.size} has {self.pixels} pixels, but the sequence has {self.steps} steps"

    def help(self) -> str | None:
        side = isqrt(self.steps)
        return f"write `maps({side}x{side})`" if side * side == self.steps else f"write `maps({self.steps})`"


@dataclass(frozen=True, eq=False, repr=False)
class StreamsDiffer(Reason):
    """The inputs of a merge have incompatible shapes.

    Attributes:
        operator: Name of the merge.
        inputs: The shapes.
        free: The axis along which sizes may differ, if any.
        stretches: Whether sizes of 1 broadcast.
    """

    code = codes.MERGE_DIFFERS
    operator: str
    inputs: tuple[Shape, ...]
    free: int | None = None
    stretches: bool = False

    def label(self) -> str:
        ranks = sorted({shape.rank for shape in self.inputs})
        if len(ranks) > 1:
            return f"`{self.operator}` needs inputs with equal numbers of axes, not {' and '.join(map(str, ranks))}"
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
            return f"give all branches equal sizes, except along axis {self.free}"
        if self.stretches:
            return "give all branches equal shapes; sizes of 1 broadcast"
        return self._stretching() or "give all branches equal shapes"

    def _stretching(self) -> str | None:
        """Return how to repeat a map of one pixel, where that would make the shapes equal."""
        largest = max(self.inputs, key=lambda shape: shape.volume)
        others = [shape for shape in self.inputs if shape.dims != largest.dims]
        fits = all(
            shape.rank == largest.rank
            and all(one in (1, size) for one, size in zip(shape.dims, largest.dims, strict=True))
            for shape in others
        )
        if not others or not fits:
            return None
        advice = f"unlike PyTorch, `{self.operator}` does not broadcast sizes of 1"
        narrow = others[0]
        if 2 <= narrow.rank <= 4 and narrow.channels == largest.channels:
            factors = [size // one for one, size in zip(narrow.map, largest.map, strict=True)]
            scale = "x".join(map(str, map(int, factors if len(set(factors)) > 1 else factors[:1])))
            return f"{advice}: write `upsample({scale})` at the end of the branch that gives {narrow}"
        return f"{advice}: give all branches equal shapes"


def _axis_name(axis: int, rank: int) -> str:
    if rank == 2:
        # Of a map with one axis, or of a sequence.
        return "number of channels or steps" if axis == 0 else "length or number of features"
    if axis == 0:
        return "number of channels" if rank > 1 else "number of features"
    return {3: {1: "height", 2: "width"}}.get(rank, {}).get(axis, f"axis {axis}")
