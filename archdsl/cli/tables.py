"""What commands print on a terminal: tables and lists, by rich, which is imported only for them."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archdsl.ops import all_ops
from archdsl.ops.argument_types import shown
from archdsl.ops.base import Argument, Op
from archdsl.report import formats
from archdsl.report.rows import Report

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from archdsl.place import Placement

# What does not go to a terminal is not cut to one.
_PLAIN_WIDTH = 200


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)


def _table(*columns: str, right: tuple[str, ...] = ()) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: tuple[str, ...] = ()) -> None:
    """Print rows of plain text under these columns."""
    from rich.text import Text

    table = _table(*columns, right=right)
    for row in rows:
        table.add_row(*map(Text, row))
    _console().print(table)


def print_report(report: Report, depth: int | None = None) -> None:
    """Print the table of a model with its totals, and those per device and per stage."""
    from rich.text import Text

    sheet = formats.sheet(report, depth)
    table = _table(*sheet.columns, right=tuple(sheet.numbers))
    for name, shape in report.inputs:
        table.add_row(Text(name, style="bold"), "Input", shape)
    for row, cells in zip(report.to_depth(depth), sheet.rows, strict=True):
        table.add_row(*map(Text, cells), style="dim" if row.is_container else None)
    console = _console()
    console.print(Text(f"{report.model}  {report.source}", style="bold"))
    console.print(table)
    for name, found in formats.groups(report):
        if len(found.rows) > 1:
            console.print(Text(f"Per {name.lower()}", style="bold"))
            print_table(found.columns, found.rows, right=tuple(found.numbers))
    totals = formats.totals(report)
    width = max(len(name) for name, _ in totals)
    for name, words in totals:
        console.print(f"{name:<{width}}  {words}")
    console.print(formats.DEFINITIONS, style="dim")


def print_placement(model: str, placement: "Placement", *, trains: bool) -> None:
    """Print the stages of a placement, and what is to be expected of it, in a training step too."""
    from rich.text import Text

    from archdsl.base.byte_sizes import amount

    columns = ("Device", "Steps", "From", "To", "Parameters", "Memory", "Time", "Sent")
    table = _table(*columns, right=("Steps", "Parameters", "Memory", "Time", "Sent"))
    for stage in placement.stages:
        first, last = (stage.steps[0], stage.steps[-1]) if stage.steps else ("", "")
        sent = amount(stage.sent) if stage.sent else ""
        numbers = (f"{stage.params:,}", amount(stage.memory), f"{stage.seconds * 1e3:,.3f} ms", sent)
        table.add_row(stage.device, str(len(stage.steps)), first, last, *numbers)
    console = _console()
    console.print(Text(model, style="bold"))
    console.print(table)
    console.print(
        f"balance {placement.balance:.0%}   bottleneck {placement.bottleneck * 1e3:,.3f} ms ({placement.slowest})"
        f"   {placement.speed_up:.2f} times as fast as one device"
    )
    if trains:
        steps = f"a step of {placement.micro} micro-batches is {placement.step_speed_up:.2f} times as fast"
        console.print(f"{steps}, with the waiting for the first and the last of them")


def print_operators() -> None:
    """Print all operators, a line each."""
    table = _table("Operator", "Family", "What it does")
    for op in all_ops():
        table.add_row(op.name, op.family, summary(op))
    _console().print(table)


def print_operator(op: type[Op]) -> None:
    """Print one operator: what it does, its arguments and its examples."""
    from inspect import cleandoc

    console = _console()
    console.print(f"[bold]{op.name}[/bold]  {op.family}\n", highlight=False)
    console.print(cleandoc(op.__doc__ or ""), markup=False)
    if op.arguments:
        table = _table("Argument", "Default", "Takes", "What it is")
        for number, (name, argument) in enumerate(op.arguments.items()):
            position = "" if number >= op.positional else f" ({number + 1}.)"
            table.add_row(name + position, default(argument), argument.kind.title, argument.help)
        console.print(table)
    examples = _table("Example", "Input", "Output", "Parameters", "MACs", right=("Parameters", "MACs"))
    for example in op.examples:
        sizes = (str(example.input), str(example.output), f"{example.params:,}", f"{example.macs:,}")
        from rich.text import Text

        examples.add_row(Text(example.call), *sizes)
    console.print(examples)


def summary(op: type[Op]) -> str:
    """Return the first sentence of an operator's documentation."""
    return (op.__doc__ or "").strip().split("\n")[0]


def default(argument: Argument) -> str:
    """Return an argument's default as it would be written."""
    return "required" if argument.required else shown(argument.default)
