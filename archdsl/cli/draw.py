"""`archdsl draw`: a model, or a part of it, as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import of_nets
from archdsl.cli.terminal import NO_FILE, say, stop, write_output
from archdsl.cli.views import STYLES, page_of, write_view

if TYPE_CHECKING:
    from archdsl.diagram import Diagram
    from archdsl.elaborate.limits import Limits
    from archdsl.ir.graph import CheckedGraph

_KINDS = ("svg", "png", "pdf", "dot")


# Boxes that are many for one drawing, and about how many are laid out in a second.
_MANY = 500
_PER_SECOND = 250


class Depth(click.ParamType[int]):
    """A number of levels, or `full`."""

    name = "depth"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of levels."""
        from archdsl.diagram import FULL

        if isinstance(value, int):
            return value
        if value == "full":
            return FULL
        if not value.isdigit():
            self.fail(f"{value} is neither a number of levels nor `full`", param, ctx)
        return min(int(value), FULL)


@click.command()
@of_nets
@click.option("-o", "--output", metavar="OUT", help="Where the drawing goes: .svg, .png, .pdf, .dot or .html.")
@click.option(
    "--style", type=click.Choice(["graph", *STYLES]), default="graph", show_default=True,
    help="Operators; a table of stages (.md, .tex), a column for each net; tensors to scale (.svg, .tex).",
)  # fmt: skip
@click.option("--depth", type=Depth(), metavar="N|full", help="Levels that are shown; what fits a page if left out.")
@click.option("--fold/--no-fold", default=None, help="Draw equal neighbours once, with their number.")
@click.option("--expand", multiple=True, metavar="NAME", help="Show what is in a submodule, or in all uses of a block.")
@click.option("--collapse", multiple=True, metavar="NAME", help="Show a submodule as one box.")
@click.option("--only", metavar="NAME", help="Draw one submodule, and of its surroundings only the ends.")
@click.option("--params/--no-params", default=True, help="Numbers of parameters in the boxes.")
@click.option("--macs/--no-macs", default=True, help="Numbers of multiply-accumulates in the boxes.")
@click.option(
    "--shapes", type=click.Choice(["change", "all", "none"]), default="change", show_default=True,
    help="The edges that tell their shape.",
)  # fmt: skip
@click.option("--diff", is_flag=True, help="Draw what is new, gone or changed: two files, or two models of one.")
@click.option("--legend/--no-legend", default=True, help="The legend and the caption with the totals.")
@click.option(
    "--theme", type=click.Choice(["light", "dark", "mono", "auto"]),
    help="Light if left out; `auto` makes an SVG, or a page, that is as the system is.",
)  # fmt: skip
@click.option("--title", metavar="TEXT", help="What the caption calls the drawing; its name if left out.")
@click.option("--alt", is_flag=True, help="Print a sentence that describes the drawing, for those who do not see it.")
@click.option("--direction", type=click.Choice(["TB", "LR"]), default="TB", show_default=True, help="Down or across.")
@click.option("--columns", type=click.IntRange(1, 20), help="Columns of a long drawing; what a page needs if left out.")
@click.option("--engine", help="The Graphviz program that draws; found by itself if left out.")
def draw(
    files: tuple[str, ...], model: str | None, settings: tuple[str, ...], limits: "Limits", output: str | None,
    style: str, theme: str | None, engine: str | None, **options: Any,
) -> None:  # fmt: skip
    """Draw a model with Graphviz, or in another style.

    Submodules are closed where the whole would not fit on a page, and equal neighbours are drawn once.
    """
    from archdsl.syntax.loader import stem

    alt = options.pop("alt")
    if style != "graph":
        if theme == "auto" or alt or options["title"]:
            raise click.UsageError(f"--style {style} has no --theme auto, --title or --alt")
        write_view(style, files, model, settings, limits, output=output, theme=theme or "light")
        return
    diff = options.pop("diff")
    if files[1:] and not diff:
        raise click.UsageError("one drawing shows one net: name one, or take --diff or --style table")
    file = files[0]
    target = output or f"{stem(file)}.svg"
    kind = Path(target).suffix.removeprefix(".").lower() if target != "-" else "svg"
    if kind not in (*_KINDS, "html"):
        raise click.BadParameter(f"{target} ends in none of .svg, .png, .pdf, .dot and .html", param_hint="--output")
    if kind == "html" and diff:
        raise click.UsageError("a page holds one net: give --diff an output that ends in .svg, .png, .pdf or .dot")
    if kind == "html":
        if alt or options.pop("title"):
            raise click.UsageError("a page has neither --title nor --alt")
        graph = graph_of(file, model, settings, limits)
        write_output(target, _page(graph, engine, theme=theme, **options), file)
        say(target, f"wrote {target}: {graph.name}")
        return
    theme = theme or "light"
    if theme == "auto" and kind != "svg":
        raise click.UsageError(f"a .{kind} has one theme: --theme auto is for .svg and .html")
    if alt and target == "-":
        raise click.UsageError("--alt prints where the drawing would go: name a file with -o")
    if diff:
        drawing = _compared(_two(files, model, settings, limits), **options)
    else:
        drawing = _diagram(graph_of(file, model, settings, limits), **options)
    _warn_of_size(drawing)
    write_output(target, _drawn(drawing, kind, target, file, theme=theme, engine=engine), file)
    say(target, f"wrote {target}: {drawing.name}")
    if alt:
        click.echo(drawing.description)


