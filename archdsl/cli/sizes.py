"""`archdsl sizes`: the input sizes for which a net is valid, and those that use every pixel."""

from itertools import groupby
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import NetRequest, as_data, of_a_net, shapes_option
from archdsl.cli.terminal import NET_HAS_ERRORS, print_json, stop

if TYPE_CHECKING:
    from archdsl.base.shape import Shape
    from archdsl.ir.graph import CheckedGraph
    from archdsl.report.input_sizes import SizeResult


@click.command()
@of_a_net
@shapes_option
@click.option(
    "--around", type=click.IntRange(1, 512), default=32, show_default=True,
    help="Number of pixels to try below and above the current size",
)  # fmt: skip
@as_data
def sizes(net: NetRequest, around: int, *, as_json: bool) -> None:
    """Find the input sizes for which a model is valid.

    The output lists the sizes at which the windows read every pixel, with the counts of the model, and the sizes at
    which the model is not valid, with the reason.
    """
    from archdsl.report.input_sizes import results_around

    graph = graph_of(net)
    given = graph.inputs[0]
    if given.shape.rank < 2 or graph.indices(given) is not None:
        stop(NET_HAS_ERRORS, f"the input `{given.name}` has the shape {given.shape}, which has no map", None)
    found = results_around(given, lambda shape: _compiled(net, graph, shape), around=around)
    if as_json:
        print_json({"model": graph.name, "sizes": [size.as_data() for size in found]})
        return
    _print(graph, found)


def _compiled(net: NetRequest, graph: "CheckedGraph", shape: "Shape") -> "SizeResult":
    """Compile a net for another shape of its first input."""
    from archdsl.driver import compile_source
    from archdsl.elaborate.settings import parse_setting
    from archdsl.report.input_sizes import SizeResult, result_of

    values = dict(map(parse_setting, net.settings))
    source = graph.source
    compiled = compile_source(source, model=graph.name, settings=values, shapes={None: shape}, limits=net.limits)
    if compiled.models:
        return result_of(compiled.models[0])
    error = next(found for found in compiled.diagnostics if found.code.is_error)
    return SizeResult(shape, f"line {error.primary.span.line}: {error.primary.text or error.code.title}")


def _print(graph: "CheckedGraph", found: "tuple[SizeResult, ...]") -> None:
    now = next(size for size in found if size.shape == graph.inputs[0].shape.plain())
    click.echo(f"{graph.name} has an input of {now.shape}" + (", which uses every pixel" if now.is_whole else ""))
    for path, lost in now.unread:
        click.echo(f"  {path} leaves {lost} row{'s' if lost > 1 else ''} or columns unread")
    _print_whole(now, found)
    for failure, group in groupby((size for size in found if not size.is_valid), key=lambda size: size.failure):
        sides = [max(size.shape.map) for size in group]
        click.echo(f"{_range(sides)} not valid: {failure}")


def _print_whole(now: "SizeResult", found: "tuple[SizeResult, ...]") -> None:
    """Print the sizes at which every pixel is used, and the one that is nearest to the current size."""
    from archdsl.cli.tables import print_table

    whole = [size for size in found if size.is_whole]
    if not whole:
        click.echo(f"\nNo size from {found[0].shape} to {found[-1].shape} uses every pixel")
        return
    click.echo("\nSizes that use every pixel")
    rows = [(str(size.shape), str(size.last_map or ""), f"{size.params:,}", f"{size.macs:,}") for size in whole]
    print_table(("Input", "Last map", "Parameters", "MACs"), rows, right=("Parameters", "MACs"))
    if not now.is_whole:
        side = max(now.shape.map)
        nearest = min((size.shape for size in whole), key=lambda shape: (abs(max(shape.map) - side), -max(shape.map)))
        click.echo(f"The nearest one is {nearest}.")


def _range(sides: list[int]) -> str:
    return f"Side {sides[0]} is" if len(sides) == 1 else f"Sides {sides[0]} to {sides[-1]} are"
