"""The display of nets in notebooks, through the methods `_repr_svg_` and `_repr_html_` that Jupyter calls."""

from dataclasses import dataclass, fields
from html import escape
from typing import Any

from archdsl.diag.model import Diagnostic
from archdsl.diag.text import render
from archdsl.diagram import diagram
from archdsl.diagram.render.engines import CannotRender, draw
from archdsl.driver import Compiled
from archdsl.ir.graph import CheckedGraph


@dataclass(frozen=True, slots=True)
class ShownGraph(CheckedGraph):
    """A checked graph that notebooks display as a drawing."""

    @staticmethod
    def of(graph: CheckedGraph) -> "ShownGraph":
        """Return a displayable copy of a graph."""
        return ShownGraph(**{field.name: getattr(graph, field.name) for field in fields(CheckedGraph)})

    def _repr_svg_(self) -> str | None:
        return svg(self)


@dataclass(frozen=True, slots=True)
class ShownResult(Compiled):
    """A result of compilation that notebooks display as its diagnostics and the drawing of its last model."""

    @staticmethod
    def of(compiled: Compiled) -> "ShownResult":
        """Return a displayable copy of a result and of its graphs."""
        return ShownResult(
            tuple(map(ShownGraph.of, compiled.models)), compiled.diagnostics, is_library=compiled.is_library
        )

    def _repr_svg_(self) -> str | None:
        return svg(self.models[-1]) if self.models else None

    def _repr_html_(self) -> str:
        drawn = [found for graph in self.models[-1:] if (found := svg(graph))]
        heads = [f"<p>{escape(_line(graph))}</p>" for graph in self.models]
        return "\n".join([*([_found(self.diagnostics)] if self.diagnostics else []), *heads, *drawn])


def _line(graph: CheckedGraph) -> str:
    return f"{graph.name}: {graph.params:,} parameters, {graph.macs:,} multiply-accumulates"


def _found(diagnostics: tuple[Diagnostic, ...]) -> str:
    return f"<pre>{escape(render(diagnostics, colour=False))}</pre>"


def svg(graph: CheckedGraph) -> str | None:
    """Return the drawing of a graph as an SVG element, or None if Graphviz cannot draw; then Jupyter shows the text."""
    try:
        made = draw(diagram(graph), "svg")
    except CannotRender:
        return None
    # An SVG element in a page has no XML declaration.
    return made.decode().partition("?>")[2].strip()


def show(module: "type[Any]", graph: CheckedGraph) -> None:
    """Make notebooks display instances of a generated class as the drawing of their graph."""
    module._repr_svg_ = lambda _: svg(graph)
