"""`archdsl draw`: a picture of a model, of a part of it, or of the changes between two."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.base.printable import printable
from archdsl.cli.drawing_options import (
    DetailOptions,
    LayoutOptions,
    LookOptions,
    OutputOptions,
    detail_options,
    layout_options,
    look_options,
    output_options,
)
from archdsl.cli.nets import graph_of, graphs_of
from archdsl.cli.options import NetRequest, of_nets
from archdsl.cli.terminal import NO_FILE, follow_option, say_written, stop, write_output
from archdsl.cli.views import STYLES, page_of, write_view

if TYPE_CHECKING:
    from archdsl.diagram import Diagram
    from archdsl.ir.graph import CheckedGraph

_KINDS = ("svg", "png", "pdf", "dot")


# Number of boxes that makes a large drawing, and about how many are laid out in a second.
_MANY = 500
_PER_SECOND = 250


@click.command()
@of_nets
@click.option(
    "--style", type=click.Choice(["graph", *STYLES]), default="graph", show_default=True,
    help="Graph of operators, table of stages for one or more nets (.md, .tex), or tensors to scale (.svg, .tex)",
)  # fmt: skip
@click.option(
    "--diff", is_flag=True, help="Draw the changes between two files, or between two models of one (--model OLD,NEW)"
)
@output_options
@detail_options
@look_options
@layout_options
@follow_option
def draw(
    nets: tuple[NetRequest, ...], output: OutputOptions, detail: DetailOptions, look: LookOptions,
    layout: LayoutOptions, *, style: str, diff: bool,
) -> None:  # fmt: skip
    """Draw a model as a graph, a table of stages, or tensors to scale.

    If the graph fits on one page, it shows every operator and folds runs of three or more equal blocks. Otherwise it
    also collapses submodules until it fits.
    """
    from archdsl.syntax.loader import stem

    if style != "graph":
        if output.theme == "auto" or output.alt or look.title:
            raise click.UsageError(f"--style {style} has no --theme auto, --title or --alt")
        write_view(style, nets, output.output, output.theme or "light")
        return
    if nets[1:] and not diff:
        raise click.UsageError("one drawing shows one net: name one, or use --diff or --style table")
    target = output.output or f"{stem(nets[0].file)}.svg"
    kind = Path(target).suffix.removeprefix(".").lower() if target != "-" else "svg"
    if kind not in (*_KINDS, "html"):
        raise click.BadParameter(f"{target} must end in .svg, .png, .pdf, .dot or .html", param_hint="--output")
    if kind == "html":
        if diff:
            raise click.UsageError("a page shows one net: use --diff with an output in .svg, .png, .pdf or .dot")
        _write_page(nets[0], target, output, detail, look, layout)
        return
    _check_output(kind, target, output)
    drawing = _compared(nets, detail, look, layout) if diff else _diagram(graph_of(nets[0]), detail, look, layout)
    _warn_of_size(drawing)
    write_output(target, _drawn(drawing, kind, target, nets[0].file, output), nets[0].file)
    say_written(target, drawing.name)
    if output.alt:
        click.echo(printable(drawing.description))


def _check_output(kind: str, target: str, output: OutputOptions) -> None:
    """Raise click.UsageError for options that do not apply to the format of the output."""
    if output.theme == "auto" and kind != "svg":
        raise click.UsageError(f"a .{kind} has one theme: --theme auto is for .svg and .html")
    if output.alt and target == "-":
        raise click.UsageError("--alt and the drawing would both go to standard output: name a file with -o")


def _write_page(
    net: NetRequest, target: str, output: OutputOptions, detail: DetailOptions, look: LookOptions, layout: LayoutOptions
) -> None:
    """Write the page of a model; raise click.UsageError for options that pages do not support."""
    from archdsl.diagram import NoSuchPart
    from archdsl.views.page import Start

    if output.alt or look.title:
        raise click.UsageError("a page has neither --title nor --alt")
    graph = graph_of(net)
    refused = {
        "is drawn downwards, in one column: leave out --direction LR": layout.direction == "LR",
        "is drawn downwards, in one column: leave out --columns": layout.columns is not None,
        "draws equal neighbours once: leave out --no-fold": detail.fold is False,
        "is light or dark: leave out --theme mono": output.theme == "mono",
    }
    for words in (words for words, given in refused.items() if given):
        raise click.UsageError(f"a page {words}")
    theme = None if output.theme == "auto" else output.theme
    try:
        page = page_of(graph, output.engine, Start(detail.detail(), look.look(), theme))
    except NoSuchPart as error:
        raise click.UsageError(f"{error}; {error.help}") from None
    write_output(target, page, net.file)
    say_written(target, graph.name)


def _compared(
    nets: tuple[NetRequest, ...], detail: DetailOptions, look: LookOptions, layout: LayoutOptions
) -> "Diagram":
    """Return the drawing of the changes between the models of two files, or between two models of one."""
    from archdsl.diagram import compared

    graphs = graphs_of(nets)
    if len(graphs) != 2:
        raise click.UsageError("--diff compares two nets: name two files, or one with --model OLD,NEW")
    if look.title:
        raise click.UsageError("--diff uses the names of both nets as title: leave out --title")
    given = detail.first_given() or ("columns" if layout.columns is not None else None)
    if given:
        raise click.UsageError(f"--diff expands the changed submodules: leave out --{given}")
    return compared(*graphs, look=look.look(), direction=layout.direction)


def _diagram(graph: "CheckedGraph", detail: DetailOptions, look: LookOptions, layout: LayoutOptions) -> "Diagram":
    from archdsl.diagram import NoSuchPart, diagram

    try:
        return diagram(
            graph, detail=detail.detail(), look=look.look(), direction=layout.direction, columns=layout.columns
        )
    except NoSuchPart as error:
        raise click.UsageError(f"{error}; {error.help}") from None


def _warn_of_size(drawing: "Diagram") -> None:
    """Print an estimate of the time that a large drawing takes."""
    if (count := len(drawing.boxes)) > _MANY:
        seconds = max(1, count // _PER_SECOND)
        click.echo(f"{count:,} boxes: the layout may take {seconds} s or more; use a smaller --depth", err=True)


def _drawn(drawing: "Diagram", kind: str, target: str, file: str, output: OutputOptions) -> bytes:
    """Return the drawing in a format; if Graphviz cannot draw, write its DOT beside the output and exit."""
    from archdsl.diagram import LIGHT, THEMES, to_dot
    from archdsl.diagram.render.engines import CannotRender, draw

    theme = output.theme or "light"
    if kind == "dot":
        return to_dot(drawing, THEMES[theme]).encode()
    try:
        return draw(drawing, kind, theme=THEMES.get(theme), engine=output.engine)
    except CannotRender as error:
        if target == "-":
            stop(NO_FILE, str(error), error.help)
        beside = str(Path(target).with_suffix(".dot"))
        write_output(beside, to_dot(drawing, THEMES.get(theme, LIGHT)).encode(), file)
        stop(NO_FILE, f"{error}; wrote {beside} instead", error.help)
