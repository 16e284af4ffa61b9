"""`archdsl check`: diagnostics and counts of every model of the files."""

import sys
from typing import TYPE_CHECKING

import click

from archdsl.base.printable import one_line
from archdsl.cli.nets import compiled_of
from archdsl.cli.options import NetRequest, as_data, of_files
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, complain, print_diagnostics, print_error, print_json

if TYPE_CHECKING:
    from archdsl.driver import Compiled
    from archdsl.ir.graph import CheckedGraph


def _denied_kinds(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    """Return the ids of the warnings that `--deny` names; `W` names all."""
    if not values:
        return frozenset()
    from archdsl.diag.codes import CATALOGUE

    warnings = frozenset(code.id for code in CATALOGUE.values() if not code.is_error)
    found: set[str] = set()
    for value in values:
        name = value.upper()
        if name != "W" and name not in warnings:
            text = f"{value} is not the code of a warning; give one such as W0103, or W for all"
            raise click.BadParameter(text, ctx=context, param=option)
        found |= warnings if name == "W" else {name}
    return frozenset(found)


@click.command()
@of_files
@click.option(
    "--deny", "denied", multiple=True, metavar="W|CODE", callback=_denied_kinds,
    help="Fail if a warning with this code remains, or any warning (W)",
)  # fmt: skip
@as_data
def check(nets: tuple[NetRequest, ...], *, denied: frozenset[str], as_json: bool) -> None:
    """Check names, shapes and assertions of every model in each file.

    With `--model`, `--set` or `--input`, only one model is checked: the named one, or the last one of the file. Errors
    are printed before warnings. The exit code is 1 if a model has errors or a denied warning, and 3 if a file cannot be
    read.
    """
    if not as_json:
        sys.exit(max([_check(net, denied) for net in nets]))
    results = [_check_as_data(net, denied) for net in nets]
    print_json({"files": [data for _, data in results]})
    sys.exit(max(code for code, _ in results))


def _check(net: NetRequest, denied: frozenset[str]) -> int:
    """Print the diagnostics and models of a file; return the exit code."""
    from archdsl.syntax.loader import Unreadable

    try:
        compiled = compiled_of(net, every=not net.selects)
    except Unreadable as error:
        complain(error)
        return NO_FILE
    print_diagnostics(compiled.diagnostics)
    codes = _denied_codes(compiled, denied)
    ok = click.style("denied", fg="red") if codes else click.style("ok", fg="green")
    if compiled.is_library:
        text = "no models; names and defaults are checked, bodies only where a model uses them"
        click.echo(f"{ok}  {one_line(net.file)}: {text}")
    for graph in compiled.models:
        counts = f"{graph.params:,} parameters, {graph.macs:,} multiply-accumulates"
        click.echo(f"{ok}  {graph.source.shown}  {graph.name}: {counts}")
        _print_crossings(graph)
    if codes:
        print_error(f"{net.file} has warnings that --deny forbids: {', '.join(codes)}")
    return _exit_code(compiled, denied)


def _check_as_data(net: NetRequest, denied: frozenset[str]) -> tuple[int, dict[str, object]]:
    """Return the exit code of a file and its diagnostics and models as plain data."""
    from archdsl.diag.json import all_as_data
    from archdsl.syntax.loader import Unreadable

    try:
        compiled = compiled_of(net, every=not net.selects)
    except Unreadable as error:
        return NO_FILE, {"file": net.file, "models": [], "error": str(error), "diagnostics": []}
    models = [_model_data(graph) for graph in compiled.models]
    data: dict[str, object] = {
        "file": net.file,
        "models": models,
        "diagnostics": all_as_data(compiled.diagnostics),
        "denied": _denied_codes(compiled, denied),
    }
    return _exit_code(compiled, denied), data


def _denied_codes(compiled: "Compiled", denied: frozenset[str]) -> list[str]:
    """Return the codes of the warnings that are denied, each once."""
    return sorted({each.code.id for each in compiled.diagnostics} & denied)


def _exit_code(compiled: "Compiled", denied: frozenset[str]) -> int:
    return 0 if compiled.ok and not _denied_codes(compiled, denied) else NET_HAS_ERRORS


def _model_data(graph: "CheckedGraph") -> dict[str, object]:
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
    """Print the tensors that move between devices, with their sizes in float32 for one sample."""
    if not graph.devices:
        return
    from archdsl.passes.crossings import crossings

    found = crossings(graph)
    for each in found:
        devices = f"{each.start or 'input'} -> {each.end}"
        click.echo(f"    {each.bytes:>11,} bytes  {devices}  {each.shape}  {each.name}")
    total = sum(each.bytes for each in found)
    click.echo(f"    {total:>11,} bytes for a sample in {len(found)} moves on {', '.join(graph.devices)}")
