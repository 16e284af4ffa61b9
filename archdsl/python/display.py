"""How nets show themselves in a notebook: `_repr_svg_` and `_repr_html_`, which Jupyter looks for."""

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
    """A checked graph that a notebook shows as its drawing."""

    @staticmethod
    def of(graph: CheckedGraph) -> "ShownGraph":
        """Return a graph with the same contents."""
        return ShownGraph(**{field.name: getattr(graph, field.name) for field in fields(CheckedGraph)})

    def _repr_svg_(self) -> str | None:
        return svg(self)


@dataclass(frozen=True, slots=True)
class ShownResult(Compiled):
    """What came of a file; a notebook shows what was found in it, and the drawing of its last model."""

    @staticmethod
    def of(compiled: Compiled) -> "ShownResult":
        """Return a result with the same contents, whose graphs show themselves too."""
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
    """Return the drawing of a graph as an element of a page; None where nothing draws, so that its text is shown."""
    try:
        made = draw(diagram(graph), "svg")
    except CannotRender:
        return None
    # Within a page there is no declaration of XML.
    return made.decode().partition("?>")[2].strip()


def show(module: "type[Any]", graph: CheckedGraph) -> None:
    """Let the instances of a generated class show themselves as the drawing of their graph."""
    module._repr_svg_ = lambda _: svg(graph)