def _page(
    graph: "CheckedGraph", engine: str | None, *, theme: str | None, depth: int | None, fold: bool | None,
    expand: tuple[str, ...], collapse: tuple[str, ...], only: str | None, params: bool, macs: bool, shapes: Any,
    direction: str, columns: int | None, legend: bool,
) -> bytes:  # fmt: skip
    """Return the page of a model, opened as the options say; refuse those that a page cannot follow."""
    from archdsl.diagram import Detail, Look, NoSuchPart
    from archdsl.views.page import Start

    refused = {
        "is drawn downwards, in one column: leave out --direction LR": direction == "LR",
        "is drawn downwards, in one column: leave out --columns": columns is not None,
        "draws equal neighbours once: leave out --no-fold": fold is False,
        "is light or dark: leave out --theme mono": theme == "mono",
    }
    theme = None if theme == "auto" else theme
    for words in (words for words, given in refused.items() if given):
        raise click.UsageError(f"a page {words}")
    look = Look(legend=legend, params=params, macs=macs, shapes=shapes)
    try:
        return page_of(graph, engine, Start(Detail(depth, fold, expand, collapse, only), look, theme))
    except NoSuchPart as error:
        raise click.UsageError(f"{error}; {error.help}") from None


def _two(
    files: tuple[str, ...], model: str | None, settings: tuple[str, ...], limits: "Limits"
) -> "list[CheckedGraph]":
    """Return the nets to compare: the models of two files, or two models of one."""
    models = [name.strip() for name in model.split(",")] if model else [None]
    found = [graph_of(file, name, settings, limits) for file in files for name in models]
    if len(found) != 2:
        raise click.UsageError("--diff compares two nets: name two files, or one with --model OLD,NEW")
    return found


def _compared(
    graphs: "list[CheckedGraph]",
    *,
    params: bool,
    macs: bool,
    shapes: Any,
    legend: bool,
    direction: Any,
    title: str | None,
    **rest: Any,
) -> "Diagram":
    from archdsl.diagram import Look, compared

    if title:
        raise click.UsageError("--diff is called after both nets: leave out --title")
    given = [name for name, value in rest.items() if value not in (None, ())]
    if given:
        raise click.UsageError(f"--diff opens what differs by itself: leave out --{given[0]}")
    look = Look(legend=legend, params=params, macs=macs, shapes=shapes)
    return compared(*graphs, look=look, direction=direction)


def _warn_of_size(drawing: "Diagram") -> None:
    """Say what a large drawing will cost, before it costs that."""
    if (count := len(drawing.boxes)) > _MANY:
        words = (
            f"{count:,} boxes: the layout may take {max(1, count // _PER_SECOND)} s or more; a smaller --depth folds"
        )
        click.echo(words, err=True)


def _diagram(
    graph: "CheckedGraph", *, depth: int | None, fold: bool | None, expand: tuple[str, ...], collapse: tuple[str, ...],
    only: str | None, params: bool, macs: bool, shapes: Any, legend: bool, direction: Any,
    columns: int | None, title: str | None,
) -> "Diagram":  # fmt: skip
    from archdsl.diagram import Detail, Look, NoSuchPart, diagram

    detail = Detail(depth, fold, expand, collapse, only)
    look = Look(legend=legend, params=params, macs=macs, shapes=shapes, title=title)
    try:
        return diagram(graph, detail=detail, look=look, direction=direction, columns=columns)
    except NoSuchPart as error:
        raise click.UsageError(f"{error}; {error.help}") from None


def _drawn(drawing: "Diagram", kind: str, target: str, file: str, *, theme: str, engine: str | None) -> bytes:
    from archdsl.diagram import LIGHT, THEMES, to_dot
    from archdsl.diagram.render.engines import CannotRender
    from archdsl.diagram.render.engines import draw as drawn

    if kind == "dot":
        return to_dot(drawing, THEMES[theme]).encode()
    try:
        return drawn(drawing, kind, theme=THEMES.get(theme), engine=engine)
    except CannotRender as error:
        if target == "-":
            stop(NO_FILE, str(error), error.help)
        beside = str(Path(target).with_suffix(".dot"))
        write_output(beside, to_dot(drawing, THEMES.get(theme, LIGHT)).encode(), file)
        stop(NO_FILE, f"{error}; wrote {beside} instead", error.help)
