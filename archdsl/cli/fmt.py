"""`archdsl fmt`: the canonical layout of files."""

import sys
from pathlib import Path

import click

from archdsl.base.bounded_read import exists
from archdsl.base.printable import one_line
from archdsl.cli.terminal import (
    NET_HAS_ERRORS,
    NO_FILE,
    cannot_write,
    complain,
    follow_option,
    print_diagnostics,
    print_diff,
    print_error,
    write_file,
    write_output,
)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", "only_check", is_flag=True, help="List the files that would change, without writing them")
@follow_option
@click.option("--diff", is_flag=True, help="Print the changes, without writing them")
def fmt(files: tuple[str, ...], *, only_check: bool, diff: bool) -> None:
    """Format files in place.

    Standard input (-) is formatted to standard output. Comments and the meaning of the file are preserved. With
    --check, the exit code is 1 if a file would change.
    """
    from archdsl.syntax.loader import gallery as families
    from archdsl.syntax.loader import gallery_models

    for file in files:
        named = file in families() or file in gallery_models()
        if not (only_check or diff) and named and not exists(file):
            raise click.BadParameter(
                f"{file} is a net of the gallery, which is read-only; use --diff", param_hint="FILE"
            )
    sys.exit(max([_formatted(file, only_check=only_check, diff=diff) for file in files]))


def _formatted(file: str, *, only_check: bool, diff: bool) -> int:
    """Format a file, or print what would change; return the exit code."""
    from archdsl.diag.model import Problems
    from archdsl.syntax.format import format_source
    from archdsl.syntax.loader import Unreadable, read

    try:
        source = read(file)
    except Unreadable as error:
        complain(error)
        return NO_FILE
    problems = Problems()
    text = format_source(source, problems)
    print_diagnostics(tuple(problems.in_order()))
    if text is None:
        return NET_HAS_ERRORS
    if diff:
        print_diff(source.name, source.text, text)
    if only_check and text != source.text:
        click.echo(f"would format {source.shown}", err=diff)
        return NET_HAS_ERRORS
    return 0 if only_check or diff else _rewrite(file, source.text, text)


def _rewrite(file: str, before: str, text: str) -> int:
    """Write the formatted text of a file if it changed; return the exit code."""
    if file == "-":
        write_output(file, text.encode(), file)
    elif text != before:
        try:
            write_file(Path(file), text.encode())
        except OSError as error:
            print_error(*cannot_write(file, error))
            return NO_FILE
        click.echo(f"formatted {one_line(file)}")
    return 0
