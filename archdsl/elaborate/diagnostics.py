"""What is said about a step that does not fit, or that is probably not meant."""

from typing import TYPE_CHECKING

from archdsl.diag import codes
from archdsl.diag.model import Label
from archdsl.elaborate import provenance
from archdsl.elaborate.arguments import Bound
from archdsl.elaborate.streams import Tensor
from archdsl.ir.graph import Node
from archdsl.ops.reasons import Reason, WindowDoesNotFit
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.elaborate.steps import Steps


def report_shape_error(steps: "Steps", bound: Bound, reason: Reason, inputs: tuple[Tensor, ...]) -> None:
    """Say why an operator does not take its inputs, and how they came to their shapes."""
    history, given = provenance.history(steps.nodes, steps.inputs, inputs[0])
    notes: tuple[str, ...] = ()
    help = reason.help()
    if isinstance(reason, WindowDoesNotFit):
        notes = provenance.shrinking(history, given)
        lines = provenance.pools(history)
        if lines and help:
            help += f", or drop {_one_of_the_pools(lines)}"
    secondary = () if notes or not reason.about_stream else _origins(steps, inputs)
    if reason.at in bound.defaults:
        secondary = (*secondary, Label(bound.defaults[reason.at], f"`{reason.at}` comes from here"))
    steps.problems.report(reason.code, bound.place(reason), reason.label(), notes=notes, secondary=secondary, help=help)


def reads_what_it_can(steps: "Steps", bound: Bound, inputs: tuple[Tensor, ...]) -> bool:
    """Whether an operator that reads indices reads an input, and one that reads real numbers reads none of those."""
    takes, name = bound.op.indices() is not None, bound.call.name.text
    for tensor in inputs:
        if tensor.source[0]:
            if takes:
                help = "let it read an input, as the first step or behind `@name`"
                label = f"`{name}` reads indices, and a step computes real numbers"
                steps.problems.report(codes.NO_INDICES, bound.call.span, label, help=help)
                return False
            continue
        before, call = steps.readers.setdefault(tensor.source, (takes, bound.call))
        if before != takes:
            label = f"`@{tensor.source[1]}` would hold indices and real numbers"
            secondary = (Label(call.span, f"here it holds {'indices' if before else 'real numbers'}"),)
            help = "declare a second input"
            steps.problems.report(codes.NO_INDICES, bound.call.span, label, secondary=secondary, help=help)
            return False
    return True


def _origins(steps: "Steps", inputs: tuple[Tensor, ...]) -> tuple[Label, ...]:
    """Return for each input the step that gave it its shape; in a merge, only that it is a branch."""
    if len(inputs) == 1:
        return provenance.last_change(*provenance.history(steps.nodes, steps.inputs, inputs[0]))
    found: dict[Label, None] = {}
    for tensor in inputs:
        node = steps.nodes.get(tensor.source)
        if node:
            found.setdefault(Label(node.span, f"this branch gives {tensor.shape}"))
    return tuple(found)


def warn(steps: "Steps", node: Node, bound: Bound, *, labelled: bool) -> None:
    """Say what is allowed and yet probably not meant."""
    for reason in bound.op.advice(node.input):
        steps.problems.report(reason.code, bound.place(reason), reason.label(), help=reason.help())
    if node.params and not labelled:
        unlabelled(steps, node.path, bound.call)


def unlabelled(steps: "Steps", path: tuple[str, ...], call: ast.Call) -> None:
    """Warn of weights that are called by a name which the next change moves."""
    help = f"write `{path[-1]}: {call.name.text}…`, or another name for it"
    label = f"its weights are called `{'.'.join(path)}`"
    steps.problems.report(codes.UNLABELLED, call.name.span, label, help=help)


def judge_shape(steps: "Steps", stated: ast.ShapeOf) -> None:
    """Compare a stated shape with the stream."""
    sizes = steps.evaluator.sizes(stated)
    stream = steps.names.stream
    if sizes is None or stream is None or steps.names.hole:
        return
    for lane in (stream,) if isinstance(stream, Tensor) else stream.lanes:
        for size in sizes:
            steps.names.pin(size)
        if sizes == lane.shape.dims or steps.shapes:
            continue
        steps.problems.report(
            codes.SHAPE_DIFFERS,
            stated.span,
            f"the stream is {lane.shape} here",
            secondary=provenance.last_change(*provenance.history(steps.nodes, steps.inputs, lane)),
            help=f"write `:: {lane.shape}`, or change a step before it",
        )
        return


def _one_of_the_pools(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"the pool on line {lines[0]}"
    return "one of the pools on lines " + ", ".join(map(str, lines[:-1])) + f" and {lines[-1]}"
