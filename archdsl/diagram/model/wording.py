"""The words of a drawing: short numbers and shapes on it, exact ones in its tooltips."""

from collections.abc import Iterable
from inspect import cleandoc
from pathlib import PurePath
from typing import Literal, TypeAlias
from urllib.parse import quote

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.ir.graph import Container
from archdsl.ops.argument_types import shown
from archdsl.ops.base import Argument, Op, Trait

# On which edges shapes stand: where they change, everywhere, or nowhere.
Shapes: TypeAlias = Literal["change", "all", "none"]
Labels: TypeAlias = Iterable[str]
_SUFFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")
_AXES = {2: "L×C", 3: "C×H×W", 4: "N×C×H×W"}
_SLID = {2: "C×L", 4: "C×D×H×W"}


def clean(text: str) -> str:
    """Return a text as one line without characters that cannot be seen, some of which no SVG may hold."""
    return "".join(char if char.isprintable() else " " for char in text)


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


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
    """Return the small line that tells a number of parameters, empty where there are none."""
    return f"{short(number)} {'param' if number == 1 else 'params'}" if number else ""


def macs(number: int) -> str:
    """Return the small words that tell a number of multiply-accumulates, empty where there are none."""
    return f"{short(number)} MAC{'' if number == 1 else 's'}" if number else ""


def amount(count: int) -> str:
    """Return a number of bytes in the largest binary unit that keeps it above one: `84.5 KiB`."""
    size, units = float(count), iter(("bytes", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while size >= 1024 and unit != "TiB":
        size, unit = size / 1024, next(units)
    return f"{size:.3g} {unit}" if size < 1000 else f"{size:.0f} {unit}"


def sizes(shape: Shape) -> str:
    """Return a shape as drawings show it: `6×28×28`."""
    return str(shape).replace("x", "×")


def axes(root: Container, labels: Labels) -> str:
    """Return what the edge labels mean, empty where all are vectors.

    Windows slide along the last axes of a map; a sequence has its steps first, and a stack of maps their number.
    """
    nodes = list(root.nodes())
    slid = {node.input.rank for node in nodes if Trait.SLIDES in node.op.traits}
    names = {rank: _SLID.get(rank, name) if rank in slid else name for rank, name in _AXES.items()}
    if 2 in slid and any(node.input.rank == 2 and node.op.family == "linear" for node in nodes):
        names[2] = f"{_SLID[2]} or {_AXES[2]}"
    ranks = sorted({len(label.split("×")) for label in labels} & set(names), reverse=True)
    return " or ".join(names[rank] for rank in ranks)


def called(op: Op) -> str:
    """Return the call of an operator as its author could have written it, defaults left out."""
    arguments = [
        _argument(op, argument, named=number >= op.positional)
        for number, argument in enumerate(op.arguments.values())
        if op.values[argument.name] != argument.default
    ]
    return f"{op.name}({', '.join(arguments)})" if arguments else op.name


def defaults(op: Op) -> str:
    """Return the arguments that `called` leaves out, but those that stand for nothing."""
    return ", ".join(
        _argument(op, argument, named=True)
        for argument in op.arguments.values()
        if op.values[argument.name] == argument.default is not None
    )


def _argument(op: Op, argument: Argument, *, named: bool) -> str:
    value = op.values[argument.name]
    text = value if isinstance(value, str) and value in argument.kind.words else shown(value)
    return f"{argument.name} = {text}" if named else text


def documentation(op: Op) -> str:
    """Return what an operator does, in its own words: the first paragraph of them."""
    return " ".join(cleandoc(op.__doc__ or "").partition("\n\n")[0].split())


def place(span: Span) -> str:
    """Return the line of the source, without the folders of this machine."""
    return f"{PurePath(span.source.name).name} line {span.line}"


def link(span: Span) -> str | None:
    """Return the address of the line beside the drawing, or None where the source is no file."""
    name = PurePath(span.source.name).name
    # A file may be called `javascript:…`: with the colon quoted it can only be a file.
    return None if name.startswith("<") else f"{quote(name, safe='', errors='replace')}#L{span.line}"
