"""DOT of a drawing, in the subset of the language that all engines support."""

from typing import assert_never

from archdsl.diagram import wording
from archdsl.diagram.layout.placed import Places
from archdsl.diagram.render import labels
from archdsl.diagram.render.dot_text import Statements, literal
from archdsl.diagram.render.theme import LIGHT, Paint, Theme
from archdsl.diagram.spec import Box, Cluster, Diagram, Edge, EdgeKind, Form, Member, Style
from archdsl.diagram.text import box_width

# A single name: engines measure a list of fonts with the widths of Times.
_FONT = "Arial"
_CLASSES = {
    "convolution": "op conv",
    "pooling": "op pool",
    "activation": "op act",
    "normalisation": "op norm",
}
# The minimum width of a segment of a bar, and the gap between boxes, in points.
_SEGMENT = 60
_GAP = 22
# Frames of the marks in comparisons; the boxes also have the mark as text.
_MARKS: dict[str, dict[str, str]] = {
    "": {},
    "added": {"penwidth": "3"},
    "removed": {"style": "filled,dashed", "penwidth": "1.6"},
    "changed": {"penwidth": "2.2"},
}
# Labels beside these thick edges need more room.
_BESIDE = (EdgeKind.ADDED, EdgeKind.REMOVED, EdgeKind.CROSSING)
_LARGE = 300
_LONGEST_TOOLTIP = 1000


def to_dot(diagram: Diagram, theme: Theme = LIGHT, places: Places | None = None) -> str:
    """Return a drawing as DOT; with `places` the DOT has the positions of all parts, for `neato -n2`."""
    graph = Statements()
    graph.defaults("graph", _graph_attributes(diagram, theme))
    graph.defaults("node", _node_defaults(theme))
    graph.defaults("edge", _edge_defaults(theme))
    _add_members(graph, diagram.members, diagram, theme, places)
    known = diagram.known
    # With rankdir=LR Graphviz draws the first edge lowest.
    for edge in diagram.edges if diagram.direction == "TB" else diagram.edges[::-1]:
        place = places.get(edge.id, {}) if places else {}
        attributes = _edge_attributes(edge, known, diagram, theme)
        graph.edge(_plain(edge.source), _plain(edge.target), attributes | place)
    return graph.digraph(_plain(diagram.name))


def _node_defaults(theme: Theme) -> dict[str, str]:
    return {
        "shape": "box",
        "style": "rounded,filled",
        "fontname": _FONT,
        "fontsize": "11",
        "fontcolor": theme.ink,
        "penwidth": "1.1",
        "height": "0.3",
        "width": "0.9",
    }


def _edge_defaults(theme: Theme) -> dict[str, str]:
    return {
        "fontname": _FONT,
        "fontsize": "8.5",
        "fontcolor": theme.small,
        "color": theme.edge,
        "penwidth": "1.1",
        "arrowsize": "0.65",
    }


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
        "label": f"<{legend}>" if (legend := labels.legend(diagram, theme)) else "",
        "labelloc": "b",
        "tooltip": _tooltip(f"{diagram.name}: {diagram.doc}" if diagram.doc else diagram.name),
    }
    if _is_braided(diagram):
        # Global ranks: with ranks of its own for each cluster, edges between clusters may point backwards.
        attributes["newrank"] = "true"
    return attributes | ({"nslimit": "2"} if len(diagram.boxes) > _LARGE else {})


def _is_braided(diagram: Diagram) -> bool:
    """Return whether edges beside the trunk connect different outermost frames."""
    frame = diagram.outermost
    trunk = {box.id for box in diagram.boxes if box.group} if not diagram.devices else set()
    return any(
        frame[edge.source] != frame[edge.target] and not {edge.source, edge.target} <= trunk
        for edge in diagram.edges
        if edge.kind is not EdgeKind.AUXILIARY and edge.source in frame and edge.target in frame
    )


def _add_members(
    graph: Statements, members: tuple[Member, ...], diagram: Diagram, theme: Theme, places: Places | None
) -> None:
    for member in members:
        place = places.get(member.id, {}) if places else {}
        if isinstance(member, Cluster):
            inner = graph.subgraph(_plain(f"cluster_{member.id}"))
            inner.own(_cluster_attributes(member, diagram, theme, place.get("labeljust")) | place)
            _add_members(inner, member.members, diagram, theme, places)
            graph.add(inner)
            continue
        backwards = diagram.mirrored and places is None
        bar = member.form is Form.BAR
        label = _bar(member, diagram, theme, backwards=backwards) if bar else labels.box_label(member, theme)
        words = {"label": "" if member.form is Form.FORK else f"<{label}>"}
        graph.node(_plain(member.id), _box_attributes(member, theme) | place | words)
    for member in members:
        if isinstance(member, Box) and member.rank:
            row = graph.subgraph()
            row.own({"rank": "same"})
            row.node(_plain(member.rank))
            row.node(_plain(member.id))
            graph.add(row)


