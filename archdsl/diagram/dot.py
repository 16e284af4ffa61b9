"""Drawing to DOT, in the part of the language that all engines agree on."""

from typing import TYPE_CHECKING

from archdsl.diagram import labels, wording
from archdsl.diagram.spec import Box, Cluster, Diagram, Edge, Form, Member, Style
from archdsl.diagram.theme import LIGHT, Paint, Theme

if TYPE_CHECKING:
    from graphviz import Digraph  # type: ignore[import-untyped]

# One name that every engine measures right: a list of fonts falls back to the widths of Times.
_FONT = "Arial"
_CLASSES = {
    "convolution": "op conv",
    "pooling": "op pool",
    "activation": "op act",
    "normalisation": "op norm",
}
_LARGE = 300
_LONGEST_TOOLTIP = 1000


def to_dot(diagram: Diagram, theme: Theme = LIGHT) -> str:
    """Return the drawing in the language of Graphviz."""
    # Costs start-up time, so only who draws pays.
    from graphviz import Digraph

    graph = Digraph(
        _plain(diagram.name),
        graph_attr=_graph_attributes(diagram, theme),
        node_attr={
            "shape": "box",
            "style": "rounded,filled",
            "fontname": _FONT,
            "fontsize": "11",
            "fontcolor": theme.ink,
            "penwidth": "1.1",
            "height": "0.3",
            "width": "0.9",
        },
        edge_attr={
            "fontname": _FONT,
            "fontsize": "8.5",
            "fontcolor": theme.small,
            "color": theme.edge,
            "penwidth": "1.1",
            "arrowsize": "0.65",
        },
    )
    _add_members(graph, diagram.members, diagram, theme)
    for edge in diagram.edges:
        _add_edge(graph, edge)
    source: str = graph.source
    return source


def _graph_attributes(diagram: Diagram, theme: Theme) -> dict[str, str]:
    attributes = {
        "rankdir": diagram.direction,
        "bgcolor": theme.page,
        "pad": "0.12",
        "nodesep": "0.3",
        "ranksep": "0.28" if diagram.direction == "TB" else "0.2",
        "fontname": _FONT,
        "fontsize": "11",
        "fontcolor": theme.ink,
        "id": _plain(f"model-{diagram.name}"),
        "label": f"<{labels.legend(diagram, theme)}>",
        "labelloc": "b",
        "tooltip": _tooltip(f"{diagram.name}: {diagram.doc}" if diagram.doc else diagram.name),
    }
    return attributes | ({"nslimit": "2"} if len(diagram.boxes) > _LARGE else {})


def _add_members(graph: "Digraph", members: tuple[Member, ...], diagram: Diagram, theme: Theme) -> None:
    for member in members:
        if isinstance(member, Box):
            graph.node(_plain(member.id), f"<{labels.box_label(member, theme)}>", **_box_attributes(member, theme))
            continue
        with graph.subgraph(name=_plain(f"cluster_{member.id}")) as inner:
            inner.attr(**_cluster_attributes(member, diagram, theme))
            _add_members(inner, member.members, diagram, theme)


def _box_attributes(box: Box, theme: Theme) -> dict[str, str]:
    paint = theme.families[box.family]
    match box.form:
        case Form.TERMINAL:
            kind, form = "io", {"penwidth": "1.6", "margin": "0.17,0.03"}
        case Form.PILL:
            form = {"fontsize": "10", "height": "0.24", "margin": "0.12,0.02"}
        case Form.OPERATOR:
            form = {"margin": "0.07,0.02" if box.chips else "0.09,0.035"}
    if box.form is not Form.TERMINAL:
        kind = _CLASSES.get(box.family, f"op {box.family}")
    if box.count > 1:
        form |= {"peripheries": "2", "style": "filled"}
    return {**_paint(paint), **form, "class": kind, "group": _plain(box.group), **_identity(box)}


def _cluster_attributes(cluster: Cluster, diagram: Diagram, theme: Theme) -> dict[str, str]:
    stage = cluster.style is Style.STAGE
    return {
        "label": f"<{labels.cluster_label(cluster, theme, one_line=diagram.direction == 'LR')}>",
        "labeljust": "l",
        "labelloc": "t",
        "style": "rounded,filled",
        **_paint(theme.stage if stage else theme.block),
        "penwidth": "1",
        "margin": "16" if diagram.direction == "TB" else "10",
        "class": cluster.style.value,
        **_identity(cluster),
    }


def _add_edge(graph: "Digraph", edge: Edge) -> None:
    attributes = {"class": edge.kind, "tooltip": _tooltip(edge.tooltip), "weight": "100"}
    if edge.label:
        attributes |= {"label": f"<{labels.edge_label(edge.label)}>", "labeltooltip": attributes["tooltip"]}
    attributes["id"] = _plain(f"{edge.source}--{edge.target}")
    graph.edge(_plain(edge.source), _plain(edge.target), **attributes)


def _identity(member: Member) -> dict[str, str]:
    link = {"URL": _plain(member.link)} if member.link else {}
    return {"id": _plain(member.id), "tooltip": _tooltip(member.tooltip), **link}


def _paint(paint: Paint) -> dict[str, str]:
    return {"fillcolor": paint.fill, "color": paint.stroke}


def _tooltip(text: str) -> str:
    r"""Return a text for a tooltip; Graphviz reads those twice, so one more doubling keeps `\G` what it is."""
    return _plain(wording.cut(text, _LONGEST_TOOLTIP).replace("\\", r"\\"))


def _plain(text: str) -> str:
    r"""Return a text that Graphviz takes as it is: no `\N`, no `<b>`, no `&lt;`."""
    from graphviz import escape

    escaped: str = escape(wording.clean(text).replace("&", "&amp;"))
    return escaped
