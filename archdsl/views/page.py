"""An interactive HTML page of a model: drawings of all submodules, facts about every step, and a script."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape

from archdsl.base.resources import resource
from archdsl.base.source import Span
from archdsl.diagram import Detail, Diagram, Look, diagram, wording
from archdsl.diagram.model.detail import focus
from archdsl.diagram.model.facts import each_of, parameters, receptive_fields
from archdsl.diagram.model.fuse_boxes import fuse_boxes
from archdsl.diagram.model.outline import Entry, outlines
from archdsl.diagram.model.terminals import output_id
from archdsl.diagram.render.dark import dark_rules
from archdsl.diagram.spec import Box, Form, Member
from archdsl.ir.graph import CheckedGraph, Container, Input, Node, Path, dotted
from archdsl.report.explanation import explanations

# Returns the SVG of each diagram.
Drawer = Callable[[list[Diagram]], list[bytes]]
# A shape, not a name that ends like one: `conv1x1` stays.
_SHAPE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:x\d+(?:\.\d+)?)+(?!\w|\.\w)")


@dataclass(frozen=True, slots=True)
class Start:
    """The initial state of a page: the level of detail, the texts, and the theme (that of the system if None)."""

    detail: Detail = Detail()  # noqa: RUF009
    look: Look = Look()  # noqa: RUF009
    theme: str | None = None


def page(graph: CheckedGraph, drawn: Drawer, start: Start = Start()) -> str:
    """Return a model as a self-contained HTML page that loads nothing from the network.

    Args:
        graph: The model.
        drawn: A function that draws diagrams as SVG.
        start: The initial state of the page.

    Raises:
        NoSuchPart: `start` names a submodule that the model does not have.
    """
    fields = receptive_fields(graph)
    levels = _levels(graph, drawn, start, fields)
    opened = [path for path in _opened(graph, start.detail) if path in levels]
    facts = _within(dotted(focus(graph.root, start.detail).root.path), _facts(graph, fields))
    data = {"model": graph.name, "levels": levels, "facts": facts, "open": opened, "theme": start.theme}
    # Only `<` could end the script element.
    text = _visible(json.dumps(data, ensure_ascii=False, separators=(",", ":"))).replace("<", "\\u003c")
    styles = "\n".join([resource("templates", "page.css").read_text(encoding="utf-8"), dark_rules(".dark svg ")])
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'">
<title>{escape(graph.name)}</title>
<style>
{styles}</style>
</head>
<body>
{_body(graph)}
<noscript>{levels[""]}</noscript>
<script id="archdsl-data" type="application/json">{text}</script>
<script>
{resource("templates", "page.js").read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def _visible(text: str) -> str:
    """Return JSON in which characters that do not print, such as those that reverse text, are escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _body(graph: CheckedGraph) -> str:
    counts = f"{parameters(graph)} · {wording.short(graph.macs)} MACs"
    return f"""\
<header>
<h1>{escape(graph.name)}</h1><p id="counts">{counts}</p>
<div role="search"><input id="search" type="search" placeholder="Find a part (/)" aria-label="Find a part" \
autocomplete="off" role="combobox" aria-expanded="false" aria-controls="found">\
<ul id="found" role="listbox" hidden></ul></div>
<div role="toolbar" aria-label="View">
<button id="unfold" type="button">Expand all</button>
<button id="fold" type="button">Collapse all</button>
<button id="out" type="button" aria-label="Zoom out" title="Zoom out (-)">–</button>
<button id="in" type="button" aria-label="Zoom in" title="Zoom in (+)">+</button>
<button id="fit" type="button" title="Fit to window (0)">Fit</button>
<button id="theme" type="button">Dark</button>
</div>
</header>
<main id="canvas" tabindex="0" aria-label="Drawing. Tab moves between parts, Enter expands or collapses a part, \
arrow keys pan, plus and minus zoom."></main>
<aside id="details" aria-live="polite" aria-label="Details"></aside>"""


def _levels(graph: CheckedGraph, drawn: Drawer, start: Start, fields: Mapping[Path, str]) -> dict[str, str]:
    """Return the drawing of each submodule by its path; the empty path has the drawing that is shown first."""
    found: dict[str, str] = {}
    counts: dict[str, int] = {"": 1}
    waiting = [""]
    while waiting:
        diagrams = [_level(graph, path, counts[path], start, fields) for path in waiting]
        svgs = [svg.decode().partition("?>")[2].strip() for svg in drawn(diagrams)]
        # A submodule that is drawn without a frame of its own has nothing to expand.
        new = [(path, made, svg) for path, made, svg in zip(waiting, diagrams, svgs, strict=True)
               if not path or any(cluster.id == path for cluster in made.clusters)]  # fmt: skip
        found |= {path: svg for path, _, svg in new}
        blocks = [box for _, made, _ in new for box in made.boxes if box.form is Form.BLOCK and box.id not in counts]
        counts |= {box.id: box.alike for box in blocks}
        waiting = list(dict.fromkeys(box.id for box in blocks))
    return found


def _level(graph: CheckedGraph, path: str, count: int, start: Start, fields: Mapping[Path, str]) -> Diagram:
    """Return the drawing of a submodule with closed children, and with the number of its equal copies."""
    detail = Detail(depth=1, fold=True, only=path or start.detail.only)
    made = diagram(graph, detail=detail, look=replace(start.look, legend=False), columns=1, fields=fields)
    framed = [_counted(each, count) if each.id == path and count > 1 else each for each in made.members]
    return replace(made, members=tuple(framed))


