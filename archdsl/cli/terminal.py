"""Output of commands: files, remarks, diagnostics, JSON and errors."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from archdsl.base.printable import one_line, printable, shortened

if TYPE_CHECKING:
    from archdsl.diag.model import Diagnostic
    from archdsl.syntax.loader import Unreadable

# Exit codes; click exits with 2 on wrong usage.
NET_HAS_ERRORS, NO_FILE, OUR_BUG, INTERRUPTED = 1, 3, 70, 130
_FOLLOW = "archdsl.follow"


def _remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    ctx.meta[_FOLLOW] = value


follow_option = click.option(
    "--follow", is_flag=True, expose_value=False, callback=_remember,
    help="Write through an output that is a symbolic link, instead of refusing it",
)  # fmt: skip


def write_file(target: Path, data: bytes) -> None:
    """Write a file atomically; through a link only if the user asked for it.

    Raises OSError where it cannot be written.
    """
    from archdsl.base.atomic_write import write

    context = click.get_current_context(silent=True)
    write(target, data, follow=bool(context and context.meta.get(_FOLLOW)))


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
    return next((name for name in (file, *sorted(known)) if name != "-" and _are_same(name, target)), None)


def _are_same(file: str, target: str) -> bool:
    try:
        return Path(file).samefile(target)
    except (OSError, ValueError):
        return False


def write_output(target: str, data: bytes, file: str) -> None:
    """Write an output atomically, or to standard output if `target` is `-`; exit if it cannot be written.

    Sources, imports and placements that the command has read are never overwritten.

    Args:
        target: The path of the output.
        data: The contents.
        file: The path of the source.
    """
    if target == "-":
        from archdsl.cli.streams import binary

        sys.stdout.flush()
        binary(sys.stdout).write(data)
        binary(sys.stdout).flush()
        return
    source = _source_at(target, file)
    if source is not None:
        what = "the source itself" if source == file else f"{source}, which this command has read"
        raise click.BadParameter(f"{target} is {what}", param_hint="--output")
    try:
        write_file(Path(target), data)
    except (OSError, ValueError) as error:
        stop(NO_FILE, *cannot_write(target, error))


def cannot_write(target: str, error: OSError | ValueError) -> tuple[str, str | None]:
    """Return the message and the help for a file that cannot be written."""
    from archdsl.base.atomic_write import IsLink

    if isinstance(error, IsLink):
        return (
            f"cannot write {target}: {error.strerror}",
            "name the file itself, or write through the link with --follow",
        )
    reason = error.strerror if isinstance(error, OSError) else None
    return f"cannot write {target}: {(reason or str(error)).lower()}", None


def say_written(target: str, facts: str) -> None:
    """Print that an output was written; if it went to standard output, print to standard error."""
    is_stdout = target == "-"
    click.echo(
        f"wrote {'to standard output' if is_stdout else one_line(str(target))}: {printable(facts)}", err=is_stdout
    )


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

    name = one_line(name)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    colours = {"+": "green", "-": "red", "@": "cyan"} if colour else {}
    for line in map(printable, unified_diff(_lines(before), _lines(after), name, f"{name} (formatted)")):
        click.echo(click.style(line, fg=colours[line[0]]) if line[0] in colours else line, nl=False)


def _lines(text: str) -> list[str]:
    *lines, rest = text.split("\n")
    return [f"{line}\n" for line in lines] + ([f"{rest}\n\\ No newline at end of file\n"] if rest else [])


def complain(error: "Unreadable") -> None:
    """Print the reason why a file cannot be read."""
    print_error(f"{error.code.title}\n  {error}", error.help, label=f"error[{error.code.id}]")


def print_error(message: str, help: str | None = None, *, label: str = "error") -> None:
    """Print an error and an instruction that resolves it to standard error."""
    text = f"{click.style(label, fg='red', bold=True)}: {_bounded(message)}"
    click.echo(text + (f"\n  = help: {_bounded(help)}" if help else ""), err=True)


def _bounded(text: str) -> str:
    """Return a text that is safe to print, in at most 18 lines and 3,000 characters."""
    lines = printable(shortened(text, 2_000)).split("\n")
    return "\n".join([*lines[:17], f"… and {len(lines) - 17} more lines"] if len(lines) > 18 else lines)


def stop(code: int, message: str, help: str | None) -> NoReturn:
    """Print an error and exit with this code."""
    print_error(message, help)
    sys.exit(code)
