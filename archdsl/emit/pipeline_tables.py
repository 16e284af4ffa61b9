"""The tables of a pipeline module: its stages, and the shapes of their inputs."""

from collections.abc import Collection, Iterable
from collections.abc import Sequence as Many

from archdsl.base.pyexpr import Expr, Item, Mapping, Ref, Sequence, union
from archdsl.emit.statements import Assign, Comment, Statement
from archdsl.ir.graph import CheckedGraph, Path
from archdsl.ir.order import in_order
from archdsl.ops.recurrent import Recurrent
from archdsl.passes.pipeline_stages import PipelineStage


def tables_of(graph: CheckedGraph, stages: Many[PipelineStage]) -> list[Statement]:
    """Return the statements at the end of the module of a pipeline."""
    given = [[each.shape.plain().dims for each in stage.graph.inputs] for stage in stages]
    given.append([output.shape.plain().dims for output in stages[-1].graph.outputs])
    shapes = _tuple(_tuple(map(_tuple, values)) for values in given)
    types = {each.path: None if graph.indices(each) is None else Ref("torch.long") for each in graph.inputs}
    constant: list[tuple[Expr, Expr]] = [
        ((place, position), types[path])
        for place, stage in enumerate(stages)
        for position, path in enumerate(stage.values)
        if path in types
    ]
    integers = _tuple_of(Ref("int"))
    unsplit = [place for place, stage in enumerate(stages) if place and not _can_be_split(stage, types)]
    return [
        Comment("Input shapes of each stage, then the output shapes of the last, without the batch."),
        Assign(Ref("SHAPES"), shapes, _tuple_of(_tuple_of(integers))),
        Comment("Inputs without a gradient, by stage and position, with their dtype if it is fixed."),
        Assign(
            Ref("CONSTANT"),
            Mapping(tuple(constant), exploded=True),
            Item(Ref("dict"), (Item(Ref("tuple"), (Ref("int"), Ref("int"))), union(Ref("torch.dtype"), None))),
        ),
        Assign(
            Ref("STAGES"),
            _tuple(Ref(stage.graph.name) for stage in stages),
            _tuple_of(Item(Ref("type"), Ref("nn.Module"))),
        ),
        Comment("Stages whose gradients PyTorch cannot compute in two passes, as zero bubbles need."),
        Assign(Ref("UNSPLIT"), _tuple(unsplit), integers),
    ]


def _can_be_split(stage: PipelineStage, constant: Collection[Path]) -> bool:
    """Return whether torch can compute the gradients of weights apart from those of inputs.

    torch looks for weights where they meet tensors that depend on the inputs of the stage: it misses the gradient of
    weights that meet none, and fails or counts twice if weights are used several times. `constant` has the inputs that
    have no gradients.
    """
    given = zip(stage.graph.inputs, stage.values, strict=True)
    dependent = {each.path for each, path in given if path not in constant}
    for node in in_order(stage.graph.nodes):
        if not dependent.isdisjoint(node.sources):
            dependent.add(node.path)
        elif node.params:
            return False
        if node.weights or isinstance(node.op, Recurrent):
            return False
    return True


def _tuple(items: Iterable[Expr]) -> Sequence:
    return Sequence(tuple(items), "(")


def _tuple_of(kind: Expr) -> Item:
    """Return the type of tuples of any length."""
    return Item(Ref("tuple"), (kind, Ref("...")))
