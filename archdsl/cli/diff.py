"""`archdsl diff`: what changed from one net to another, and which weights still load."""

from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import as_data, limited
from archdsl.cli.terminal import print_json

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits
    from archdsl.report.difference import Difference

_MOST = 40


@click.command()
@click.argument("old")
@click.argument("new")
@limited
@click.option("--old-model", metavar="NAME", help="The model of OLD; its last one if left out.")
@click.option("--model", metavar="NAME", help="The model of NEW; its last one if left out.")
@click.option("--all", "everything", is_flag=True, help=f"Show all changes; the first {_MOST} of a kind otherwise.")
@as_data
def diff(
    old: str, new: str, limits: "Limits", old_model: str | None, model: str | None, *, everything: bool, as_json: bool
) -> None:
    """Say what changed from OLD to NEW: steps, shapes, counts, and which weights of OLD load into NEW.

    The exit code is 0 whether or not anything changed.
    """
    from archdsl.report.difference import difference

    found = difference(graph_of(old, old_model, (), limits), graph_of(new, model, (), limits))
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
    _print_lines([f"+ {key}: the old net has none" for key in found.missing], most)
    _print_lines([f"- {key}: the new net has no place for it" for key in found.unexpected], most)


def _print_lines(lines: list[str], most: int | None) -> None:
    for line in lines[:most]:
        colour = {"+": "green", "-": "red", "~": "yellow"}[line[0]]
        click.echo(click.style(line, fg=colour))
    if most is not None and len(lines) > most:
        click.echo(f"  and {len(lines) - most} more: --all shows them")
