"""Forms with inner streams: merges, residuals, `on`, references and `split`."""

from dataclasses import replace
from typing import assert_never

from archdsl.base.guards import recorder, recording
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Label
from archdsl.elaborate import control, foreign_names
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.decisions import entered, tested, within
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.roles import warn_of_role, with_role
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.values import ERROR, ErrorValue, Value, is_whole
from archdsl.elaborate.walk import Made, Unfolded, Walk, single, stopped
from archdsl.ops.argument_types import shown
from archdsl.ops.base import Merge
from archdsl.ops.merge import Add
from archdsl.ops.rearrange import Slice
from archdsl.ops.roles import first_axis
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import Below

SPLIT = "split"


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
                    made += more
                    ends += found
            case ast.Chain():
                if _is_left_out(walk, statement, scope, start):
                    continue
                more, after = walk.chain(statement, scope, start)
                made += more
                end = single(walk, after, statement.span)
                ends.append(ERROR if end is None else end)
            case ast.Set() | ast.Assert() | ast.Broken() | ast.Input() | ast.Output() | ast.Devices():
                scope, (_, after) = walk.statement(statement, scope, start, Below(body, number + 1))
                if after.failed:
                    ends.append(ERROR)
            case _:
                assert_never(statement)
    return made, ends


def _is_left_out(walk: Walk, chain: ast.Chain, scope: Scope, start: Cursor) -> bool:
    only = chain.steps[0]
    if len(chain.steps) > 1 or only.condition is None:
        return False
    with recording(None):
        is_false = walk.evaluator.truth(only.condition, scope, start) is False
    if is_false:
        tested(walk, only.condition, scope, start)
    return is_false


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
    before = len(recorder.log or ())
    differs = not agree(start.shape, end.shape, unit.span)
    test = None
    if unit.project is not None:
        guards = tuple((recorder.log or ())[before:])
        test = entered(walk, unit.span, scope, lambda: None, guards, value=differs)
    if differs:
        if unit.project is None:
            _report_residual(walk, unit, start, end)
            return stopped(cursor)
        with within(walk, unit.span, test=test, is_branch=True):
            projection, after = walk.body(unit.project, scope, cursor)
        found = single(walk, after, unit.span)
        if found is None:
            return stopped(cursor)
        made = [*made, *(replace(each, optional=True) for each in projection)]
        shortcut = found
        if not agree(shortcut.shape, end.shape, unit.span):
            _report_projection(walk, unit, shortcut, end)
            return stopped(cursor)
    call = ast.Call(ast.Name(Add.name, unit.span), (), unit.span)
    bound = walk.binder.implied(Add, call)
    node, after = walk.place(bound, (*scope.path, name), (shortcut, end), scope, cursor, labelled=True)
    return Unfolded([*made, *node], after)


def agree(one: Shape, other: Shape, span: Span) -> bool:
    """Return whether two shapes are equal, and record the condition on the sizes that decide it."""
    if one.rank != other.rank:
        return False
    holds = one.plain() == other.plain()
    recorder.span = span
    recorder.record_pairs("==", zip(one.dims, other.dims, strict=True), holds=holds)
    return holds


def _keyword(unit: ast.Residual) -> Span:
    return Span(unit.span.source, unit.span.start, unit.span.start + len("residual"))


def _report_residual(walk: Walk, unit: ast.Residual, start: Tensor, end: Tensor) -> None:
    label = f"its input is {start.shape}, and its body gives {end.shape}"
    help = "give both the same shape" + _projection(start, end)
    secondary = _place_of(walk, end, "the body ends here")
    walk.problems.report(codes.RESIDUAL_DIFFERS, _keyword(unit), label, secondary=secondary, help=help)


