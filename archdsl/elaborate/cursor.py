"""The point that unfolding has reached: the current stream and the device."""

from typing import NamedTuple

from archdsl.base.shape import Shape
from archdsl.elaborate.streams import Bundle, Stream, Tensor
from archdsl.elaborate.values import ERROR, ErrorValue


class Cursor(NamedTuple):
    """The stream that the next step reads, its device, and the number of the tower that it belongs to.

    The stream is None before the first input, and an error value after a mistake: later steps are bound, but their
    shapes are not checked.
    """

    stream: Stream | ErrorValue | None = None
    device: str | None = None
    tower: int | None = None

    @property
    def failed(self) -> bool:
        """Whether a step before this point is wrong."""
        return self.stream is ERROR

    @property
    def shape(self) -> Shape | None:
        """Shape of the stream; None unless the stream is a single tensor."""
        return self.stream.shape if isinstance(self.stream, Tensor) else None

    @property
    def is_bundle(self) -> bool:
        """Whether several tensors flow side by side."""
        return isinstance(self.stream, Bundle)

    def at(self, stream: Stream | ErrorValue | None) -> "Cursor":
        """Return the cursor with another stream."""
        return Cursor(stream, self.device, self.tower)

    def on(self, device: str | None) -> "Cursor":
        """Return the cursor on another device."""
        return Cursor(self.stream, device, self.tower)

    def error(self) -> "Cursor":
        """Return the cursor with an error value as its stream."""
        return Cursor(ERROR, self.device, self.tower)
