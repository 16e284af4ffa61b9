"""The options of `archdsl draw`, in groups."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import click

from archdsl.cli.options import OutputFile, gathered

if TYPE_CHECKING:
    from archdsl.diagram import Detail, Look


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


@dataclass(frozen=True, slots=True)
class DetailOptions:
    """Which submodules a drawing expands, collapses and folds; the fields are those of `Detail`."""

    depth: int | None
    fold: bool | None
    expand: tuple[str, ...]
    collapse: tuple[str, ...]
    only: str | None

    def detail(self) -> "Detail":
        """Return the options as a `Detail`."""
        from archdsl.diagram import Detail

        return Detail(self.depth, self.fold, self.expand, self.collapse, self.only)

    def first_given(self) -> str | None:
        """Return the name of the first option that the user gave, or None."""
        return next((each.name for each in fields(self) if getattr(self, each.name) not in (None, ())), None)


@dataclass(frozen=True, slots=True)
class LookOptions:
    """The labels of a drawing; the fields are those of `Look`."""

    params: bool
    macs: bool
    edge_shapes: Literal["change", "all", "none"]
    legend: bool
    title: str | None

    def look(self) -> "Look":
        """Return the options as a `Look`."""
        from archdsl.diagram import Look

        return Look(legend=self.legend, params=self.params, macs=self.macs, shapes=self.edge_shapes, title=self.title)


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """The direction of a drawing, and the number of columns, None for as many as a page needs."""

    direction: Literal["TB", "LR"]
    columns: int | None


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The file, theme and engine of a drawing; `alt` prints a description."""

    output: str | None
    theme: str | None
    engine: str | None
    alt: bool


output_options = gathered("output", OutputOptions, [
    click.option(
        "-o", "--output", type=OutputFile(), metavar="OUT", help="File to write: .svg, .png, .pdf, .dot or .html"
    ),
    click.option(
        "--theme", type=click.Choice(["light", "dark", "mono", "auto"]),
        help="Colours, light by default; `auto` follows the theme of the system, for .svg and .html",
    ),
    click.option("--engine", help="Graphviz program to use; found automatically by default"),
    click.option("--alt", is_flag=True, help="Print a description of the drawing for screen readers"),
])  # fmt: skip
detail_options = gathered("detail", DetailOptions, [
    click.option(
        "--depth", type=Depth(), metavar="N|full",
        help="Number of submodule levels to expand; by default, as many as fit on a page",
    ),
    click.option("--fold/--no-fold", default=None, help="Draw runs of equal blocks once, with their count"),
    click.option("--expand", multiple=True, metavar="NAME", help="Expand a submodule, or all uses of a block"),
    click.option("--collapse", multiple=True, metavar="NAME", help="Collapse a submodule to one box"),
    click.option("--only", metavar="NAME", help="Draw one submodule with its inputs and outputs"),
])  # fmt: skip
look_options = gathered("look", LookOptions, [
    click.option("--params/--no-params", default=True, help="Show parameter counts"),
    click.option("--macs/--no-macs", default=True, help="Show multiply-accumulate counts"),
    click.option(
        "--shapes", "edge_shapes", type=click.Choice(["change", "all", "none"]), default="change", show_default=True,
        help="Label edges with shapes: where they change, all, or none",
    ),
    click.option("--legend/--no-legend", default=True, help="Show the legend and the caption with the totals"),
    click.option("--title", metavar="TEXT", help="Title of the drawing; by default, the name of the model"),
])  # fmt: skip
layout_options = gathered("layout", LayoutOptions, [
    click.option(
        "--direction", type=click.Choice(["TB", "LR"]), default="TB", show_default=True,
        help="Direction of the drawing: top to bottom or left to right",
    ),
    click.option(
        "--columns", type=click.IntRange(1, 20),
        help="Number of columns of a long drawing; by default, as many as a page needs",
    ),
])  # fmt: skip
