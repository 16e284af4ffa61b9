"""The history of a tensor: the steps that gave it its shape, for the notes of an error."""

from collections.abc import Iterable, Mapping, Sequence

from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.diag.model import Label
from archdsl.elaborate.streams import Tensor
from archdsl.ir.graph import Input, Node, Path


def history(nodes: Mapping[Path, Node], inputs: Sequence[Input], tensor: Tensor) -> tuple[Sequence[Node], Input | None]:
    """Return the steps that lead to a tensor, in order, and the input that they start from."""
    found: list[Node] = []
    source = tensor.source
    # Two steps with the same name, which is an error, could form a cycle.
    while source in nodes and len(found) <= len(nodes):
        found.append(nodes[source])
        source = nodes[source].sources[0]
    return found[::-1], next((given for given in inputs if given.path == source), None)


def last_change(history: Sequence[Node], given: Input | None) -> tuple[Label, ...]:
    """Return a label at the last step that changed the shape."""
    for node in reversed(history):
        if node.input != node.shape:
            return (Label(node.span, f"gives {node.shape} from {node.input}"),)
    return (Label(given.span, f"the input is {given.shape}"),) if given else ()


def shrinking(history: Sequence[Node], given: Input | None, here: Source) -> tuple[str, ...]:
    """Return a note that lists the steps that made the map smaller, for a message about `here`; empty without steps."""
    steps = [node for node in history if _area(node.shape) < _area(node.input)]
    if not steps or given is None:
        return ()
    words = [f"`{_one_line(node)}` on line {node.span.line_from(here)} to {_map(node.shape)}" for node in steps[-4:]]
    start = steps[-4:][0].input
    more = f"; {len(steps) - 4} earlier steps also made it smaller" if len(steps) > 4 else ""
    return (f"the map shrank from {_map(start)} by " + ", by ".join(words) + more,)


def pools(history: Sequence[Node], here: Source) -> list[str]:
    """Return the lines of the pools that made the map smaller, for a message about `here`."""
    found = [node for node in history if node.op.family == "pooling" and node.input != node.shape]
    return lines((node.span for node in found), here)


def lines(spans: Iterable[Span], here: Source) -> list[str]:
    """Return the lines of spans, in order, for a message about `here`."""
    found = sorted(spans, key=lambda span: (span.source is not here, span.source.name, span.line))
    return list(dict.fromkeys(span.line_from(here) for span in found))


def _one_line(node: Node) -> str:
    text = " ".join(node.span.text.split())
    return text if len(text) <= 40 else text[:39] + "…"


def _area(shape: Shape) -> int:
    return Shape(shape.map).volume if shape.rank > 1 else 0


def _map(shape: Shape) -> str:
    return str(Shape(shape.map)) if shape.rank > 1 else "a vector"