def _counted(frame: Member, count: int) -> Member:
    if isinstance(frame, Box):
        return frame
    return replace(frame, count=count, details=each_of(frame.details))


def _opened(graph: CheckedGraph, detail: Detail) -> list[str]:
    """Return the submodules that are unfolded when the page opens: those that a drawing leaves open."""
    wanted = replace(detail, depth=1 if detail.depth is None else detail.depth, fold=True)
    outline = next(outlines(graph, wanted))
    return [dotted(path) for entry in outline.entries for path in _open_paths(entry)]


def _open_paths(entry: Entry) -> Iterator[Path]:
    if entry.children is not None and isinstance(entry.item, Container):
        yield entry.item.path
        for child in entry.children:
            yield from _open_paths(child)


def _facts(graph: CheckedGraph, fields: Mapping[Path, str]) -> list[dict[str, object]]:
    """Return the facts about the model, its inputs, steps and outputs, in the order of execution."""
    model: dict[str, object] = {
        "path": "", "title": graph.name, "doc": " ".join(graph.doc), "output": wording.sizes(graph.output.shape),
        "input": ", ".join(wording.sizes(given.shape) for given in graph.inputs),
        "parameters": f"{graph.params:,}", "macs": f"{graph.macs:,}", **_source(graph.span),
    }  # fmt: skip
    groups = {dotted(path): group for path, group in fuse_boxes(graph).items()}
    parts = _parts(graph.root)
    explained = {each.path: each.sections for each in explanations(graph)}
    by_path = {dotted(path): words for path, words in fields.items()}
    ends = {dotted(part.path): dotted(part.output) for part in _containers(graph.root)}
    for part in parts:
        path = str(part["path"])
        part["sections"] = _sections(explained[path], f"{part['input']} → {part['output']}")
        part["receptive field"] = by_path.get(ends.get(path, path), "")
        if path in groups and (fused := groups[path].fused_ops):
            part["fused_ops"] = [dotted(node.path) for node in fused]
    return [model, *map(_input, graph.inputs), *parts, *_outputs(graph)]


def _within(part: str, facts: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the facts of the model and of the steps in one submodule; all facts if its name is empty."""
    paths = (str(fact["path"]) for fact in facts)
    return [fact for fact, path in zip(facts, paths, strict=True) if not path or f"{path}.".startswith(f"{part}.")
            or not part]  # fmt: skip


def _sections(sections: Iterable[tuple[str, tuple[str, ...]]], shapes: str) -> list[dict[str, object]]:
    """Return the explanations of a step with the signs of drawings, without the line of its shapes."""
    told = [(title, [words for line in lines if (words := _signs(line)) != shapes]) for title, lines in sections]
    return [{"title": title, "lines": lines} for title, lines in told if lines]


def _signs(line: str) -> str:
    return _SHAPE.sub(lambda shape: shape[0].replace("x", "×"), line).replace(" -> ", " → ")


def _containers(container: Container) -> Iterator[Container]:
    for child in container.children:
        if isinstance(child, Container):
            yield child
            yield from _containers(child)


def _input(given: Input) -> dict[str, object]:
    shape = wording.sizes(given.shape)
    return {"path": f"input-{given.name}", "title": f"Input {given.name}", "output": shape, **_source(given.span)}


def _outputs(graph: CheckedGraph) -> list[dict[str, object]]:
    return [
        {
            "path": output_id(output, number), "title": f"Output {output.name}", "output": wording.sizes(output.shape),
            "computed by": dotted(output.path), "training only": "yes" if output.when_training else "",
        }
        for number, output in enumerate(graph.outputs)
    ]  # fmt: skip


def _parts(container: Container) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for child in container.children:
        if isinstance(child, Node):
            found.append(_node(child))
        else:
            found += [_container(child), *_parts(child)]
    return found


def _node(node: Node) -> dict[str, object]:
    facts: dict[str, object] = {
        "path": dotted(node.path), "title": node.answers.drawing.title, "call": wording.called(node.op),
        "defaults": wording.defaults(node.op),
        "input": ", ".join(map(wording.sizes, node.inputs)), "output": wording.sizes(node.shape),
        "parameters": f"{node.params:,}", "macs": f"{node.macs:,}", **_source(node.span),
        "doc": wording.documentation(node.op),
    }  # fmt: skip
    if node.device:
        facts["device"] = node.device
    if node.weights:
        facts["shares weights with"] = dotted(node.weights)
    return facts


def _container(container: Container) -> dict[str, object]:
    use = container.use
    given = use.text if use else ""
    facts: dict[str, object] = {
        "path": dotted(container.path), "title": use.block if use else container.path[-1],
        "call": f"{use.block}({given})" if use and given else use.block if use else "",
        "input": wording.sizes(container.input), "output": wording.sizes(container.shape),
        "parameters": f"{container.params:,}", "macs": f"{container.macs:,}", **_source(container.span),
        "doc": " ".join(use.doc) if use else "",
    }  # fmt: skip
    if container.weights:
        facts["shares weights with"] = dotted(container.weights)
    return facts


def _source(span: Span) -> dict[str, object]:
    return {"source": wording.place(span), "code": span.source.line(span.line).strip()}
