"""Texts about a whole drawing: its name, legend, caption and description."""

from collections import defaultdict
from collections.abc import Iterator

from archdsl.diagram import wording
from archdsl.diagram.model import facts
from archdsl.diagram.model.fuse_boxes import OperatorGroup
from archdsl.diagram.model.outline import Entry, Outline
from archdsl.diagram.spec import Edge
from archdsl.diagram.text import title_lines
from archdsl.ir.graph import CheckedGraph, Container, Node, dotted
from archdsl.ops.base import FAMILIES, Merge
from archdsl.passes.crossings import crossings

# A longer name gets its own lines in the caption, of at most `_NAME_LINE` characters.
_LONGEST_NAME = 40
_NAME_LINE = 64


def name(graph: CheckedGraph, root: Container) -> str:
    """Return the name of the model, or of a submodule `of` the model."""
    return f"{dotted(root.path)} of {graph.name}" if root.path else graph.name


def families(outline: Outline) -> tuple[str, ...]:
    """Return the families of the visible operators in their usual order; white boxes need no explanation."""
    present = {node.op.family for node in _visible(outline.entries)}
    return tuple(family for family in FAMILIES if family in present and family != "other")


def family_terms(outline: Outline) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return, for families with operators that have a term of their own, all terms; the name of the family first."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in _visible(outline.entries):
        found[node.op.family].add(node.op.kind)
    return tuple(
        (family, tuple(kind or family for kind in sorted(kinds))) for family, kinds in found.items() if any(kinds)
    )


def _visible(entries: tuple[Entry, ...]) -> Iterator[Node]:
    """Yield the operators with a box or a tag."""
    for entry in entries:
        if entry.children is not None:
            yield from _visible(entry.children)
        elif isinstance(entry.item, OperatorGroup):
            yield from entry.item.nodes


def counts(graph: CheckedGraph, root: Container, title: str | None) -> tuple[str, ...]:
    """Return the name in the caption, the number of parameters and the multiply-accumulates as texts."""
    return (
        title or name(graph, root),
        f"{wording.short(root.params)} parameters" if root.path else facts.parameters(graph),
        f"{wording.short(root.macs if root.path else graph.macs)} MACs",
    )


def caption(graph: CheckedGraph, root: Container, counted: tuple[str, ...], axes: str) -> tuple[str, ...]:
    """Return the lines of the caption: name, counts, axes of the edge labels, and transfers between devices."""
    called, *words = (*counted, *filter(None, (axes,)))
    is_short = len(called) <= _LONGEST_NAME
    lines = [" · ".join([called, *words])] if is_short else [*title_lines(called, _NAME_LINE), " · ".join(words)]
    moves = [each for each in crossings(graph) if each.start] if graph.devices else []
    if moves and not root.path:
        count = wording.exact(len(moves), "transfer")
        size = wording.byte_size(sum(each.bytes for each in moves))
        lines.append(f"{count} between devices, {size} for a sample in float32")
    return tuple(lines)


def axes(root: Container, edges: tuple[Edge, ...]) -> str:
    """Return the text of a caption about the axes of the edge labels; empty if all labels are vectors."""
    found = wording.axes(root, (edge.label for edge in edges))
    return f"edge labels: {found}" if found else ""


def description(graph: CheckedGraph, root: Container) -> str:
    """Describe the drawing in one sentence, for readers who do not see it."""
    first = root.input if root.path else graph.inputs[0].shape
    last = root.shape if root.path else graph.output.shape
    nodes = tuple(root.nodes())
    merges = sum(isinstance(node.op, Merge) for node in nodes)
    how = f" that meet in {wording.exact(merges, 'merge')}" if merges else " in sequence"
    params, macs = (root.params, root.macs) if root.path else (graph.params, graph.macs)
    operators, counts = wording.exact(len(nodes), "operator"), " and ".join(facts.exact(params, macs))
    shapes = f"{wording.sizes(first)} to {wording.sizes(last)}"
    return f"Architecture of {name(graph, root)}: {operators}{how} from {shapes}, with {counts} per sample."