def _projection(start: Tensor, end: Tensor) -> str:
    """Return the offer of a projection that fits, empty if there is none."""
    before, after = start.shape.plain().dims, end.shape.plain().dims
    if len(before) != len(after):
        return ""
    if not start.role.is_map:
        is_linear = before[:-1] == after[:-1]
        return f", or add a projection: `project {{ linear({after[-1]}) }}`" if is_linear else ""
    strides = {-(-one // other) for one, other in zip(before[1:], after[1:], strict=True)}
    fits = all(
        -(-one // stride) == other for stride in strides for one, other in zip(before[1:], after[1:], strict=True)
    )
    if len(strides) != 1 or not fits or (strides == {1} and before[0] == after[0]):
        return ": pad the windows in the body, for example with `padding = half`" if before[0] == after[0] else ""
    stride = strides.pop()
    return f", or add a projection: `project {{ conv({after[0]}, 1{f', {stride}' if stride > 1 else ''}) }}`"


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
    """Cut an axis, by default the channels, into a bundle of equal parts."""
    arguments = _split_arguments(walk, call, scope, cursor)
    stream = single(walk, cursor, call.span)
    if arguments is None or stream is None:
        return stopped(cursor)
    count, stated = arguments
    rank = stream.shape.rank
    if not -rank <= (stated or 0) < rank:
        text = f"`axis` is {stated}, but {stream.shape} has the axes 0 to {rank - 1}"
        walk.problems.report(codes.OUT_OF_RANGE, call.span, text, help=f"give an axis from 0 to {rank - 1}")
        return stopped(cursor)
    axis = (stated or 0) % rank
    total = stream.shape.dims[axis]
    recorder.span = call.span
    if total % count:
        words = stream.role.words(rank)
        counted = "channels" if axis == 0 else words[axis] if words else "elements"
        text = f"{int(total)} {counted} do not split into {count} equal parts"
        walk.problems.report(codes.NOT_DIVISIBLE, call.span, text)
        return stopped(cursor)
    with recording(None):
        warning = first_axis(SPLIT, stream.role, stream.shape) if stated is None else None
    if warning is not None:
        warn_of_role(walk.problems, call, warning)
    size = total // count
    made: Made = []
    parts: list[Tensor] = []
    for number in range(count):
        bound = walk.binder.implied(Slice, call, start=number * size, stop=(number + 1) * size, axis=axis)
        name = child_name(walk.problems, label if number == 0 else None, SPLIT, scope.children)
        node, after = walk.place(bound, (*scope.path, name), (stream,), scope, cursor, labelled=True)
        if not isinstance(after.stream, Tensor):
            return Unfolded(made, after)
        made += node
        # The mistake is reported once, not by every step behind it.
        parts.append(after.stream if warning is None else with_role(walk, after.stream, Role.PLAIN))
    return Unfolded(made, cursor.at(Bundle(tuple(parts))))


def _split_arguments(walk: Walk, call: ast.Call, scope: Scope, cursor: Cursor) -> tuple[int, int | None] | None:
    """Return the number of parts and the axis, None where none is written; None after reporting a problem."""
    given: dict[str, Value] = {}
    for number, argument in enumerate(call.args):
        name = argument.name.text if argument.name else "parts" if number == 0 else ""
        value = walk.evaluator.structural(argument.value, scope, cursor)
        if value is ERROR:
            return None
        if name not in ("parts", "axis") or name in given:
            text = "`split` takes the number of parts, and `axis`"
            named = argument.name is not None
            known = foreign_names.argument(SPLIT, ["parts", "axis"], call, argument, given) if named else None
            help, fixes = (known.help, known.fixes) if known else ("write `split(2, axis = 1)`, for example", ())
            walk.problems.report(codes.NO_SUCH_ARGUMENT, argument.span, text, help=help, fixes=fixes)
            return None
        given[name] = value
    count, axis = given.get("parts"), given.get("axis", 0)
    if not is_whole(count) or count < 2:
        text = "`split` takes the number of parts, at least 2" + ("" if count is None else f", not {shown(count)}")
        walk.problems.report(codes.WRONG_VALUE, call.span, text, help="write `split(2)`")
        return None
    if not is_whole(axis):
        text = f"`axis` must be an integer, not {shown(axis)}"
        walk.problems.report(codes.WRONG_VALUE, call.span, text, help="write `axis = 1`, for example")
        return None
    return count, axis if "axis" in given else None
