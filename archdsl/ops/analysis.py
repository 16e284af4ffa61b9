"""What a unit of a result sees of the input, and what a training keeps of a step: answers of operators to reports."""

from dataclasses import dataclass
from typing import TypeAlias

# The first and the last position along an axis; where the first lies behind the last there are none.
Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class AxisWindow:
    """What a unit reads along an axis, in integers: unit o, the positions between two numbers, inclusive.

    They are (step*o + first)/per and (step*o + last)/per.
    """

    step: int
    first: int
    last: int
    per: int = 1

    def span(self, start: int, end: int) -> Span:
        """Return the first and the last position that units from `start` to `end` read."""
        return -((-self.step * start - self.first) // self.per), (self.step * end + self.last) // self.per


@dataclass(frozen=True, slots=True)
class InputDependence:
    """What the units of a result see of the input: `axes` holds their reach along each axis of the map.

    Without axes a unit sees only its own position; with `everything`, all positions. `is_sequence` says that positions
    are the steps of a sequence: None where both kinds of stream are taken alike.
    """

    axes: tuple[AxisWindow, ...] = ()
    everything: bool = False
    is_sequence: bool | None = None


EVERYTHING = InputDependence(everything=True)
ITSELF = InputDependence()
STEP_ITSELF = InputDependence(is_sequence=True)


def map_dependence(*axes: AxisWindow) -> InputDependence:
    """Return the dependence of units on a map."""
    return InputDependence(axes, is_sequence=False)


@dataclass(frozen=True, slots=True)
class Saved:
    """What autograd keeps of a step until its gradient is computed, for one sample.

    `input` and `output` say that it is what goes in or comes out; `values` are further numbers of the stream's type,
    `integers` further ones of eight bytes. `of_batch` are numbers that a batch has once, however many samples it holds.
    `back` are numbers that are on their way back within the step itself, where PyTorch computes it in several.
    """

    input: bool = False
    output: bool = False
    values: int = 0
    integers: int = 0
    of_batch: int = 0
    back: int = 0


NOTHING_SAVED = Saved()
INPUT_SAVED = Saved(input=True)
OUTPUT_KEPT = Saved(output=True)


@dataclass(frozen=True, slots=True)
class Sums:
    """How the numbers of a step come about, as sums that can be computed by hand; empty where there is none.

    `shape` has a line for each axis, `why` says in a sentence what makes the shape.
    """

    shape: tuple[str, ...] = ()
    params: str = ""
    macs: str = ""
    why: str = ""


Numbers: TypeAlias = tuple[int, ...]


def product(*factors: int) -> str:
    """Return a product as it is written: `11*11*3*48`."""
    return "*".join(str(int(factor)) for factor in factors)
