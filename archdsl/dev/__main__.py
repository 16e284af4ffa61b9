"""Entry point of `python -m archdsl.dev`: commands for developers, which need a checkout."""

import sys
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent.parent


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def dev() -> None:
    """Write and check the generated files of archdsl, and show the structure of its code."""


@dev.command()
def write() -> None:
    """Write the generated files that are not current."""
    from archdsl.dev.pages import renew, stale

    for name in stale():
        click.echo(renew(name))


@dev.command()
def check() -> None:
    """Check that the generated files are current.

    Prints the files that are not, and exits with 1 if there are any.
    """
    from archdsl.dev.pages import stale

    found = stale()
    for name in found:
        click.echo(f"{name} is not current: run `python -m archdsl.dev write`")
    sys.exit(1 if found else 0)


@dev.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def references(folder: Path) -> None:
    """Condense descriptions of published models.

    FOLDER holds one JSON file for each model. The result is architectures/references/FOLDER.json, with which
    `archdsl gallery --verify` compares the gallery.
    """
    from archdsl.dev.pages import write_references

    click.echo(write_references(folder))


@dev.command()
def structure() -> None:
    """Print the import graph and the file sizes.

    Prints the rooms of archdsl, the arrows between them, layers, import cycles, and the lengths of files.

    A room is a module or package at the top of archdsl/. An arrow is a pair of rooms, the first of which imports the
    second; imports in functions and under TYPE_CHECKING count.
    """
    from archdsl.dev.structure import report, structure_of

    click.echo(report(structure_of(ROOT / "archdsl")))


if __name__ == "__main__":
    dev(prog_name="python -m archdsl.dev")
