"""The table of a comparison: what nets cost, and their published accuracies, each with its source."""

from collections.abc import Sequence
from dataclasses import dataclass

from archdsl.base.byte_sizes import amount
from archdsl.compare.facts import Accuracy, accuracies
from archdsl.ir.graph import CheckedGraph, Path
from archdsl.ir.order import in_order
from archdsl.ops.base import Trait
from archdsl.report.memory import memory


@dataclass(frozen=True, slots=True)
class Compared:
    """A net in a comparison; bytes are those of one sample in float32, `depth` counts layers with weights on a way.

    `accuracy` is that of the group which was asked for, `published` are all that are known of it.
    """

    name: str
    input: str
    params: int
    macs: int
    evaluation: int
    kept: int
    depth: int
    accuracy: Accuracy | None
    published: tuple[Accuracy, ...]

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "input": self.input,
            "parameters": self.params,
            "macs": self.macs,
            "evaluation_bytes": self.evaluation,
            "kept_bytes": self.kept,
            "depth": self.depth,
            "published": [
                {
                    "group": each.group,
                    "top1": each.top1,
                    "top5": each.top5,
                    "dataset": each.dataset,
                    "protocol": each.protocol,
                    "source": each.source,
                }
                for each in self.published
            ],
        }


def compared(graphs: Sequence[tuple[str, CheckedGraph]], group: str) -> tuple[Compared, ...]:
    """Return nets with what they cost; names of the gallery have accuracies, of one group."""
    return tuple(_compared(name, graph, group) for name, graph in graphs)


def _compared(name: str, graph: CheckedGraph, group: str) -> Compared:
    used = memory(graph)
    # What was published speaks of nets as they come along, and not of files that are called like them.
    known = tuple(each for each in accuracies() if each.model == name)
    chosen = next((each for each in known if each.group == group), None)
    size = str(graph.inputs[0].shape)
    return Compared(
        name or graph.name, size, graph.params, graph.macs, used.evaluation, used.kept, depth(graph), chosen, known
    )


def depth(graph: CheckedGraph) -> int:
    """Return how many convolutions and matrix products lie on the longest way from an input to an output."""
    weighs = Trait.SLIDES | Trait.MIXES_ALL
    found: dict[Path, int] = {}
    for node in in_order(graph.nodes):
        before = max((found.get(source, 0) for source in node.sources), default=0)
        found[node.path] = before + bool(node.op.traits & weighs or (node.macs and node.params))
    return max((found.get(output.path, 0) for output in graph.outputs if not output.when_training), default=0)


COLUMNS = ("Net", "Input", "Parameters", "MACs", "Evaluation", "Saved for training", "Depth", "Top 1", "Top 5")
NUMBERS = frozenset(COLUMNS[2:])


def cells(net: Compared) -> tuple[str, ...]:
    """Return the row of a net."""
    found = net.accuracy
    shares = (f"{found.top1:.1f}" if found and found.top1 else "", f"{found.top5:.1f}" if found and found.top5 else "")
    counts = (f"{net.params:,}", f"{net.macs:,}", amount(net.evaluation), amount(net.kept), str(net.depth))
    return (net.name, net.input, *counts, *shares)


def sources(nets: Sequence[Compared]) -> tuple[str, ...]:
    """Return where the accuracies of a table come from, and how they were measured."""
    given = [net.accuracy for net in nets if net.accuracy]
    return tuple(dict.fromkeys(f"{each.source}: {each.dataset}, {each.protocol}" for each in given))


def markdown(nets: Sequence[Compared]) -> str:
    """Return the table in Markdown, with the sources of its accuracies."""
    marks = ["---:" if column in NUMBERS else "---" for column in COLUMNS]
    lines = ["| " + " | ".join(row) + " |" for row in (COLUMNS, marks, *map(cells, nets))]
    given = sources(nets)
    return "\n".join([*lines, "", *(f"Accuracies: {source}." for source in given)]) + "\n"
