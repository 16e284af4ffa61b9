"""Records with which operators answer questions of reports, drawings and memory estimates."""

from dataclasses import dataclass
from typing import NamedTuple


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


def mask_saved(rate: float, values: int) -> Saved:
    """Return what a dropout saves: its mask of `values` numbers in the type of the input.

    PyTorch makes no mask for a rate of 0, and multiplies by a single zero for a rate of 1.
    """
    if rate.real == 0:
        return NOTHING_SAVED
    return Saved(of_batch=1) if rate.real == 1 else Saved(values=values)


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
    """The words for an operator in drawings and tables. Readers choose among the parts and never edit the title.

    Attributes:
        name: The kind of operator, such as `Conv`.
        size: The main number after the name: the window of `Conv 3×3`, the rate of `Dropout 0.1`.
        width: The number of channels or features of the result, which the shape of the result shows too.
        step: The stride in a title: `/2`, or `×2` if it enlarges the map; empty if it is 1 or there is no window.
        more: Further details of the title.
        short: The name in a chain of convolutions, None for the same name; empty for a plain convolution.
        entry: The entry in a table of stages, in the words of papers and without the stride.
        stride: The stride of the window in a table, such as `2` or `2×1`; empty if it is 1 or there is no window.
    """

    name: str
    size: str = ""
    width: str = ""
    step: str = ""
    more: tuple[str, ...] = ()
    short: str | None = None
    entry: str = ""
    stride: str = ""

    @property
    def title(self) -> str:
        """A few words for the operator's box in a drawing."""
        head = f"{self.name} {self.size or self.width}".rstrip()
        return ", ".join(filter(None, (head, self.width if self.size else "", self.step, *self.more)))

    @property
    def details(self) -> str:
        """The title without the name."""
        return ", ".join(filter(None, (self.size, self.width, self.step, *self.more)))

    @property
    def cell(self) -> str:
        """The entry in a table of stages; the title if there is no other."""
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


def times(count: int, terms: str) -> str:
    """Return a multiple of a sum as text: `3*(5*4 + 5*5)`, or the sum itself for a count of 1."""
    if count == 1:
        return terms
    depth = 0
    for char in terms:
        depth += (char == "(") - (char == ")")
        if char == "+" and depth == 0:
            return f"{int(count)}*({terms})"
    return f"{int(count)}*{terms}"
