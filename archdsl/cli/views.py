"""`archdsl draw` without Graphviz graphs: tables of stages, tensors to scale, and HTML pages."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graphs_of
from archdsl.cli.options import NetRequest
from archdsl.cli.terminal import NO_FILE, say_written, stop, write_output

if TYPE_CHECKING:
    from archdsl.ir.graph import CheckedGraph
    from archdsl.views.page import Start

STYLES = ("table", "volumes")


def write_view(style: str, nets: tuple[NetRequest, ...], output: str | None, theme: str) -> None:
    """Write a table or a figure of nets; without `output`, a table goes to standard output."""
    from archdsl.syntax.loader import stem

    if style == "table":
        target, kinds, make = output or "-", ("md", "tex"), _table
    else:
        target, kinds, make = output or f"{stem(nets[0].file)}.svg", ("svg", "tex"), partial(_volumes, theme=theme)
    kind = _kind(target, kinds)
    graphs = graphs_of(nets)
    if style != "table" and graphs[1:]:
        raise click.UsageError("one drawing shows one net: name one, or use --style table")
    write_output(target, make(graphs, kind).encode(), nets[0].file)
    if target != "-":
        say_written(target, ", ".join(graph.name for graph in graphs))


def _kind(target: str, kinds: tuple[str, ...]) -> str:
    """Return the format of a file by its suffix; standard output has the first of `kinds`."""
    kind = kinds[0] if target == "-" else Path(target).suffix.removeprefix(".").lower()
    if kind not in kinds:
        known = " or ".join(f".{kind}" for kind in kinds)
        raise click.BadParameter(f"{target} must end in {known}", param_hint="--output")
    return kind


def _table(graphs: "tuple[CheckedGraph, ...]", kind: str) -> str:
    from archdsl.views.latex import to_latex
    from archdsl.views.markdown import to_markdown
    from archdsl.views.table import stage_table

    table = stage_table(graphs)
    return to_latex(table) if kind == "tex" else to_markdown(table)


def _volumes(graphs: "tuple[CheckedGraph, ...]", kind: str, *, theme: str) -> str:
    from archdsl.diagram import THEMES
    from archdsl.views.arrange import scene
    from archdsl.views.volumes import NotToScale, figure
    from archdsl.views.volumes_svg import to_svg
    from archdsl.views.volumes_tikz import to_tikz

    try:
        made = scene(figure(graphs[0]))
    except NotToScale as error:
        raise click.UsageError(f"{error}: draw {graphs[0].name} as a graph, or use --style table") from None
    return to_tikz(made, THEMES[theme]) if kind == "tex" else to_svg(made, THEMES[theme])


def page_of(graph: "CheckedGraph", engine: str | None, start: "Start") -> bytes:
    """Return the HTML page of a model; exit if Graphviz cannot draw.

    Raises:
        NoSuchPart: `start` names a submodule that the model does not have.
    """
    from concurrent.futures import ThreadPoolExecutor

    from archdsl.diagram.render.engines import CannotRender, draw
    from archdsl.views.page import page

    with ThreadPoolExecutor(4) as pool:
        try:
            drawn = partial(draw, format="svg", engine=engine)
            made = page(graph, lambda diagrams: list(pool.map(drawn, diagrams)), start)
        except CannotRender as error:
            stop(NO_FILE, str(error), error.help)
    return made.encode()
