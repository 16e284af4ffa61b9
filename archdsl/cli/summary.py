"""`archdsl summary`: shapes, counts, memory and receptive fields, step by step."""

from typing import TYPE_CHECKING

import click

from archdsl.base.byte_sizes import DTYPE_BYTES
from archdsl.base.printable import one_line
from archdsl.cli.nets import graph_of
from archdsl.cli.options import NetRequest, as_data, batch_option, of_a_net, shapes_option
from archdsl.cli.terminal import print_json

if TYPE_CHECKING:
    from rich.table import Table

    from archdsl.report.columns import TextTable
    from archdsl.report.rows import Report

_FORMATS = ("text", "markdown", "csv", "latex", "json")


@click.command()
@of_a_net
@shapes_option
@click.option("--depth", type=click.IntRange(min=1), help="Number of submodule levels to show; all by default")
@batch_option
@click.option(
    "--dtype",
    type=click.Choice(list(DTYPE_BYTES)),
    default="float32",
    show_default=True,
    help="Data type of weights and activations",
)
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True, help="Format of the output"
)
@as_data
def summary(net: NetRequest, depth: int | None, batch: int, dtype: str, form: str, *, as_json: bool) -> None:
    """Print shapes, parameters, operations, memory, receptive fields."""
    from archdsl.report import formats
    from archdsl.report.rows import report

    found = report(graph_of(net), batch=batch, dtype=dtype)
    if as_json or form == "json":
        print_json(formats.as_data(found, depth))
    elif form == "text":
        _print(found, depth)
    else:
        write = {"markdown": formats.markdown, "csv": formats.as_csv, "latex": formats.latex}[form]
        click.echo(write(found, depth), nl=False)


def _table(report: "Report", steps: "TextTable", depth: int | None) -> "Table":
    from rich.text import Text

    from archdsl.cli.tables import empty_table

    table = empty_table(steps)
    for name, shape in report.inputs:
        table.add_row(Text(name, style="bold"), "Input", str(shape))
    for row, cells in zip(report.to_depth(depth), steps.rows, strict=True):
        table.add_row(*map(Text, cells), style="dim" if row.is_container else None)
    return table


def _print(report: "Report", depth: int | None) -> None:
    """Print the table of a model, the totals per device and per stage, and those of the model."""
    from rich.text import Text

    from archdsl.cli.tables import LARGE, console, print_large, print_text_table
    from archdsl.report import formats

    steps = formats.steps(report, depth)
    out = console()
    out.print(Text(f"{report.model}  {one_line(report.source)}", style="bold"))
    if len(steps.rows) + len(report.inputs) > LARGE:
        print_large(steps, first=[(name, "Input", str(shape)) for name, shape in report.inputs])
    else:
        out.print(_table(report, steps, depth))
    for name, totals in formats.groups(report):
        if len(totals.rows) > 1:
            out.print(Text(f"Per {name.lower()}", style="bold"))
            print_text_table(totals)
    sums = formats.totals(report)
    width = max(len(name) for name, _ in sums)
    for name, words in sums:
        out.print(f"{name:<{width}}  {words}")
    out.print(formats.DEFINITIONS, style="dim")
