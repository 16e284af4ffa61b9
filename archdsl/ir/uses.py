"""Uses of blocks: their arguments, the tests that decided about their steps, and their elaboration with others."""

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TypeAlias

from archdsl.base.guards import Guard
from archdsl.base.items import is_item
from archdsl.base.records import record
from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.base.substitution import evaluated
from archdsl.ir.origin import Choice, Tested

Plain: TypeAlias = bool | int | float | str
# Elaborates a use of a block with other values for some names. Returns a `Graph` with the block as its only step,
# or None if the block refuses the values. The type is `object`, because a graph contains uses.
Again: TypeAlias = Callable[[Mapping[str, Plain]], object]


@record(frozen=True, slots=True)
class Argument:
    """A parameter of a block in one use: its value in the parameters of the caller, and its default, if any.

    A default is expressed in the other parameters of the block. `of_map` is true of the sizes of its input streams
    beside the channels.
    """

    name: str
    value: int | float
    default: int | float | None = None
    of_map: bool = False


@record(frozen=True, slots=True)
class Use:
    """The use of a block.

    `tensors` are the names and paths of its further input streams after the first, `guards` the conditions on its
    arguments that hold in this use. `parameters` are the names of the parameters of the block, `choices` the arguments
    that are no numbers, and `tests` the tests that decided about its steps. `again` elaborates the block with other
    arguments; it is None for a use in a tower or on a device.
    """

    block: str
    doc: tuple[str, ...]
    span: Span
    arguments: tuple[Argument, ...]
    tensors: tuple[tuple[str, tuple[str, ...]], ...] = ()
    guards: tuple[Guard, ...] = ()
    parameters: tuple[str, ...] = field(default=(), repr=False, compare=False)
    choices: tuple[Choice, ...] = field(default=(), repr=False, compare=False)
    tests: tuple[Tested, ...] = field(default=(), repr=False, compare=False)
    again: Again | None = field(default=None, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The arguments in words: `in_channels = 64, width = 128`, without lists, and without sizes of maps."""
        shown = (each for each in self.arguments if not each.of_map and not is_item(each.name))
        return ", ".join(f"{each.name} = {each.value}" for each in shown)

    def outside(self, shape: Shape) -> Shape:
        """Return a shape in the parameters of the block as its caller computes it."""
        given = {argument.name: argument.value for argument in self.arguments}
        return Shape(tuple(evaluated(size, given) for size in shape.dims))
