"""Diagnostics of a step: shape errors with their history, and warnings."""

from archdsl.base.guards import Guard, recorder, recording
from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.edits import with_argument
from archdsl.diag.model import Fix, Label
from archdsl.elaborate import layout, provenance, roles
from archdsl.elaborate.alternatives import alternative
from archdsl.elaborate.arguments import Bound
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.foreign_names import Help
from archdsl.elaborate.near_misses import definition_at
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.walk import Walk
from archdsl.ir.graph import Input, Node
from archdsl.ops.reasons import Reason, WindowDoesNotFit
from archdsl.ops.roles import WrongRole
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import is_repeated


def report_shape_error(walk: Walk, bound: Bound, reason: Reason, inputs: tuple[Tensor, ...]) -> None:
    """Report why an operator does not accept its inputs, and the steps that gave them their shapes."""
    history, given = provenance.history(walk.parts.nodes, walk.parts.inputs, inputs[0])
    notes: tuple[str, ...] = ()
    help = reason.help()
    if isinstance(reason, WindowDoesNotFit):
        here = bound.call.span.source
        notes = provenance.shrinking(history, given, here)
        lines = provenance.pools(history, here)
        if lines and help:
            help += f", or drop {_one_of_the_pools(lines)}"
    found = _other_layout(bound, reason, inputs[0], given)
    fixes = found.fixes if found else ()
    help = found.help if found else help
    secondary = () if notes or not reason.about_stream else _origins(walk, inputs)
    if reason.at in bound.defaults:
        secondary = (*secondary, Label(bound.defaults[reason.at], f"`{reason.at}` comes from here"))
    offered = reason.argument_to_add()
    if found is None and offered and offered[0] not in bound.defaults:
        fixes = with_argument(bound.call.span, *offered)
    walk.problems.report(
        reason.code, bound.place(reason), reason.label(), notes=notes, secondary=secondary, help=help, fixes=fixes
    )


def _other_layout(bound: Bound, reason: Reason, tensor: Tensor, given: Input | None) -> Help | None:
    """Return the help if the arguments or the input are written in the order of another framework."""
    if not reason.about_stream:
        return None
    if isinstance(reason, WindowDoesNotFit):
        found = layout.input_channels(bound.op, bound.call, tensor.shape)
        if found:
            return found
    suspect = layout.suspect(given.shape.dims) if given else None
    return suspect.help(given) if suspect and given else None


def accepts_inputs(walk: Walk, bound: Bound, inputs: tuple[Tensor, ...]) -> bool:
    """Return whether no tensor is read both as indices and as real numbers, and report it otherwise."""
    takes_indices, name = bound.op.indices() is not None, bound.call.name.text
    for tensor in inputs:
        if tensor.source[0]:
            if takes_indices:
                help = "apply it to an input, as the first step or after `@name`"
                label = f"`{name}` reads indices, and this stream holds real numbers"
                walk.problems.report(codes.NO_INDICES, bound.call.span, label, help=help)
                return False
            continue
        before, call = walk.parts.readers.setdefault(tensor.source, (takes_indices, bound.call))
        if before != takes_indices:
            label = f"`@{tensor.source[1]}` would hold both indices and real numbers"
            secondary = (Label(call.span, f"here it is read as {'indices' if before else 'real numbers'}"),)
            help = "declare a second input"
            walk.problems.report(codes.NO_INDICES, bound.call.span, label, secondary=secondary, help=help)
            return False
    return True


def _origins(walk: Walk, inputs: tuple[Tensor, ...]) -> tuple[Label, ...]:
    """Return the step that gave the input its shape; for a merge, the last step of each branch."""
    if len(inputs) == 1:
        return provenance.last_change(*provenance.history(walk.parts.nodes, walk.parts.inputs, inputs[0]))
    found: dict[Label, None] = {}
    for tensor in inputs:
        node = walk.parts.nodes.get(tensor.source)
        if node:
            found.setdefault(Label(node.span, f"this branch gives {tensor.shape}"))
    return tuple(found)


def warn(
    walk: Walk, node: Node, bound: Bound, advice: tuple[Reason, ...], scope: Scope, role_advice: Reason | None = None
) -> None:
    """Report code that is valid but probably a mistake."""
    if isinstance(role_advice, WrongRole):
        roles.warn_of_role(walk.problems, bound.call, role_advice)
    for reason in advice:
        walk.problems.report(reason.code, bound.place(reason), reason.label(), help=reason.help())
    layout.warn_of_call(walk.problems, node.op, bound.call, node.input)
    if not node.labelled and node.params:
        warn_unlabelled(walk, node.path, bound.call, scope)


def warn_unlabelled(walk: Walk, path: tuple[str, ...], call: ast.Call, scope: Scope) -> None:
    """Warn of weights whose generated name changes when steps are added.

    A module that `share` applies again has a path such as `embed@2`; its weights are those of the first use.
    """
    if any("@" in part for part in path):
        return
    help = f"write `{path[-1]}: {call.name.text}…`, or another name for it"
    label = f"its weights are called `{'.'.join(path)}`"
    fixes: tuple[Fix, ...] = ()
    definition = None if walk.problems.is_crowded else definition_at(call.span, scope)
    if definition and definition.kind != "macro" and not is_repeated(definition.body, call.span):
        start = Span(call.span.source, call.span.start, call.span.start)
        fixes = (Fix(f"label it `{path[-1]}`", ((start, f"{path[-1]}: "),), is_safe=True),)
    elif definition and definition.kind != "macro":
        help = (
            f"in a `for`, write `{call.name.text}{{i}}: {call.name.text}…` with its name; else put the steps in `[ … ]`"
        )
    walk.problems.report(codes.UNLABELLED, call.name.span, label, help=help, fixes=fixes)


def check_shape(walk: Walk, stated: ast.ShapeOf, scope: Scope, cursor: Cursor) -> Cursor:
    """Report a stated shape that is not the shape of the stream; return the cursor with the stated role."""
    sizes = walk.evaluator.sizes(stated, scope, cursor)
    stream = cursor.stream
    if sizes is None or not isinstance(stream, Tensor | Bundle):
        return cursor
    for tensor in (stream,) if isinstance(stream, Tensor) else stream.tensors:
        if walk.shapes or _agrees(sizes, tensor, stated.span):
            continue
        steps, given = provenance.history(walk.parts.nodes, walk.parts.inputs, tensor)
        change = alternative(steps, Shape(sizes), stated.span.source)
        written = f"{stated.role.text} {tensor.shape}" if stated.role else str(tensor.shape)
        walk.problems.report(
            codes.SHAPE_DIFFERS,
            stated.span,
            f"the stream is {tensor.shape} here",
            secondary=provenance.last_change(steps, given),
            help=f"write `:: {written}`, or {change or 'change a step before it'}",
            fixes=(Fix(f"write `{written}`", ((stated.span, written),)),),
        )
        return cursor
    return roles.annotated(walk, stated, cursor)


def _agrees(sizes: tuple[int, ...], tensor: Tensor, span: Span) -> bool:
    """Return whether a tensor has the stated sizes, and record the guards of the annotation."""
    guards: list[Guard] = []
    with recording(guards):
        recorder.span = span
        agrees = sizes == tensor.shape.dims
    recorder.replay([guard._replace(what="the annotation") for guard in guards])
    return agrees


def _one_of_the_pools(lines: list[str]) -> str:
    if len(lines) == 1:
        return f"the pool on line {lines[0]}"
    return "one of the pools on lines " + ", ".join(lines[:-1]) + f" and {lines[-1]}"
