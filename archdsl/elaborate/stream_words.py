"""Words for the sizes of the stream, such as `channels` and `width`, and warnings about words of another role."""

from collections.abc import Iterator

from archdsl.base.role import BY_POSITION, PIXEL_WORDS
from archdsl.diag import codes
from archdsl.diag.model import Fix, Problems
from archdsl.elaborate import near_misses
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Tensor
from archdsl.ops.argument_types import CHANNELS
from archdsl.ops.base import Op
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import names_in


def stream_names(cursor: Cursor) -> frozenset[str]:
    """Return the names for the sizes of the stream: those of its role, or those of a map if the role is unknown."""
    if cursor.stream is None:
        return frozenset()
    stream = cursor.stream
    words = stream.role.words(stream.shape.rank) if isinstance(stream, Tensor) else ()
    return frozenset({"shape", *(words or ("channels", "height", "width"))})


def axis_of(problems: Problems, name: ast.Name, tensor: Tensor) -> int | None:
    """Return the axis that a word names; None if the stream has no such axis.

    A word that belongs to another role is reported, and means the axis at its position.
    """
    word, rank, role = name.text, tensor.shape.rank, tensor.role
    axis = axis_at(word, tensor)
    if axis is not None and role.axis(word, rank) is None and (right := role.words(rank)):
        _report_word(problems, name, tensor, right, axis)
    return axis


def axis_at(word: str, tensor: Tensor) -> int | None:
    """Return the axis that a word names, or else the axis at its position; None if the stream has no such axis."""
    rank = tensor.shape.rank
    axis = tensor.role.axis(word, rank)
    if axis is not None:
        return axis
    place = BY_POSITION[word]
    # Pixels follow the channels, so that one axis more is needed.
    return place % rank if rank > (-place if word in PIXEL_WORDS else 0) else None


def _report_word(problems: Problems, name: ast.Name, tensor: Tensor, right: tuple[str, ...], axis: int) -> None:
    # The only axis of a vector has two words.
    sizes = ", ".join(f"`{word}` = {int(size)}" for word, size in zip(right, tensor.shape.dims, strict=False))
    label = f"the stream is {tensor.role.described()} with {sizes}; `{name.text}` gives {int(tensor.shape.dims[axis])}"
    # The word for the axis that was probably meant comes first, then the one for the axis that was read.
    meant = {"channels": "features", "features": "channels"}.get(name.text, right[axis])
    words = list(dict.fromkeys([meant, right[axis]] if meant in right else [right[axis]]))
    fixes = tuple(Fix(f"write `{word}`", ((name.span, word),), is_safe=word == right[axis]) for word in words)
    help = "write " + ", or ".join(f"`{word}`" for word in words)
    problems.report(codes.WORD_OF_OTHER_ROLE, name.span, label, help=help, fixes=fixes)


def warn_of_sizes(problems: Problems, op: type[Op], call: ast.Call, scope: Scope, cursor: Cursor) -> None:
    """Report sizes of the current map in arguments that count channels."""
    stream = cursor.stream
    if not isinstance(stream, Tensor) or not stream.role.is_map:
        return
    for argument in _counting_channels(op, call):
        for name in () if isinstance(argument.value, ast.Literal) else names_in(argument.value):
            axis = stream.role.axis(name.text, stream.shape.rank)
            if name.text not in PIXEL_WORDS or name.text in scope.values or axis is None:
                continue
            size = int(stream.shape.dims[axis])
            label = f"`{name.text}` is the {name.text} of the map here, {size} pixel{'s' * (size != 1)}"
            fix = Fix(f"write `shape[{axis}]` if the map's {name.text} is meant", ((name.span, f"shape[{axis}]"),))
            here = near_misses.definition_at(name.span, scope)
            passed = " and pass it" if here and here.kind != "model" else ""
            help = (
                f"declare a parameter `{name.text}`{passed}, or write `shape[{axis}]` if the map's {name.text} is meant"
            )
            # A parameter of this name that another definition has is probably meant.
            elsewhere = near_misses.of_value(name, scope)
            secondary = elsewhere.secondary if elsewhere else ()
            help = f"{elsewhere.help}; `{name.text}` here is the map's" if elsewhere else help
            problems.report(codes.SIZE_AS_CHANNELS, name.span, label, secondary=secondary, help=help, fixes=(fix,))


def _counting_channels(op: type[Op], call: ast.Call) -> Iterator[ast.Argument]:
    """Yield the arguments of a call that are numbers of channels."""
    names = list(op.arguments)
    for number, given in enumerate(call.args):
        name = given.name.text if given.name else names[number] if number < min(op.positional, len(names)) else None
        if name in op.arguments and op.arguments[name].kind is CHANNELS:
            yield given
