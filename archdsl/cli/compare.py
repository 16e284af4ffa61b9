"""`archdsl compare`: a table and charts of several nets."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import compiled_of
from archdsl.cli.options import NetRequest, OutputFile, as_data, limited
from archdsl.cli.terminal import (
    NET_HAS_ERRORS,
    NO_FILE,
    complain,
    print_diagnostics,
    print_json,
    say_written,
    stop,
    write_output,
)

if TYPE_CHECKING:
    from archdsl.compare import Compared
    from archdsl.elaborate.limits import Limits
    from archdsl.ir.graph import CheckedGraph

_GROUPS = ("torchvision V1", "torchvision V2", "keras", "paper")
_SORTS = ("given", "name", "parameters", "macs", "memory", "depth", "accuracy")


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@limited
@click.option(
    "--gallery", "whole", is_flag=True, help="Write the page of all gallery nets with its charts, docs/comparison.md"
)
@click.option("--accuracies", "group", type=click.Choice(_GROUPS), default=_GROUPS[0], show_default=True,
              help="Source of the accuracies; each source uses one protocol")  # fmt: skip
@click.option("--sort", type=click.Choice(_SORTS), default="given", show_default=True, help="Order of the nets")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table in Markdown")
@click.option("--plots", type=click.Path(file_okay=False), metavar="FOLDER", help="Folder to write charts to, as SVG")
@click.option("-o", "--output", type=OutputFile(), metavar="OUT.md", help="File for the page of --gallery")
@as_data
def compare(
    files: tuple[str, ...],
    limits: "Limits",
    group: str,
    sort: str,
    plots: str | None,
    output: str | None,
    *,
    whole: bool,
    as_markdown: bool,
    as_json: bool,
) -> None:
    """Compare nets by size, cost, memory, depth and published accuracy.

    FILE is a net of the gallery, a family such as resnet, or a file, which stands for all its models.
    """
    from archdsl.compare import compared

    if whole == bool(files):
        raise click.UsageError("name nets, or give --gallery")
    if whole:
        nets = _write_page(output, group)
    else:
        nets = _sorted(compared([pair for file in files for pair in _graphs(file, limits)], group), sort)
    if plots:
        _write_charts(nets, Path(plots))
    if as_json:
        from archdsl.compare.table import as_data as net_data

        print_json({"accuracies": group, "nets": net_data(nets)})
    elif not whole:
        _print(nets, as_markdown=as_markdown)


def _graphs(file: str, limits: "Limits") -> "list[tuple[str, CheckedGraph]]":
    """Return the models of a file or of a family, with the names that the table shows."""
    from archdsl.syntax.loader import Unreadable, gallery, gallery_models

    is_ours = not Path(file).exists() and (file in gallery() or file in gallery_models())
    try:
        found = compiled_of(NetRequest(file, limits), every=file not in gallery_models())
    except Unreadable as error:
        complain(error)
        raise SystemExit(NO_FILE) from None
    if not is_ours or not found.ok:
        print_diagnostics(found.diagnostics)
    if not found.ok:
        raise SystemExit(NET_HAS_ERRORS)
    models = found.models
    if is_ours and file in gallery() and any(graph.name.lower() == file for graph in models):
        models = tuple(graph for graph in models if graph.name.lower() == file)
    return [(graph.name.lower() if is_ours else graph.name, graph) for graph in models]


def _sorted(nets: "tuple[Compared, ...]", order: str) -> "tuple[Compared, ...]":
    keys = {
        "name": lambda net: net.name,
        "parameters": lambda net: net.params,
        "macs": lambda net: net.macs,
        "memory": lambda net: net.saved,
        "depth": lambda net: net.depth,
        "accuracy": lambda net: (net.accuracy.top1 or 0) if net.accuracy else 0,
    }
    return nets if order == "given" else tuple(sorted(nets, key=keys[order]))


def _print(nets: "tuple[Compared, ...]", *, as_markdown: bool) -> None:
    from archdsl.compare.table import COLUMNS, markdown, sources

    if as_markdown:
        click.echo(markdown(nets), nl=False)
        return
    from archdsl.cli.tables import print_text_table
    from archdsl.report.columns import text_table

    print_text_table(text_table(COLUMNS, nets))
    for source in sources(nets):
        click.echo(f"Accuracies: {source}")


def _write_charts(nets: "tuple[Compared, ...]", folder: Path) -> None:
    from archdsl.compare.plots import charts

    try:
        found = charts(nets)
    except ImportError as error:
        stop(NO_FILE, f"charts need matplotlib: {error}", "pip install 'archdsl[plot]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        stop(NO_FILE, f"cannot create {folder}: {(error.strerror or str(error)).lower()}", None)
    for name, data in found.items():
        write_output(str(folder / name), data, "-")
    click.echo(f"wrote {len(found)} charts to {folder}", err=True)


def _write_page(output: str | None, group: str) -> "tuple[Compared, ...]":
    """Write the comparison page of the gallery with its charts; return its nets."""
    from archdsl.compare.page import PAGE, gallery_nets, page

    target, nets = output or PAGE, gallery_nets(group)
    folder = Path(target).with_suffix("")
    _write_charts(nets, folder)
    write_output(target, page(nets, folder.name).encode(), "-")
    say_written(target, f"{len(nets)} nets, accuracies of {group}")
    return nets
