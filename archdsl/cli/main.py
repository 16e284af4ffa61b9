"""The command line. Exit codes: 0 fine, 1 the net has errors, 2 wrong usage, 3 a file cannot be read or written."""

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl import __version__
from archdsl.cli.build import build
from archdsl.cli.compare import compare
from archdsl.cli.diff import diff
from archdsl.cli.draw import draw
from archdsl.cli.explain import explain
from archdsl.cli.gallery import gallery
from archdsl.cli.nets import compiled_of
from archdsl.cli.options import as_data, limited, on_devices
from archdsl.cli.place import place
from archdsl.cli.sizes import sizes
from archdsl.cli.summary import summary
from archdsl.cli.terminal import (
    NET_HAS_ERRORS,
    NO_FILE,
    OUR_BUG,
    cannot_write,
    complain,
    print_diagnostics,
    print_diff,
    print_json,
    stop,
    write_output,
)

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits
    from archdsl.ir.graph import CheckedGraph


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archdsl")
def cli() -> None:
    """Compile neural network architectures: check, draw and build .arch files.

    FILE is a path, - for standard input, or the name of a net of the gallery, such as lenet5.
    """


cli.add_command(build)
cli.add_command(draw)
cli.add_command(gallery)
cli.add_command(place)
cli.add_command(summary)
cli.add_command(explain)
cli.add_command(sizes)
cli.add_command(diff)
cli.add_command(compare)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@on_devices
@limited
@as_data
def check(files: tuple[str, ...], limits: "Limits", *, as_json: bool) -> None:
    """Check every model of the files: names, shapes and assertions."""
    results = [_checked(file, limits, quiet=as_json) for file in files]
    if as_json:
        print_json({"files": [data for _, data in results]})
    sys.exit(max(code for code, _ in results))


def _checked(file: str, limits: "Limits", *, quiet: bool) -> tuple[int, dict[str, object]]:
    from archdsl.syntax.loader import Unreadable

    try:
        compiled = compiled_of(file, limits, every=True)
    except Unreadable as error:
        if not quiet:
            complain(error)
        return NO_FILE, {"file": file, "models": [], "error": str(error), "diagnostics": []}
    if not quiet:
        print_diagnostics(compiled.diagnostics)
        if compiled.is_library:
            words = "no model, so names and defaults are checked; bodies are where a model uses them"
            click.echo(f"{click.style('ok', fg='green')}  {file}: {words}")
        for graph in compiled.models:
            source = graph.source.name
            counts = f"{graph.params:,} parameters, {graph.macs:,} multiply-accumulates"
            click.echo(f"{click.style('ok', fg='green')}  {source}  {graph.name}: {counts}")
            _print_crossings(graph)
        return (0 if compiled.ok else NET_HAS_ERRORS), {}
    from archdsl.diag.json import all_as_data

    models = [_checked_data(graph) for graph in compiled.models]
    data: dict[str, object] = {"file": file, "models": models, "diagnostics": all_as_data(compiled.diagnostics)}
    return (0 if compiled.ok else NET_HAS_ERRORS), data


def _checked_data(graph: "CheckedGraph") -> dict[str, object]:
    data: dict[str, object] = {"name": graph.name, "parameters": graph.params, "macs": graph.macs}
    if graph.devices:
        from archdsl.passes.crossings import crossings

        data["devices"] = list(graph.devices)
        data["moves"] = [
            {"value": each.name, "from": each.start, "to": each.end, "shape": str(each.shape), "bytes": each.bytes}
            for each in crossings(graph)
        ]
    return data


def _print_crossings(graph: "CheckedGraph") -> None:
    """Print what goes from one device to another, in bytes of float32 for one sample."""
    if not graph.devices:
        return
    from archdsl.passes.crossings import crossings

    found = crossings(graph)
    for each in found:
        way = f"{each.start or 'input'} -> {each.end}"
        click.echo(f"    {each.bytes:>11,} bytes  {way}  {each.shape}  {each.name}")
    total = sum(each.bytes for each in found)
    click.echo(f"    {total:>11,} bytes for a sample in {len(found)} moves on {', '.join(graph.devices)}")


@cli.command()
@click.argument("name", required=False)
def ops(name: str | None) -> None:
    """List the operators, or explain one of them."""
    from archdsl.cli.tables import print_operator, print_operators
    from archdsl.elaborate.suggestions import suggestion
    from archdsl.ops import all_ops, lookup

    if name is None:
        print_operators()
        return
    op = lookup(name)
    if op is None:
        help = suggestion(name, [other.name for other in all_ops()]) or "`archdsl ops` lists all"
        raise click.BadParameter(f"there is no operator {name}; {help}", param_hint="NAME")
    print_operator(op)


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; name the files that would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
def fmt(files: tuple[str, ...], *, only_check: bool, diff: bool) -> None:
    """Give files the canonical layout, in place; standard input goes to standard output.

    Comments stay, and so does the meaning. With --check the exit code is 1 if a file would change.
    """
    from archdsl.syntax.loader import gallery as families
    from archdsl.syntax.loader import gallery_models

    for file in files:
        named = file in families() or file in gallery_models()
        if not (only_check or diff) and named and not Path(file).exists():
            raise click.BadParameter(f"{file} is a net of the gallery, to be read only; try --diff", param_hint="FILE")
    sys.exit(max([_formatted(file, only_check=only_check, diff=diff) for file in files]))


def _formatted(file: str, *, only_check: bool, diff: bool) -> int:
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
        click.echo(f"would format {source.name}", err=diff)
        return NET_HAS_ERRORS
    return 0 if only_check or diff else _rewrite(file, source.text, text)


def _rewrite(file: str, before: str, text: str) -> int:
    from archdsl.base.atomic_write import write

    if file == "-":
        write_output(file, text.encode(), file)
    elif text != before:
        try:
            write(Path(file), text.encode())
        except OSError as error:
            click.echo(f"{click.style('error', fg='red', bold=True)}: {cannot_write(file, error)}", err=True)
            return NO_FILE
        click.echo(f"formatted {file}")
    return 0


def main() -> None:
    """Run the command line; whatever goes wrong inside ends in a sentence, not in a traceback."""
    # A run is short and makes no cycles worth collecting; large nets check in half the time without.
    gc.disable()
    try:
        cli()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if "ARCHDSL_TRACEBACK" in os.environ:
            raise
        help = "please report it with the .arch file; ARCHDSL_TRACEBACK=1 shows where it happened"
        stop(OUR_BUG, f"archdsl has a bug: {type(error).__name__}: {error}", help)


if __name__ == "__main__":
    main()
