"""What commands print besides tables, how they write their outputs, and how they end."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from archdsl.diag.model import Diagnostic
    from archdsl.syntax.loader import Unreadable

# 2 is click's own code for wrong usage.
NET_HAS_ERRORS, NO_FILE, OUR_BUG = 1, 3, 70


def write_output(target: str, data: bytes, file: str) -> None:
    """Write an output whole, `-` being standard output; stop where it cannot be written."""
    from archdsl.base.atomic_write import write

    if target == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if file != "-" and Path(file).exists() and Path(target).exists() and Path(file).samefile(target):
        raise click.BadParameter(f"{target} is the source itself", param_hint="--output")
    try:
        write(Path(target), data)
    except OSError as error:
        stop(NO_FILE, cannot_write(target, error), None)


def cannot_write(target: str, error: OSError) -> str:
    """Return the words for a file that cannot be written."""
    return f"cannot write {target}: {(error.strerror or str(error)).lower()}"


def say(target: str, text: str) -> None:
    """Print a remark, on standard error where the output itself goes to standard output."""
    click.echo(text, err=target == "-")


def print_diagnostics(found: "tuple[Diagnostic, ...]") -> None:
    """Print what was found in a net, and how much of it."""
    if not found:
        return
    from shutil import get_terminal_size

    from archdsl.diag.text import counted, render

    terminal = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    width = get_terminal_size().columns if terminal else 120
    click.echo(render(found, colour=terminal, width=width), err=True)
    click.echo(counted(found), err=True)


def print_json(data: object) -> None:
    """Print data."""
    import json

    click.echo(json.dumps(data, indent=2))


def print_diff(name: str, before: str, after: str) -> None:
    """Print what would change in a text, in colour on a terminal."""
    from difflib import unified_diff

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    colours = {"+": "green", "-": "red", "@": "cyan"} if colour else {}
    for line in unified_diff(_lines(before), _lines(after), name, f"{name} (formatted)"):
        click.echo(click.style(line, fg=colours[line[0]]) if line[0] in colours else line, nl=False)


def _lines(text: str) -> list[str]:
    *lines, rest = text.split("\n")
    return [f"{line}\n" for line in lines] + ([f"{rest}\n\\ No newline at end of file\n"] if rest else [])


def complain(error: "Unreadable") -> None:
    """Print why a file cannot be read."""
    text = f"{click.style(f'error[{error.code.id}]', fg='red', bold=True)}: {error.code.title}\n  {error}"
    click.echo(text + (f"\n  = help: {error.help}" if error.help else ""), err=True)


def stop(code: int, message: str, help: str | None) -> NoReturn:
    """Print an error and end with this exit code."""
    click.echo(
        f"{click.style('error', fg='red', bold=True)}: {message}" + (f"\n  = help: {help}" if help else ""), err=True
    )
    sys.exit(code)
