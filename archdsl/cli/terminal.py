"""Output of commands: files, remarks, diagnostics, JSON and errors."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from archdsl.diag.model import Diagnostic
    from archdsl.syntax.loader import Unreadable

# Exit codes; click exits with 2 on wrong usage.
NET_HAS_ERRORS, NO_FILE, OUR_BUG = 1, 3, 70


_READ = "archdsl.cli.terminal.read"


def remember_read(*files: str) -> None:
    """Record files that the command has read, so that `write_output` does not overwrite them."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta.setdefault(_READ, set()).update(files)


def _source_at(target: str, file: str) -> str | None:
    """Return the file that the command has read under any name and that `target` would overwrite, or None."""
    context = click.get_current_context(silent=True)
    known: set[str] = context.meta.get(_READ, set()) if context is not None else set()
    if not Path(target).exists():
        return None
    names = [name for name in (file, *sorted(known)) if name != "-" and Path(name).exists()]
    return next((name for name in names if Path(name).samefile(target)), None)


def write_output(target: str, data: bytes, file: str) -> None:
    """Write an output atomically, or to standard output if `target` is `-`; exit if it cannot be written.

    Sources, imports and placements that the command has read are never overwritten.

    Args:
        target: The path of the output.
        data: The contents.
        file: The path of the source.
    """
    from archdsl.base.atomic_write import write

    if target == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    source = _source_at(target, file)
    if source is not None:
        what = "the source itself" if source == file else f"{source}, which this command has read"
        raise click.BadParameter(f"{target} is {what}", param_hint="--output")
    try:
        write(Path(target), data)
    except OSError as error:
        stop(NO_FILE, cannot_write(target, error), None)


def cannot_write(target: str, error: OSError) -> str:
    """Return the message for a file that cannot be written."""
    return f"cannot write {target}: {(error.strerror or str(error)).lower()}"


def say_written(target: str, facts: str) -> None:
    """Print that an output was written; if it went to standard output, print to standard error."""
    is_stdout = target == "-"
    click.echo(f"wrote {'to standard output' if is_stdout else target}: {facts}", err=is_stdout)


def print_diagnostics(found: "tuple[Diagnostic, ...]") -> None:
    """Print diagnostics and their number to standard error: errors first, each kind in the order of the source."""
    if not found:
        return
    found = tuple(sorted(found, key=lambda each: not each.code.is_error))
    from shutil import get_terminal_size

    from archdsl.diag.text import counted, render

    terminal = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    width = get_terminal_size().columns if terminal else 120
    click.echo(render(found, colour=terminal, width=width), err=True)
    click.echo(counted(found), err=True)


def print_json(data: object) -> None:
    """Print data as JSON."""
    import json

    click.echo(json.dumps(data, indent=2))


def print_diff(name: str, before: str, after: str) -> None:
    """Print the changes of a text as a unified diff, in colour on a terminal."""
    from difflib import unified_diff

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    colours = {"+": "green", "-": "red", "@": "cyan"} if colour else {}
    for line in unified_diff(_lines(before), _lines(after), name, f"{name} (formatted)"):
        click.echo(click.style(line, fg=colours[line[0]]) if line[0] in colours else line, nl=False)


def _lines(text: str) -> list[str]:
    *lines, rest = text.split("\n")
    return [f"{line}\n" for line in lines] + ([f"{rest}\n\\ No newline at end of file\n"] if rest else [])


def complain(error: "Unreadable") -> None:
    """Print the reason why a file cannot be read."""
    print_error(f"{error.code.title}\n  {error}", error.help, label=f"error[{error.code.id}]")


def print_error(message: str, help: str | None = None, *, label: str = "error") -> None:
    """Print an error and an instruction that resolves it to standard error."""
    text = f"{click.style(label, fg='red', bold=True)}: {message}"
    click.echo(text + (f"\n  = help: {help}" if help else ""), err=True)


def stop(code: int, message: str, help: str | None) -> NoReturn:
    """Print an error and exit with this code."""
    print_error(message, help)
    sys.exit(code)
