"""The tables of a pipeline: its stages, and what goes into each."""

from collections.abc import Sequence as Many

from archdsl.base.pyexpr import Expr, Ref, Sequence, lines
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.pipeline_stages import PipelineStage


def tables_of(graph: CheckedGraph, stages: Many[PipelineStage]) -> list[str]:
    """Return the lines of the tables at the end of the module of a pipeline."""
    given = [[each.shape.plain().dims for each in stage.graph.inputs] for stage in stages]
    given.append([output.shape.plain().dims for output in stages[-1].graph.outputs])
    shapes = _tuple(_tuple(_tuple(dims) for dims in values) for values in given)
    names = _tuple(Ref(stage.graph.name) for stage in stages)
    kinds = {each.path: "None" if graph.indices(each) is None else "torch.long" for each in graph.inputs}
    constant = [
        f"    ({place}, {position}): {kinds[path]},"
        for place, stage in enumerate(stages)
        for position, path in enumerate(stage.values)
        if path in kinds
    ]
    return [
        "# What goes into each stage, and comes out of the last one, without the batch.",
        *lines(shapes, prefix="SHAPES: tuple[tuple[tuple[int, ...], ...], ...] = ", indent=0),
        "# What has no gradient, by its stage and place, and its type if it is no other.",
        "CONSTANT: dict[tuple[int, int], torch.dtype | None] = {",
        *constant,
        "}",
        *lines(names, prefix="STAGES: tuple[type[nn.Module], ...] = ", indent=0),
    ]


def _tuple(items: "Many[Expr] | object") -> Sequence:
    return Sequence(tuple(items), "(")  # type: ignore[arg-type]
