"""`archdsl summary`: what a net gives, holds, computes, keeps and sees, step by step."""

from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import as_data, of_a_net, shapes_option
from archdsl.cli.terminal import print_json

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits

_FORMATS = ("text", "markdown", "csv", "latex", "json")
_TYPES = ("float64", "float32", "bfloat16", "float16", "int8")


@click.command()
@of_a_net
@shapes_option
@click.option("--depth", type=click.IntRange(min=1), help="Levels of submodules that are shown; all if left out.")
@click.option("--batch", type=click.IntRange(1, 2**31), default=1, show_default=True, help="Samples of a batch.")
@click.option("--dtype", type=click.Choice(_TYPES), default="float32", show_default=True, help="Type of the numbers.")
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="text", show_default=True, help="What is printed."
)
@as_data
def summary(
    file: str,
    model: str | None,
    settings: tuple[str, ...],
    limits: "Limits",
    shapes: tuple[str, ...],
    depth: int | None,
    batch: int,
    dtype: str,
    form: str,
    *,
    as_json: bool,
) -> None:
    """Print shapes, parameters, operations, memory and receptive fields of a model."""
    from archdsl.report import formats
    from archdsl.report.rows import report

    found = report(graph_of(file, model, settings, limits, shapes), batch=batch, dtype=dtype)
    if as_json or form == "json":
        print_json(formats.as_data(found, depth))
    elif form == "text":
        from archdsl.cli.tables import print_report

        print_report(found, depth)
    else:
        make = {"markdown": formats.markdown, "csv": formats.as_csv, "latex": formats.latex}[form]
        click.echo(make(found, depth), nl=False)
