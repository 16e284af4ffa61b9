"""Tables of shapes, parameters and multiply-accumulates, as data."""

from dataclasses import dataclass

from archdsl.ir import CheckedGraph, Container, Node, dotted


@dataclass(frozen=True, slots=True)
class Row:
    """One step, or a submodule with the sums of what it holds."""

    path: str
    depth: int
    what: str
    is_container: bool
    input: str
    output: str
    params: int
    macs: int
    line: int

    @property
    def name(self) -> str:
        """The step's own name, without those of its submodules."""
        return self.path.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True)
class Report:
    """The table of a model and its totals."""

    model: str
    source: str
    inputs: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    params: int
    macs: int

    def as_data(self) -> dict[str, object]:
        """Return the report as plain data; sizes are lists, without the batch."""
        return {
            "model": self.model,
            "source": self.source,
            "inputs": [{"name": name, "shape": _sizes(shape)} for name, shape in self.inputs],
            "parameters": self.params,
            "macs": self.macs,
            "steps": [
                {
                    "path": row.path,
                    "operator": row.what,
                    "input": _sizes(row.input) if " + " not in row.input else [*map(_sizes, row.input.split(" + "))],
                    "output": _sizes(row.output),
                    "parameters": row.params,
                    "macs": row.macs,
                    "line": row.line,
                }
                for row in self.rows
                if not row.is_container
            ],
        }


def report(graph: CheckedGraph) -> Report:
    """Return the table of a model."""
    inputs = tuple((given.name, str(given.shape)) for given in graph.inputs)
    source = graph.graph.source.name
    return Report(graph.name, source, inputs, tuple(_rows(graph.root, 0)), graph.params, graph.macs)


def _rows(container: Container, depth: int) -> list[Row]:
    rows: list[Row] = []
    for child in container.children:
        rows.append(_row(child, depth))
        if isinstance(child, Container):
            rows += _rows(child, depth + 1)
    return rows


def _row(child: Node | Container, depth: int) -> Row:
    what = child.op.title(child.input) if isinstance(child, Node) else child.use.block if child.use else ""
    given = child.inputs if isinstance(child, Node) else (child.input,)
    ends = (" + ".join(map(str, given)), str(child.shape))
    is_container = isinstance(child, Container)
    return Row(dotted(child.path), depth, what, is_container, *ends, child.params, child.macs, child.span.line)


def _sizes(shape: str) -> list[int]:
    return [int(size) for size in shape.split("x")]
