"""`archdsl diff`: the changes from one net to another, and the weights that still load."""

from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import NetRequest, as_data, limited
from archdsl.cli.terminal import print_json

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits
    from archdsl.report.difference import Difference

_MOST = 40


@click.command()
@click.argument("old")
@click.argument("new")
@limited
@click.option("--old-model", metavar="NAME", help="Name of the model in OLD; the last one by default")
@click.option("--model", metavar="NAME", help="Name of the model in NEW; the last one by default")
@click.option("--all", "everything", is_flag=True, help=f"Show all changes instead of the first {_MOST} of each kind")
@as_data
def diff(
    old: str, new: str, limits: "Limits", old_model: str | None, model: str | None, *, everything: bool, as_json: bool
) -> None:
    """Compare two nets: steps, shapes, counts and reusable weights.

    The last part of the output lists the weights of OLD that load into NEW. The exit code is 0 whether or not the nets
    differ.
    """
    from archdsl.report.difference import difference

    found = difference(graph_of(NetRequest(old, limits, old_model)), graph_of(NetRequest(new, limits, model)))
    if as_json:
        print_json(found.as_data())
    else:
        _print(found, None if everything else _MOST)


def _print(found: "Difference", most: int | None) -> None:
    from archdsl.cli.tables import print_table

    click.echo(f"{found.old.name} -> {found.new.name}" + ("   nothing changed" if found.is_empty else ""))
    rows = [(name, old, new if new != old else "same") for name, old, new in found.totals]
    print_table(("", "Old", "New"), rows)
    _print_lines([f"{change.sign} {change.path}: {change.what}" for change in found.changes], most)
    count = len(found.loads) + len(found.misfits) + len(found.missing)
    click.echo(f"\nWeights: {len(found.loads)} of {count} entries of the state_dict load from the old net")
    _print_lines([f"~ {key}: {old} became {new}" for key, old, new in found.misfits], most)
    _print_lines([f"+ {key}: missing in the old net" for key in found.missing], most)
    _print_lines([f"- {key}: missing in the new net" for key in found.unexpected], most)


def _print_lines(lines: list[str], most: int | None) -> None:
    """Print lines in the colour of their sign, at most `most` of them."""
    for line in lines[:most]:
        colour = {"+": "green", "-": "red", "~": "yellow"}[line[0]]
        click.echo(click.style(line, fg=colour))
    if most is not None and len(lines) > most:
        click.echo(f"  and {len(lines) - most} more; use --all to show them")