def _bar(box: Box, diagram: Diagram, theme: Theme, *, backwards: bool) -> str:
    """Return the label of a bar whose segments are as wide as the boxes above them."""
    across = diagram.direction == "LR"
    known = {} if across else diagram.known
    into = diagram.streams(box.id)
    sources = {edge.segment: known.get(edge.source) for edge in into}
    widths = [
        max(_SEGMENT, box_width(source) + _GAP if source and source.form is not Form.FORK else 0)
        for source in map(sources.get, range(len(box.segments)))
    ]
    if len(into) == 1 and into[0].segment is not None:
        # A single stream enters the middle of the bar, which must be inside its segment.
        own = into[0].segment
        widths[own] = max(widths[own], sum(widths) - widths[own] + _GAP)
    return labels.bar_label(box, widths, theme, across=across, backwards=backwards)


def _box_attributes(box: Box, theme: Theme) -> dict[str, str]:
    paint = theme.families[box.family]
    kind = _CLASSES.get(box.family, f"op {box.family}")
    form = {"margin": "0.07,0.02" if box.tags else "0.09,0.035"}
    match box.form:
        case Form.FORK:
            form = {"shape": "circle", "width": "0.07", "height": "0.07", "fixedsize": "true"}
            paint, kind = Paint(theme.edge, theme.edge, theme.ink), "fork"
        case Form.TERMINAL | Form.STUB:
            kind, form = "io", {"penwidth": "1.6", "margin": "0.17,0.03"}
            if box.form is Form.STUB:
                kind, form = "io stub", {**form, "style": "rounded,filled,dashed"}
        case Form.CONNECTOR:
            kind, form = "connector", {"shape": "circle", "width": "0.26", "fixedsize": "true", "margin": "0"}
        case Form.PILL:
            form = {"fontsize": "10", "height": "0.24", "margin": "0.12,0.02"}
        case Form.BLOCK:
            kind, form = "block", {"style": "filled", "peripheries": "2", "margin": "0.12,0.05"}
        case Form.MERGE:
            form = {"height": "0.26", "width": "0.4", "margin": "0.07,0.02"}
        case Form.BAR:
            form = {"margin": "0.01,0.01", "style": "filled"}
        case Form.OPERATOR:
            pass
        case _:
            assert_never(box.form)
    if box.count > 1 and box.form is not Form.BLOCK:
        form |= {"peripheries": "2", "style": "filled"}
    kind += f" {box.mark}" * bool(box.mark) + " aux" * box.training
    form |= _MARKS[box.mark]
    group = {"group": _plain(box.group)} if box.group else {}
    if box.ordering:
        group["ordering"] = box.ordering
    return {**_paint(paint), **form, "class": kind, **group, **_identity(box)}


def _cluster_attributes(cluster: Cluster, diagram: Diagram, theme: Theme, placed: str | None) -> dict[str, str]:
    paint, width, side = theme.nested, "1", "t"
    within = {box.id for box in cluster.boxes()}
    # The title is on the side without shortcuts, in a lane on the side without incoming edges.
    bent = (edge for edge in diagram.edges if edge.kind in (EdgeKind.SKIP, EdgeKind.PROJECTION))
    right = any({edge.source, edge.target} <= within for edge in bent)
    match cluster.style:
        case Style.TOP_LEVEL:
            paint = theme.top_level
        case Style.NESTED:
            pass
        case Style.DEVICE:
            number = diagram.devices.index(cluster.title)
            paint, width = theme.devices[number % len(theme.devices)], "1.6"
            right = _entered_from_left(cluster, diagram)
            side = "b" if right and diagram.direction == "LR" else "t"
        case _:
            assert_never(cluster.style)
    across = diagram.direction == "LR"
    just = placed or ("r" if right and not across else "l")
    words = labels.cluster_label(cluster, theme, one_line=across, right=just == "r", is_placed=bool(placed))
    return {
        "label": f"<{words}>",
        "labeljust": just,
        "labelloc": side,
        "style": "rounded,filled",
        **_paint(paint),
        "penwidth": width,
        "margin": "10" if across else "16",
        "class": cluster.style.value,
        **_identity(cluster),
    }


