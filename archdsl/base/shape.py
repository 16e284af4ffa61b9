"""Shapes of samples: channels first, without the batch axis."""

from math import prod

from archdsl.base.records import record


@record(frozen=True, slots=True)
class Shape:
    """Sizes of one sample, such as 3x224x224 (channels, height, width) or 400 (features)."""

    dims: tuple[int, ...]

    @staticmethod
    def of(*dims: int) -> "Shape":
        """Return the shape with these sizes."""
        return Shape(dims)

    @property
    def rank(self) -> int:
        """Number of axes, without the batch."""
        return len(self.dims)

    @property
    def channels(self) -> int:
        """Size of the first axis."""
        return self.dims[0]

    @property
    def map(self) -> tuple[int, ...]:
        """Sizes of the axes after the channels: length, height and width, or depth, height and width."""
        return self.dims[1:]

    @property
    def volume(self) -> int:
        """Number of elements of one sample."""
        return prod(self.dims)

    def plain(self) -> "Shape":
        """Return the shape with plain integers in place of traced ones."""
        return Shape(tuple([dim.real for dim in self.dims]))

    def __str__(self) -> str:
        return "x".join(str(dim.real) for dim in self.dims) or "scalar"
