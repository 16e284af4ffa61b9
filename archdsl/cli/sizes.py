"""`archdsl sizes`: the input sizes for which a net is valid, and those that use every pixel."""

import sys
from itertools import groupby
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import compiled_of
from archdsl.cli.options import NetRequest, as_data, of_a_net, shapes_option
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, complain, print_diagnostics, print_json, stop

if TYPE_CHECKING:
    from archdsl.base.shape import Shape
    from archdsl.base.source import Source
    from archdsl.driver import Compiled
    from archdsl.ir.graph import Input
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
    which the model is not valid, with the reason. The current size need not be valid.
    """
    from archdsl.report.input_sizes import nearest_whole, results_around

    base, given = _base(net)
    name = base.name or ""

    def compiled(shape: "Shape") -> "SizeResult":
        return _compiled(net, name, given.span.source, shape)

    found = results_around(given, compiled, around=around)
    valid = [size for size in found if size.is_valid]
    if not valid:
        print_diagnostics(base.diagnostics)
        stop(NET_HAS_ERRORS, f"{name} is not valid for any size from {found[0].shape} to {found[-1].shape}", None)
    side = int(max(given.shape.map))
    start = min(valid, key=lambda size: abs(size.side - side))
    beyond = () if any(size.is_whole for size in found) else nearest_whole(start, compiled)
    if as_json:
        data = {"model": name, "sizes": [size.as_data() for size in found]}
        print_json({**data, "beyond": [size.as_data() for size in beyond]})
        return
    _print(name, given, found, beyond)


def _base(net: NetRequest) -> "tuple[Compiled, Input]":
    """Compile a net for its own size; return the result and the first input. Exit if the input is no map."""
    from archdsl.syntax.loader import Unreadable

    try:
        base = compiled_of(net)
    except Unreadable as error:
        complain(error)
        sys.exit(NO_FILE)
    if base.ok or not base.inputs:
        print_diagnostics(base.diagnostics)
    if not base.inputs:
        sys.exit(NET_HAS_ERRORS)
    given = base.inputs[0]
    if given.shape.rank < 2 or (base.models and base.models[-1].indices(given) is not None):
        if not base.ok:
            print_diagnostics(base.diagnostics)
        stop(NET_HAS_ERRORS, f"the input `{given.name}` has the shape {given.shape}, which has no map", None)
    return base, given


def _compiled(net: NetRequest, model: str, source: "Source", shape: "Shape") -> "SizeResult":
    """Compile a net for another shape of its first input."""
    from archdsl.driver import compile_source
    from archdsl.elaborate.settings import parse_setting
    from archdsl.report.input_sizes import SizeResult, result_of

    values = dict(map(parse_setting, net.settings))
    compiled = compile_source(source, model=model, settings=values, shapes={None: shape}, limits=net.limits)
    if compiled.models:
        return result_of(compiled.models[0])
    error = next(found for found in compiled.diagnostics if found.code.is_error)
    return SizeResult(shape, f"line {error.primary.span.line}: {error.primary.text or error.code.title}")


def _print(name: str, given: "Input", found: "tuple[SizeResult, ...]", beyond: "tuple[SizeResult, ...]") -> None:
    side = int(max(given.shape.map))
    now = next(size for size in found if size.side == side)
    said = (
        ", which uses every pixel" if now.is_whole else "" if now.is_valid else f", which is not valid: {now.failure}"
    )
    click.echo(f"{name} has an input of {given.shape}{said}")
    for path, lost in now.unread:
        click.echo(f"  {path} leaves {lost} row{'s' if lost > 1 else ''} or columns unread")
    _print_whole(now, found, beyond)
    for failure, group in groupby((size for size in found if not size.is_valid), key=lambda size: size.failure):
        sides = [size.side for size in group]
        click.echo(f"{_range(sides)} not valid: {failure}")


def _print_whole(now: "SizeResult", found: "tuple[SizeResult, ...]", beyond: "tuple[SizeResult, ...]") -> None:
    """Print the sizes at which every pixel is used, and the one that is nearest to the current size."""
    from archdsl.cli.tables import print_table

    whole = [size for size in found if size.is_whole]
    if whole:
        click.echo("\nSizes that use every pixel")
    else:
        click.echo(f"\nNo size from {found[0].shape} to {found[-1].shape} uses every pixel")
        whole = list(beyond)
        if not whole:
            return
        click.echo("The nearest ones below and above that do" if whole[1:] else "The nearest one that does")
    rows = [(str(size.shape), str(size.last_map or ""), f"{size.params:,}", f"{size.macs:,}") for size in whole]
    print_table(("Input", "Last map", "Parameters", "MACs"), rows, right=("Parameters", "MACs"))
    if not now.is_whole:
        nearest = min((size for size in whole), key=lambda size: (abs(size.side - now.side), -size.side))
        click.echo(f"The nearest one is {nearest.shape}.")


def _range(sides: list[int]) -> str:
    return f"Side {sides[0]} is" if len(sides) == 1 else f"Sides {sides[0]} to {sides[-1]} are"
