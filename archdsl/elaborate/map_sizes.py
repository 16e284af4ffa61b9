"""The names of the axes of a block's tensors, and the blocks that read the sizes of a map."""

from archdsl.base.role import PIXEL_WORDS
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.walk import Walk
from archdsl.syntax.ast_queries import mentioned

_WORDS = frozenset({*PIXEL_WORDS, "shape"})
# The axes of the ranks that have names of their own.
_AXES = {1: ("features",), 2: ("channels", "features"), 3: ("channels", "height", "width")}


def axis_name(rank: int, axis: int) -> str:
    """Return the name of an axis: `height`, or `size2` in a tensor of four and more axes."""
    return _AXES[rank][axis] if rank in _AXES else f"size{axis}" if axis else "channels"


def is_map_size(rank: int, axis: int) -> bool:
    """Return whether an axis is one of those that a map has beside its channels."""
    return rank > 2 and axis > 0


def may_be_channels(rank: int, axis: int) -> bool:
    """Return whether an axis holds the channels of a stack of maps: layers behind the sum of the maps read them."""
    return rank > 3 and axis == 1


def reads_map_sizes(walk: Walk, callee: Defined, given: dict[str, Defined]) -> bool:
    """Return whether a block, or a macro that it calls, mentions a word for the sizes of its input.

    Args:
        walk: The elaboration, which keeps the answer.
        callee: The block.
        given: Its arguments that are blocks or macros.
    """
    return any([_mentions(walk, each, set()) for each in (callee, *given.values())])


def _mentions(walk: Walk, callee: Defined, entered: set[int]) -> bool:
    definition = callee.definition
    found = walk.reads_map_sizes.get(id(definition))
    if found is None:
        entered.add(id(definition))
        names = {*mentioned(definition)} - {param.name.text for param in definition.params}
        called = [callee.library.names.get(name) for name in names]
        found = bool(names & _WORDS) or any(
            _mentions(walk, each, entered)
            for each in called
            if each is not None and each.definition.kind == "macro" and id(each.definition) not in entered
        )
        walk.reads_map_sizes[id(definition)] = found
    return found