def _entered_from_left(lane: Cluster, diagram: Diagram) -> bool:
    """Return whether edges into a lane come mostly from lanes before it; boxes outside all lanes count as central."""
    lanes = {box.id: diagram.devices.index(each.title) for each in diagram.clusters if each.style is Style.DEVICE
             for box in each.boxes()}  # fmt: skip
    own = diagram.devices.index(lane.title)
    middle = (len(diagram.devices) - 1) / 2
    targets = {box for box, number in lanes.items() if number == own}
    sources = [edge.source for edge in diagram.edges if edge.target in targets and edge.source not in targets]
    return sum(lanes.get(source, middle) - own for source in sources) < 0


def _is_crossed_into(box: Box, diagram: Diagram) -> bool:
    """Return whether an edge from another lane enters a box."""
    return bool(diagram.devices) and any(e.target == box.id and e.kind is EdgeKind.CROSSING for e in diagram.edges)


def _edge_attributes(edge: Edge, known: dict[str, Box], diagram: Diagram, theme: Theme) -> dict[str, str]:
    source, target = known[edge.source], known[edge.target]
    # Trunk edges are straight. Branches are aligned at their beginning, and their ends stretch to the bar.
    waits = target.form is Form.BAR is not source.form
    weight = "100" if source.group and target.group else "2" if waits else "4"
    attributes = {"class": edge.kind.value, "tooltip": _tooltip(edge.tooltip), "weight": weight}
    match edge.kind:
        case EdgeKind.SKIP | EdgeKind.PROJECTION:
            attributes |= _shortcut_attributes(edge, source, target, diagram, theme)
        case EdgeKind.CROSSING:
            attributes |= {"penwidth": "2.4", "color": theme.crossing, "weight": "0"}
        case EdgeKind.ADDED:
            attributes |= {"penwidth": "2.4", "color": theme.ink}
        case EdgeKind.REMOVED:
            # The open arrowhead distinguishes it from a projection, which is dashed too.
            attributes |= {"style": "dashed", "arrowhead": "onormal", "weight": "0", "constraint": "true"}
        case EdgeKind.AUXILIARY:
            attributes |= {"style": "dotted", "weight": "0"}
        case EdgeKind.DATA:
            pass
        case _:
            assert_never(edge.kind)
    if (
        edge.segment is not None
        and target.form is Form.BAR
        and (diagram.direction == "LR" or diagram.streams(target.id) != [edge])
    ):
        attributes["headport"] = f"p{edge.segment}:{'n' if diagram.direction == 'TB' else 'w'}"
    if target.form is Form.FORK:
        attributes["arrowhead"] = "none"
    if edge.label:
        label = labels.edge_label(edge.label, thick=edge.kind in _BESIDE)
        attributes |= {"label": f"<{label}>", "labeltooltip": attributes["tooltip"]}
    return attributes | {"id": _plain(edge.id)}


def _shortcut_attributes(edge: Edge, source: Box, target: Box, diagram: Diagram, theme: Theme) -> dict[str, str]:
    side = "e" if diagram.direction == "TB" else "s"
    attributes = {"penwidth": "1.7", "color": theme.ink, "weight": "0"}
    if edge.kind is EdgeKind.PROJECTION:
        attributes["style"] = "dashed"
    if source.form is Form.FORK:
        attributes["tailport"] = side
    # With rankdir=LR the projection may be above the stream.
    beside = diagram.direction == "LR" and edge.kind is EdgeKind.PROJECTION and source.form is not Form.FORK
    if target.form is Form.MERGE and not beside and not _is_crossed_into(target, diagram):
        attributes["headport"] = side
    return attributes


def _identity(member: Member) -> dict[str, str]:
    link = {"URL": _plain(member.link)} if member.link else {}
    return {"id": _plain(member.id), "tooltip": _tooltip(member.tooltip), **link}


def _paint(paint: Paint) -> dict[str, str]:
    return {"fillcolor": paint.fill, "color": paint.stroke}


def _tooltip(text: str) -> str:
    r"""Escape a text for a tooltip; Graphviz unescapes tooltips twice, so backslashes are doubled once more."""
    return _plain(wording.cut(text, _LONGEST_TOOLTIP).replace("\\", r"\\"))


def _plain(text: str) -> str:
    r"""Escape a text that Graphviz must not interpret: no `\N`, no `<b>`, no `&lt;`."""
    return literal(wording.clean(text).replace("&", "&amp;"))
