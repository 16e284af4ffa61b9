"""`archdsl sizes`: which sizes of the input a net takes, and which of them it reads whole."""

from itertools import groupby
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import as_data, of_a_net, shapes_option
from archdsl.cli.terminal import NET_HAS_ERRORS, print_json, stop

if TYPE_CHECKING:
    from archdsl.base.shape import Shape
    from archdsl.elaborate.limits import Limits
    from archdsl.ir.graph import CheckedGraph
    from archdsl.report.input_sizes import Size


@click.command()
@of_a_net
@shapes_option
@click.option("--around", type=click.IntRange(1, 512), default=32, show_default=True, help="Pixels below and above.")
@as_data
def sizes(
    file: str,
    model: str | None,
    settings: tuple[str, ...],
    limits: "Limits",
    shapes: tuple[str, ...],
    around: int,
    *,
    as_json: bool,
) -> None:
    """Say for which sides of its first input a net is valid, which waste no pixels, and what changes."""
    from archdsl.report.input_sizes import fitting

    graph = graph_of(file, model, settings, limits, shapes)
    given = graph.inputs[0]
    if given.shape.rank < 2 or graph.indices(given) is not None:
        stop(NET_HAS_ERRORS, f"the input `{given.name}` is {given.shape}: it has no sides", None)
    found = fitting(given, lambda shape: _judged(graph, settings, limits, shape), around=around)
    if as_json:
        print_json({"model": graph.name, "sizes": [size.as_data() for size in found]})
        return
    _print(graph, found)


def _judged(graph: "CheckedGraph", settings: tuple[str, ...], limits: "Limits", shape: "Shape") -> "Size":
    from archdsl.driver import compile_source
    from archdsl.elaborate.settings import parse_setting
    from archdsl.report.input_sizes import Size, judged

    values = dict(map(parse_setting, settings))
    source = graph.source
    compiled = compile_source(source, model=graph.name, settings=values, shapes={None: shape}, limits=limits)
    if compiled.models:
        return judged(compiled.models[0])
    error = next(found for found in compiled.diagnostics if found.code.is_error)
    return Size(shape, f"line {error.primary.span.line}: {error.primary.text or error.code.title}")


def _print(graph: "CheckedGraph", found: "tuple[Size, ...]") -> None:
    from archdsl.cli.tables import print_table

    rows = []
    for size in found:
        if size.is_whole:
            changes = (f"{size.params:,}", f"{size.macs:,}")
            rows.append((str(size.shape), str(size.last_map or ""), *changes))
    now = next(size for size in found if size.shape == graph.inputs[0].shape.plain())
    click.echo(f"{graph.name} has an input of {now.shape}" + (", which wastes no pixels" if now.is_whole else ""))
    for path, lost in now.unread:
        click.echo(f"  {path} leaves {lost} row{'s' if lost > 1 else ''} or columns unread")
    if rows:
        click.echo("\nSizes that waste no pixels")
        columns = ("Input", "Last map", "Parameters", "MACs")
        print_table(columns, rows, right=("Parameters", "MACs"))
        if not now.is_whole:
            side = max(now.shape.map)
            whole = [size.shape for size in found if size.is_whole]
            nearest = min(whole, key=lambda shape: (abs(max(shape.map) - side), -max(shape.map)))
            click.echo(f"The nearest one is {nearest}.")
    else:
        click.echo("\nNo size from " + f"{found[0].shape} to {found[-1].shape} is read whole")
    for failure, group in groupby((size for size in found if not size.is_valid), key=lambda size: size.failure):
        sides = [max(size.shape.map) for size in group]
        click.echo(f"Side {_range(sides)} is not valid: {failure}")


def _range(sides: list[int]) -> str:
    return str(sides[0]) if len(sides) == 1 else f"{sides[0]} to {sides[-1]}"
