"""`archdsl draw --style`: the views of a net that no Graphviz draws."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.terminal import NO_FILE, say, stop, write_output

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits
    from archdsl.ir.graph import CheckedGraph
    from archdsl.views.page import Start

STYLES = ("table", "volumes")


def write_view(
    style: str, files: tuple[str, ...], model: str | None, settings: tuple[str, ...], limits: "Limits", *,
    output: str | None, theme: str,
) -> None:  # fmt: skip
    """Write a view of these nets; a table goes to standard output if no file is named."""
    from archdsl.syntax.loader import stem

    if style == "table":
        target, kinds, make = output or "-", ("md", "tex"), _table
    else:
        target, kinds, make = output or f"{stem(files[0])}.svg", ("svg", "tex"), partial(_volumes, theme=theme)
    kind = _kind(target, kinds)
    graphs = _graphs(files, model, settings, limits)
    if style != "table" and graphs[1:]:
        raise click.UsageError("one drawing shows one net: name one, or take --style table")
    write_output(target, make(graphs, kind).encode(), files[0])
    if target != "-":
        say(target, f"wrote {target}: {', '.join(graph.name for graph in graphs)}")


def _kind(target: str, kinds: tuple[str, ...]) -> str:
    """Return the format that a file is named after, the first one where it has no name."""
    kind = kinds[0] if target == "-" else Path(target).suffix.removeprefix(".").lower()
    if kind not in kinds:
        known = " and ".join(f".{kind}" for kind in kinds)
        raise click.BadParameter(f"{target} ends in none of {known}", param_hint="--output")
    return kind


def _graphs(
    files: tuple[str, ...], model: str | None, settings: tuple[str, ...], limits: "Limits"
) -> "tuple[CheckedGraph, ...]":
    """Return the models of all files, and of one file those that `--model` names with commas between them."""
    models = [name.strip() for name in model.split(",")] if model else [None]
    return tuple(graph_of(file, name, settings, limits) for file in files for name in models)


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
        raise click.UsageError(f"{error}: draw {graphs[0].name} as a graph, or take --style table") from None
    return to_tikz(made, THEMES[theme]) if kind == "tex" else to_svg(made, THEMES[theme])


def page_of(graph: "CheckedGraph", engine: str | None, start: "Start") -> bytes:
    """Return the page of a model; stop where no Graphviz draws. Raises `NoSuchPart` where `start` names none."""
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
