"""The options that commands share."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

import click

_Command: TypeAlias = Callable[..., None]

as_data = click.option("--json", "as_json", is_flag=True, help="Print data instead of text.")
_file = click.argument("file")
_files = click.argument("files", nargs=-1, required=True, metavar="FILE...")
model_option = click.option("--model", metavar="NAME", help="The model to take; the last of the file if left out.")
set_option = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set a parameter of the model."
)
shapes_option = click.option(
    "--input", "shapes", multiple=True, metavar="[NAME=]SHAPE", help="Shape of an input, such as 3x320x320."
)
_operations = click.option(
    "--max-operations",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    help="Bound on the net's operations, on the items of a list, and (times 40) on the characters of a file.",
)
_nesting = click.option(
    "--max-nesting",
    type=click.IntRange(1, 1_000),
    default=50,
    show_default=True,
    help="Bound on blocks and brackets within each other.",
)


def _remember_placement(context: click.Context, _parameter: click.Parameter, file: str | None) -> None:
    context.meta[PLACEMENT] = file


# Where the context keeps the file of a placement, which `archdsl.cli.nets` applies to every net.
PLACEMENT = "archdsl.placement"
on_devices = click.option(
    "--placement", metavar="NET.place.json", expose_value=False, callback=_remember_placement,
    help="Put the steps where `archdsl place … -o NET.place.json` has put them.",
)  # fmt: skip


def limited(command: _Command) -> _Command:
    """Let a command take the bounds that a user can raise, as its `limits`."""

    @_operations
    @_nesting
    @wraps(command)
    def bounded(*args: Any, max_operations: int, max_nesting: int, **rest: Any) -> None:
        from archdsl.elaborate.limits import Limits

        # A level takes about ten calls of our functions.
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1_000 + 20 * max_nesting))
        command(*args, limits=Limits(max_operations, max_nesting), **rest)

    return bounded


def of_nets(command: _Command) -> _Command:
    """Let a command take one net or several, with all that says which ones are meant."""
    for option in (on_devices, limited, set_option, model_option, _files):
        command = option(command)
    return command


def of_a_net(command: _Command) -> _Command:
    """Let a command take a net, with all that says which one is meant."""
    for option in (on_devices, limited, set_option, model_option, _file):
        command = option(command)
    return command
