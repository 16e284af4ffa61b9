"""Records with which operators answer questions of reports, drawings and memory estimates."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

# The first and the last position along an axis; if the first is greater than the last, there is no position.
Interval: TypeAlias = tuple[int, int]


class AxisWindow(NamedTuple):
    """The input positions that a unit reads along one axis.

    Unit o reads the integer positions between (step*o + first)/per and (step*o + last)/per, both inclusive.
    """

    step: int
    first: int
    last: int
    per: int = 1

    def interval(self, start: int, end: int) -> Interval:
        """Return the first and the last position that the units from `start` to `end` read."""
        return -((-self.step * start - self.first) // self.per), (self.step * end + self.last) // self.per


class InputDependence(NamedTuple):
    """The input positions that a unit of the result depends on; channels are not distinguished.

    Attributes:
        axes: One window for each axis of the map. Without windows, a unit depends on its own position only.
        everything: Whether a unit depends on all positions, or the operator moves units so that their positions are
            not followed.
        is_sequence: Whether positions are steps of a sequence (`[time, features]`) or pixels of a map; None if the
            operator treats both alike.
    """

    axes: tuple[AxisWindow, ...] = ()
    everything: bool = False
    is_sequence: bool | None = None


EVERYTHING = InputDependence(everything=True)
ITSELF = InputDependence()
STEP_ITSELF = InputDependence(is_sequence=True)
PIXEL_ITSELF = InputDependence(is_sequence=False)


def map_dependence(*axes: AxisWindow) -> InputDependence:
    """Return the dependence of units on a map, with one window for each of its axes."""
    return InputDependence(axes, is_sequence=False)


class Saved(NamedTuple):
    """The tensors that autograd saves between the forward and the backward pass.

    Attributes:
        input: Whether it saves the inputs.
        output: Whether it saves the result.
        values: Number of other values of the tensor's type, for each sample.
        integers: Number of other values of eight bytes, for each sample.
        of_batch: Number of other values of the tensor's type that do not depend on the batch size.
        in_backward: Number of values for each sample that only the operator's own backward pass allocates.
    """

    input: bool = False
    output: bool = False
    values: int = 0
    integers: int = 0
    of_batch: int = 0
    in_backward: int = 0


NOTHING_SAVED = Saved()
INPUT_SAVED = Saved(input=True)
OUTPUT_SAVED = Saved(output=True)


@dataclass(frozen=True, slots=True)
class Autograd:
    """How an operator uses memory in training.

    The defaults are safe for every operator that is no view.

    Attributes:
        needs_output: Whether the result must not be overwritten, since autograd saves it or it may be the input's
            memory. If not, the next operator may work in place.
        is_view: Whether the result always is the input's memory.
        shares_gradient: Whether the gradients of the inputs are the gradient of the result, or views of it.
        copies_in_place: Whether autograd copies the input first if the operator works in place.
    """

    needs_output: bool = True
    is_view: bool = False
    shares_gradient: bool = False
    copies_in_place: bool = False


OUTPUT_IS_FREE = Autograd(needs_output=False)
VIEW = Autograd(is_view=True, shares_gradient=True)
COPIES_IN_PLACE = Autograd(copies_in_place=True)


class Drawing(NamedTuple):
    """The words for an operator in drawings and tables.

    Attributes:
        title: A few words for its box in a drawing.
        entry: Its entry in a table of stages, in the words of papers and without the stride; empty if it is the title.
        stride: The stride of its window, such as `2` or `2×1`; empty if it is 1 or there is no window.
    """

    title: str
    entry: str = ""
    stride: str = ""

    @property
    def cell(self) -> str:
        """Its entry in a table of stages."""
        return self.entry or self.title


class Sums(NamedTuple):
    """The arithmetic behind an operator's numbers, for explanations; empty where there is none.

    Attributes:
        shape: A formula for each axis of the result.
        params: A product or sum that gives the number of parameters.
        macs: A product that gives the multiply-accumulates.
        why: A sentence about the shape of the result.
    """

    shape: tuple[str, ...] = ()
    params: str = ""
    macs: str = ""
    why: str = ""


def product(*factors: int) -> str:
    """Return a product as text: `11*11*3*48`."""
    return "*".join(str(int(factor)) for factor in factors)
