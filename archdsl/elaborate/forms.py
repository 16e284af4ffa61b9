"""Forms with inner streams: merges, residuals, `on`, references and `split`."""

from dataclasses import replace
from typing import assert_never

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Label
from archdsl.elaborate import control
from archdsl.elaborate.arguments import Bound
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.values import ERROR, ErrorValue, is_whole
from archdsl.elaborate.walk import Made, Unfolded, Walk, single, stopped
from archdsl.ops.argument_types import shown
from archdsl.ops.base import Merge
from archdsl.ops.merge import Add
from archdsl.ops.rearrange import Slice
from archdsl.syntax import ast


def merge(walk: Walk, unit: ast.Merge, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
    """Unfold the branches of a merge, which all read the current stream, and the node that joins them."""
    bound = walk.binder.bind(unit.call, scope, cursor, branches=True)
    name = child_name(walk.problems, label, unit.call.name.text, scope.children, counts=False)
    if bound is not None and not isinstance(bound.op, Merge):
        text = f"`{bound.op.name}` takes one stream, not branches"
        help = "use `concat`, `add`, `mul` or `stack`, which take branches"
        walk.problems.report(codes.EMPTY_MERGE, unit.call.span, text, help=help)
        bound = None
    start = single(walk, cursor, unit.call.span)
    made, ends = _branches(walk, unit.body, scope, cursor.at(ERROR if start is None else start))
    tensors = tuple(end for end in ends if isinstance(end, Tensor))
    if bound is None or start is None or len(tensors) != len(ends):
        return stopped(cursor)
    if not tensors:
        help = "write each branch as a statement"
        walk.problems.report(codes.EMPTY_MERGE, unit.call.span, "there is no branch", help=help)
        return stopped(cursor)
    node, after = walk.place(bound, (*scope.path, name), tensors, scope, cursor, labelled=True)
    return Unfolded([*made, *node], after)


def _branches(
    walk: Walk, body: tuple[ast.Statement, ...], scope: Scope, start: Cursor
) -> tuple[Made, list[Tensor | ErrorValue]]:
    """Return the children of the branches, and the end of each branch that its condition does not leave out."""
    made: Made = []
    ends: list[Tensor | ErrorValue] = []
    for number, statement in enumerate(body):
        match statement:
            case ast.For() | ast.If():
                bodies = control.bodies(walk, statement, scope, start)
                if bodies is None:
                    ends.append(ERROR)
                for inner, taken in bodies or ():
                    more, found = _branches(walk, taken, inner, start)
                    made, ends = made + more, ends + found
            case ast.Chain():
                if _is_left_out(walk, statement, scope, start):
                    continue
                more, after = walk.chain(statement, scope, start)
                made += more
                end = single(walk, after, statement.span)
                ends.append(ERROR if end is None else end)
            case ast.Set() | ast.Assert() | ast.Broken() | ast.Input() | ast.Output() | ast.Devices():
                scope, (_, after) = walk.statement(statement, scope, start, body[number + 1 :])
                if after.failed:
                    ends.append(ERROR)
            case _:
                assert_never(statement)
    return made, ends


def _is_left_out(walk: Walk, chain: ast.Chain, scope: Scope, start: Cursor) -> bool:
    only = chain.steps[0]
    if len(chain.steps) > 1 or only.condition is None:
        return False
    return walk.evaluator.truth(only.condition, scope, start) is False


def residual(walk: Walk, unit: ast.Residual, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
    """Unfold the body, the projection where the shapes differ, and their sum."""
    name = child_name(walk.problems, label, Add.name, scope.children, counts=False)
    if not unit.body:
        help = "write steps in the body, or remove the `residual`"
        walk.problems.report(codes.EMPTY_MERGE, _keyword(unit), "its body is empty", help=help)
        return stopped(cursor)
    start = single(walk, cursor, unit.span)
    made, after = walk.body(unit.body, scope, cursor.error() if start is None else cursor)
    end = single(walk, after, unit.span)
    if start is None or end is None:
        return stopped(cursor)
    shortcut = start
    if not scope.agree(start.shape, end.shape):
        if unit.project is None:
            _report_residual(walk, unit, start, end)
            return stopped(cursor)
        projection, after = walk.body(unit.project, scope, cursor)
        found = single(walk, after, unit.span)
        if found is None:
            return stopped(cursor)
        made = [*made, *(replace(each, optional=True) for each in projection)]
        shortcut = found
        if not scope.agree(shortcut.shape, end.shape):
            _report_projection(walk, unit, shortcut, end)
            return stopped(cursor)
    call = ast.Call(ast.Name(Add.name, unit.span), (), unit.span)
    bound = Bound(Add(), call, {}, {})
    node, after = walk.place(bound, (*scope.path, name), (shortcut, end), scope, cursor, labelled=True)
    return Unfolded([*made, *node], after)


def _keyword(unit: ast.Residual) -> Span:
    return Span(unit.span.source, unit.span.start, unit.span.start + len("residual"))


def _report_residual(walk: Walk, unit: ast.Residual, start: Tensor, end: Tensor) -> None:
    label = f"its input is {start.shape}, and its body gives {end.shape}"
    help = "give both the same shape, or add a projection: `project { conv(…, 1) }`"
    secondary = _place_of(walk, end, "the body ends here")
    walk.problems.report(codes.RESIDUAL_DIFFERS, _keyword(unit), label, secondary=secondary, help=help)


def _report_projection(walk: Walk, unit: ast.Residual, shortcut: Tensor, end: Tensor) -> None:
    label = f"the projection gives {shortcut.shape}, and the body gives {end.shape}"
    secondary = (*_place_of(walk, end, "the body ends here"), *_place_of(walk, shortcut, "the projection ends here"))
    help = "give both the same number of channels and the same stride"
    walk.problems.report(codes.RESIDUAL_DIFFERS, _keyword(unit), label, secondary=secondary, help=help)


def _place_of(walk: Walk, tensor: Tensor, text: str) -> tuple[Label, ...]:
    node = walk.parts.nodes.get(tensor.source)
    return (Label(node.span, text),) if node else ()


def on(walk: Walk, unit: ast.On, scope: Scope, cursor: Cursor) -> Unfolded:
    """Unfold the steps of `on device { … }`, placed on the device."""
    devices = devices_of(walk, unit.place, scope, cursor)
    inner = cursor.error() if devices is None else cursor.on(devices[0])
    made, after = walk.body(unit.body, scope, inner)
    return Unfolded(made, after.on(cursor.device))


def devices_of(walk: Walk, place: ast.Label, scope: Scope, cursor: Cursor) -> list[str] | None:
    """Return the devices that a place names, or None after reporting one that is not declared."""
    names = walk.evaluator.label_texts(place, scope, cursor)
    declared = walk.parts.devices
    unknown = next((name for name in names or () if name not in declared), None)
    if unknown is not None:
        help = suggestion(unknown, declared) or f"declare it at the top of the model: `devices {unknown}`"
        walk.problems.report(codes.NO_SUCH_DEVICE, place.span, f"`{unknown}` is not declared", help=help)
        return None
    if names == []:
        walk.problems.report(codes.BAD_NAME, place.span, "this range is empty, so there are no devices")
    return names or None


def restart(walk: Walk, reference: ast.Reference, scope: Scope, cursor: Cursor) -> Unfolded:
    """Make the output of another step the stream."""
    value = walk.evaluator.value(reference, scope, cursor)
    return Unfolded([], cursor.at(value) if isinstance(value, Tensor) else cursor.error())


def split(walk: Walk, call: ast.Call, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
    """Cut the channels into a bundle of equal parts."""
    count = walk.evaluator.structural(call.args[0].value, scope, cursor) if len(call.args) == 1 else None
    stream = single(walk, cursor, call.span)
    if not is_whole(count) or count < 2:
        if count is not ERROR:
            given = "" if count is None else f", not {shown(count)}"
            text = f"`split` takes the number of parts, at least 2{given}"
            walk.problems.report(codes.WRONG_VALUE, call.span, text, help="write `split(2)`")
        return stopped(cursor)
    if stream is None:
        return stopped(cursor)
    channels = stream.shape.channels
    if channels % count:
        text = f"{int(channels)} channels do not split into {count} equal parts"
        walk.problems.report(codes.NOT_DIVISIBLE, call.span, text)
        return stopped(cursor)
    size = channels // count
    made: Made = []
    parts: list[Tensor] = []
    for number in range(count):
        bound = Bound(Slice(start=number * size, stop=(number + 1) * size), call, {}, {})
        name = child_name(walk.problems, label if number == 0 else None, "split", scope.children)
        node, after = walk.place(bound, (*scope.path, name), (stream,), scope, cursor, labelled=True)
        if not isinstance(after.stream, Tensor):
            return Unfolded(made, after)
        made += node
        parts.append(after.stream)
    return Unfolded(made, cursor.at(Bundle(tuple(parts))))
