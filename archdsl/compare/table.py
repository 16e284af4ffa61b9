"""The table of a comparison: counts, memory, depth and published accuracies with their sources."""

from collections.abc import Sequence
from dataclasses import dataclass

from archdsl.compare.facts import Accuracy, accuracies
from archdsl.ir.graph import CheckedGraph, Path
from archdsl.ir.order import in_order
from archdsl.ops.base import Trait
from archdsl.report.columns import (
    BYTES,
    COUNT,
    INTEGER,
    TEXT,
    Column,
    Columns,
    Format,
    text_table,
    to_data,
    to_markdown,
)
from archdsl.report.memory import memory


@dataclass(frozen=True, slots=True)
class Compared:
    """A net in a comparison.

    `evaluation` and `saved` are the bytes of peak memory during inference and of the tensors saved for the backward
    pass, for one sample in float32. `accuracy` is the published one of the requested group, `published` holds all.
    """

    name: str
    input: str
    params: int
    macs: int
    evaluation: int
    saved: int
    depth: int
    accuracy: Accuracy | None
    published: tuple[Accuracy, ...]


def compared(graphs: Sequence[tuple[str, CheckedGraph]], group: str) -> tuple[Compared, ...]:
    """Return the facts about nets; those with a name of the gallery have their accuracy of one group."""
    return tuple(_compared(name, graph, group) for name, graph in graphs)


def _compared(name: str, graph: CheckedGraph, group: str) -> Compared:
    used = memory(graph)
    known = tuple(each for each in accuracies() if each.model == name)
    chosen = next((each for each in known if each.group == group), None)
    size = str(graph.inputs[0].shape)
    return Compared(
        name or graph.name, size, graph.params, graph.macs, used.evaluation, used.saved, depth(graph), chosen, known
    )


def depth(graph: CheckedGraph) -> int:
    """Return the number of convolutions and matrix products on the longest path from an input to an output."""
    weighted = Trait.SLIDES | Trait.MIXES_ALL
    found: dict[Path, int] = {}
    for node in in_order(graph.nodes):
        before = max((found.get(source, 0) for source in node.sources), default=0)
        found[node.path] = before + bool(node.op.traits & weighted or (node.macs and node.params))
    return max((found.get(output.path, 0) for output in graph.outputs if not output.when_training), default=0)


def _published(net: Compared) -> list[dict[str, object]]:
    return [
        {
            "group": each.group,
            "top1": each.top1,
            "top5": each.top5,
            "dataset": each.dataset,
            "protocol": each.protocol,
            "source": each.source,
        }
        for each in net.published
    ]


def _percent(share: float | None) -> str:
    return f"{share:.1f}" if share else ""


_PERCENT: Format[float | None] = Format(_percent, _percent, lambda share: share, is_number=True)
_DATA: Format[list[dict[str, object]]] = Format(str, str, lambda data: data)

# The columns of the text tables and the keys in JSON, where `published` holds the accuracies of all groups.
COLUMNS: Columns[Compared] = (
    Column("name", "Net", lambda net: net.name, TEXT),
    Column("input", "Input", lambda net: net.input, TEXT),
    Column("parameters", "Parameters", lambda net: net.params, COUNT),
    Column("macs", "MACs", lambda net: net.macs, COUNT),
    Column("evaluation", "Evaluation", lambda net: net.evaluation, BYTES, unit="bytes"),
    Column("kept", "Kept for training", lambda net: net.saved, BYTES, unit="bytes"),
    Column("depth", "Depth", lambda net: net.depth, INTEGER),
    Column("top1", "Top 1", lambda net: net.accuracy and net.accuracy.top1, _PERCENT, in_json=False),
    Column("top5", "Top 5", lambda net: net.accuracy and net.accuracy.top5, _PERCENT, in_json=False),
    Column("published", "", _published, _DATA),
)


def as_data(nets: Sequence[Compared]) -> list[dict[str, object]]:
    """Return the nets as plain data for JSON."""
    return [to_data(COLUMNS, net) for net in nets]


def sources(nets: Sequence[Compared]) -> tuple[str, ...]:
    """Return the source, data set and protocol of each accuracy in the table, without repetition."""
    given = [net.accuracy for net in nets if net.accuracy]
    return tuple(dict.fromkeys(f"{each.source}: {each.dataset}, {each.protocol}" for each in given))


def markdown(nets: Sequence[Compared]) -> str:
    """Return the table in Markdown with the sources of its accuracies."""
    notes = "\n".join(f"Accuracies: {source}." for source in sources(nets))
    return f"{to_markdown(text_table(COLUMNS, nets))}\n{notes}\n"
