"""Texts of drawings: rounded numbers and shapes in boxes, exact ones in tooltips."""

from collections.abc import Iterable
from functools import cache, lru_cache
from inspect import cleandoc
from pathlib import PurePath
from typing import Literal, TypeAlias
from urllib.parse import quote

from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.ir.graph import Container, CountedGraph
from archdsl.ops.argument_types import ArgumentValue, shown
from archdsl.ops.base import Argument, Op

# The edges with a shape label: where the shape changes, all edges, or none.
Shapes: TypeAlias = Literal["change", "all", "none"]
Labels: TypeAlias = Iterable[str]
_SUFFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_AXES = {
    (Role.MAP, 2): "C×L", (Role.MAP, 3): "C×H×W", (Role.MAP, 4): "C×D×H×W",
    (Role.CHANNELS_LAST, 3): "H×W×C", (Role.CHANNELS_LAST, 4): "D×H×W×C", (Role.SEQUENCE, 2): "L×C",
}  # fmt: skip


def clean(text: str) -> str:
    """Replace unprintable characters and line breaks by spaces; SVG forbids some control characters."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " for char in text)


def cut(text: str, longest: int) -> str:
    """Truncate a text to at most `longest` characters, with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


@lru_cache(1_000)
def short(number: int) -> str:
    """Return a count with three significant digits and an SI suffix, such as `2.42 k`; below a thousand it is exact."""
    if number < 1000:
        return str(int(number))
    mantissa, exponent = f"{number:.2e}".split("e")
    power = min(int(exponent) // 3, len(_SUFFIXES) - 1)
    shift = int(exponent) - 3 * power
    return f"{float(mantissa) * 10**shift:.{max(2 - shift, 0)}f} {_SUFFIXES[power]}"


def exact(number: int, noun: str) -> str:
    """Return a count with all its digits: `2,416 parameters`."""
    return f"{int(number):,} {noun}{'' if number == 1 else 's'}"


def params(number: int) -> str:
    """Return a number of parameters as text, such as `2.42 k params`; empty for zero."""
    return f"{short(number)} {'param' if number == 1 else 'params'}" if number else ""


def macs(number: int) -> str:
    """Return a number of multiply-accumulates as text, such as `416 k MACs`; empty for zero."""
    return f"{short(number)} MAC{'' if number == 1 else 's'}" if number else ""


def byte_size(count: int) -> str:
    """Return a number of bytes in the largest binary unit for which it is at least one: `84.5 KiB`."""
    size, units = float(count), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while size >= 1024 and unit != "TiB":
        size, unit = size / 1024, next(units)
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:.0f} {unit}"


def sizes(shape: Shape) -> str:
    """Return a shape with multiplication signs: `6×28×28`."""
    return "×".join([str(dim.real) for dim in shape.dims]) or "scalar"


def axes(graph: CountedGraph, root: Container, labels: Labels) -> str:
    """Return the axes of the edge labels, such as `C×H×W or L×C`; empty if all labels are vectors."""
    found: dict[int, dict[str, None]] = {}
    for node in root.nodes():
        for path, shape in ((node.path, node.shape), *zip(node.sources, node.inputs, strict=True)):
            name = _AXES.get((graph.role(path), shape.rank))
            if name:
                found.setdefault(shape.rank, {})[name] = None
    ranks = sorted({len(label.split("×")) for label in labels} & set(found), reverse=True)
    return " or ".join(name for rank in ranks for name in found[rank])


def called(op: Op) -> str:
    """Return an operator as a call in `.arch` syntax, without arguments that equal their defaults."""
    values = op.values
    arguments = [
        _argument(argument, values[argument.name], named=number >= op.positional)
        for number, argument in enumerate(op.arguments.values())
        if values[argument.name] != argument.default
    ]
    return f"{op.name}({', '.join(arguments)})" if arguments else op.name


def defaults(op: Op) -> str:
    """Return the arguments that `called` omits, except those whose default is None."""
    values = op.values
    return ", ".join(
        _argument(argument, values[argument.name], named=True)
        for argument in op.arguments.values()
        if values[argument.name] == argument.default is not None
    )


def _argument(argument: Argument, value: ArgumentValue, *, named: bool) -> str:
    text = value if isinstance(value, str) and value in argument.kind.words else shown(value)
    return f"{argument.name} = {text}" if named else text


def documentation(op: Op) -> str:
    """Return the first paragraph of an operator's documentation as one line."""
    return _first_paragraph(op.__doc__ or "")


@cache
def _first_paragraph(text: str) -> str:
    return " ".join(cleandoc(text).partition("\n\n")[0].split())


def place(span: Span) -> str:
    """Return the file name and line of a span, such as `net.arch line 4`, without folders."""
    return f"{_file(span.source.name)} line {span.line}"


@cache
def _file(name: str) -> str:
    return PurePath(name).name


def link(span: Span) -> str | None:
    """Return the relative URL of the source line, or None if the source is not a file."""
    name = _file(span.source.name)
    # A quoted colon keeps a file named `javascript:…` from becoming a script URL.
    return None if name.startswith("<") else f"{quote(name, safe='', errors='replace')}#L{span.line}"
