"""Roles of axes: whether a tensor is a feature map, a sequence or a vector, which its shape alone does not say."""

from enum import Enum
from typing import Final


class Role(Enum):
    """The meaning of a tensor's axes.

    A map has channels and one to three axes of pixels. With `CHANNELS_LAST`, the channels follow the pixels. A sequence
    has steps and features. The axes of a plain tensor have no known meaning.
    """

    MAP = "map"
    CHANNELS_LAST = "channels_last"
    SEQUENCE = "sequence"
    VECTOR = "vector"
    PLAIN = "plain"

    # Each member is there once. An enumeration computes the hash of its name.
    __hash__ = object.__hash__

    @property
    def is_map(self) -> bool:
        """Whether the axes are channels and pixels, in either order."""
        return self in (Role.MAP, Role.CHANNELS_LAST)

    def fits(self, rank: int) -> bool:
        """Return whether a tensor with this number of axes can have the role."""
        return rank in _RANKS[self]

    def axis(self, word: str, rank: int) -> int | None:
        """Return the axis that a word names in a tensor of this role; None if the word belongs to another role."""
        if not self.fits(rank):
            return None
        return _words(self, rank).get(word)

    def words(self, rank: int) -> tuple[str, ...]:
        """Return the words that name the axes, in the order of the axes."""
        found = _words(self, rank)
        return tuple(sorted(found, key=lambda word: found[word]))

    def position_axes(self, rank: int) -> tuple[int, ...]:
        """Return the axes of pixels or steps. A vector and a plain tensor have none."""
        if self is Role.MAP:
            return tuple(range(1, rank))
        if self is Role.CHANNELS_LAST:
            return tuple(range(rank - 1))
        return (0,) if self is Role.SEQUENCE else ()

    def described(self) -> str:
        """Return the role with an article, for messages."""
        return _DESCRIBED[self]


_RANKS: Final = {
    Role.MAP: range(2, 5),
    Role.CHANNELS_LAST: range(2, 5),
    Role.SEQUENCE: range(2, 3),
    Role.VECTOR: range(1, 2),
    Role.PLAIN: range(100),
}
_DESCRIBED: Final = {
    Role.MAP: "a map",
    Role.CHANNELS_LAST: "a map with the channels last",
    Role.SEQUENCE: "a sequence",
    Role.VECTOR: "a vector",
    Role.PLAIN: "a plain tensor",
}
# The words for the axes of pixels, by the number of these axes.
_PIXELS: Final = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
# The position of each word in a tensor without a role.
BY_POSITION: Final = {
    "channels": 0, "steps": 0, "depth": -3, "height": -2, "width": -1, "length": -1, "features": -1,
}  # fmt: skip
# The words for sizes of the pixel axes of a map.
PIXEL_WORDS: Final = frozenset({"length", "depth", "height", "width"})


def _words(role: Role, rank: int) -> dict[str, int]:
    if role is Role.VECTOR:
        return {"features": 0, "channels": 0}
    if role is Role.SEQUENCE:
        return {"steps": 0, "features": 1}
    pixels = _PIXELS.get(rank - 1, ())
    if role is Role.MAP:
        return {"channels": 0, **{word: axis for axis, word in enumerate(pixels, 1)}}
    if role is Role.CHANNELS_LAST:
        return {**{word: axis for axis, word in enumerate(pixels)}, "channels": rank - 1}
    return {}


def role_of_input(rank: int) -> Role:
    """Return the role of an input that states none, by the number of its axes."""
    if rank == 1:
        return Role.VECTOR
    return Role.MAP if rank in (3, 4) else Role.PLAIN


def joined(roles: tuple[Role, ...]) -> Role:
    """Return the role of a tensor that merges tensors of these roles: plain where two of them contradict."""
    known = {role for role in roles if role is not Role.PLAIN}
    return known.pop() if len(known) == 1 else Role.PLAIN
