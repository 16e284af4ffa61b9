"""Shapes and arguments in the order of other frameworks: channels last, a batch axis, input channels first."""

import re
from typing import NamedTuple

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.model import Fix, Problems
from archdsl.elaborate import foreign_names
from archdsl.elaborate.foreign_names import Help
from archdsl.ir.graph import Input
from archdsl.ops.base import Op
from archdsl.syntax import ast

# Numbers of channels of an input: grey, colour, colour with transparency.
_CHANNELS = (1, 3, 4)
_LEAST_SIDE = 8
_LARGEST_KERNEL = 11
_SHAPE = re.compile(r"[\d\[]").search


class Suspect(NamedTuple):
    """An input whose sizes look like those of another framework.

    Attributes:
        code: The code of the warning.
        label: What the sizes look like.
        sizes: The shape that is probably meant.
    """

    code: Code
    label: str
    sizes: tuple[int, ...]

    @property
    def shape(self) -> str:
        """The shape that is probably meant, as it is written."""
        return "x".join(map(str, self.sizes))

    def help(self, given: Input) -> Help:
        """Return the instruction to change the input, with its edit."""
        help = f"write `input {given.name}: {self.shape}`"
        return Help(self.label, help, (Fix(help, ((_place(given), self.shape),)),))


def suspect(sizes: tuple[int, ...]) -> Suspect | None:
    """Return what is wrong with the shape of an input, if it looks like that of another framework."""
    plain = tuple(map(int, sizes))
    if len(plain) == 4:
        batch, *rest = plain
        if rest[0] in _CHANNELS and min(rest[1:]) >= _LEAST_SIDE:
            label = f"a batch of {batch}, {_counted(rest[0])}, height and width?"
            return Suspect(codes.BATCH_AXIS, label, tuple(rest))
        if _is_channels_last(tuple(rest)):
            label = f"a batch of {batch}, height, width and {_counted(rest[2])}?"
            return Suspect(codes.BATCH_AXIS, label, (rest[2], rest[0], rest[1]))
    if len(plain) == 3 and _is_channels_last(plain):
        height, width, channels = plain
        label = f"height, width and {_counted(channels)}? Here it has {height} channels of {width}x{channels} pixels"
        return Suspect(codes.CHANNELS_LAST, label, (channels, height, width))
    return None


def _counted(channels: int) -> str:
    return "1 channel" if channels == 1 else f"{channels} channels"


def _is_channels_last(sizes: tuple[int, ...]) -> bool:
    height, width, channels = sizes
    # A single column may be a signal over time: 64x16x1. Equal or large sides are those of a picture.
    return channels in _CHANNELS and min(height, width) >= _LEAST_SIDE and (height == width or min(height, width) >= 24)


def warn_of_input(problems: Problems, given: Input) -> None:
    """Warn of an input whose sizes look like those of another framework."""
    found = suspect(given.shape.dims)
    if found:
        help = found.help(given)
        problems.report(found.code, _place(given), help.label, help=help.help, fixes=help.fixes)


def _place(given: Input) -> Span:
    """Return the span of the shape of an input."""
    text = given.span.text
    colon = text.index(":") + 1
    shape = _SHAPE(text, colon)
    return Span(given.span.source, given.span.start + (shape.start() if shape else colon), given.span.end)


def open_batch(shape: ast.ShapeOf, number: int, value: object) -> Help | None:
    """Return the help for a size that stands for a batch of any size, as in other frameworks: `none` or -1."""
    if number or len(shape.dims) < 2 or not (value is None or value == -1):
        return None
    help = "leave it out: shapes are those of one sample, without the batch"
    first, second = shape.dims[:2]
    start = second.name.span.start if second.name else second.value.span.start
    edit = Span(first.value.span.source, first.value.span.start, start), ""
    return Help("", help, (Fix(help, (edit,)),))


def gives_input_channels(call: ast.Call | ast.Apply, stream: Shape | None) -> bool:
    """Return whether a call of a convolution gives the number of input channels first, as PyTorch's do."""
    numbers = _numbers(call)
    if len(numbers) < 3:
        return False
    channels = None if stream is None else int(stream.channels)
    inputs, kernel, stride = numbers[:3]
    if channels == inputs and (kernel > _LARGEST_KERNEL or len(numbers) > 3):
        return True
    # A stride of 3 or more is as large as the kernel where maps become patches.
    return (
        kernel > _LARGEST_KERNEL
        and stride < kernel
        and stride <= _LARGEST_KERNEL
        and (channels == inputs or stream is None or min(stream.map, default=kernel) < kernel)
    )


def _numbers(call: ast.Call | ast.Apply) -> list[int]:
    """Return the arguments without names, if they are integers."""
    values = [arg.value for arg in call.args if arg.name is None]
    found = [each.value for each in values if isinstance(each, ast.Literal) and type(each.value) is int]
    return found if len(found) == len(values) else []


def input_channels(op: Op, call: ast.Call, stream: Shape) -> Help | None:
    """Return the help for a convolution whose arguments are those of PyTorch; None if they are not."""
    if len(call.args) < 3 or stream.rank < 2 or not {"out", "kernel"} <= op.arguments.keys():
        return None
    numbers = _numbers(call)
    is_rgb = numbers == [int(stream.channels), 3, 3]
    if not (is_rgb or gives_input_channels(call, stream)):
        return None
    help = foreign_names.whole(call, op.name, stream, is_map=True)
    if help is None:
        return None
    inputs, kernel, stride = numbers[:3]
    label = f"{inputs} output channels, a kernel of {kernel} and a stride of {stride}"
    return help._replace(label=label)


def warn_of_call(problems: Problems, op: Op, call: ast.Call, stream: Shape) -> None:
    """Warn of a convolution that looks as if its first argument was the number of input channels."""
    found = input_channels(op, call, stream)
    if found:
        problems.report(codes.INPUT_CHANNELS, call.span, found.label, help=found.help, fixes=found.fixes)
