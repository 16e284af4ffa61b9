"""Roles of axes in elaboration: stated roles, and the warnings about streams of another role."""

import re

from archdsl.base.role import Role, role_of_input
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Fix, Problems
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.suggestions import nearest, suggestion
from archdsl.elaborate.walk import Walk
from archdsl.ops.roles import Remedy, WrongRole
from archdsl.syntax import ast

_ROLES = {role.value: role for role in Role}
_RANKS = {
    Role.MAP: "two to four axes, such as 3x32x32",
    Role.CHANNELS_LAST: "two to four axes, such as 32x32x3",
    Role.SEQUENCE: "two axes, such as 50x16",
    Role.VECTOR: "one axis, such as 16",
}
# A label that stands right before a step.
_LABEL = re.compile(r"(\boutput[ \t]+)?[A-Za-z_]\w*(?:\{[^{}\n]*\}\w*)*[ \t]*:[ \t]*\Z")
_REACH = 200

# stated roles


def stated_role(problems: Problems, shape: ast.ShapeOf) -> Role | None:
    """Return the role that a written shape states; None if there is none, or after reporting that it is wrong."""
    if shape.role is None:
        return None
    role = _ROLES.get(shape.role.text)
    if role is None:
        label = f"`{shape.role.text}` is not a role of axes"
        near, span = nearest(shape.role.text, list(_ROLES)), shape.role.span
        fixes = () if near is None else (Fix(near, ((span, near.split("`")[1]),)),)
        problems.report(codes.BAD_SHAPE, span, label, help=near or suggestion("", list(_ROLES)), fixes=fixes)
    elif not role.fits(len(shape.dims)):
        label = f"{role.described()} has {_RANKS[role]}"
        problems.report(
            codes.BAD_SHAPE, shape.span, label, help=f"write {_RANKS[role].rpartition(' ')[2]}, for example"
        )
        return None
    return role


def input_role(problems: Problems, shape: ast.ShapeOf) -> Role:
    """Return the role of an input: the stated one, or the one that follows from the number of its axes."""
    return stated_role(problems, shape) or role_of_input(len(shape.dims))


def annotated(walk: Walk, stated: ast.ShapeOf, cursor: Cursor) -> Cursor:
    """Return the cursor after a stated role: a plain stream takes it, and any other must have it."""
    role = stated_role(walk.problems, stated)
    stream = cursor.stream
    if role is None or not isinstance(stream, Tensor | Bundle):
        return cursor
    if isinstance(stream, Tensor):
        return cursor.at(_with_role(walk, stream, role, stated))
    return cursor.at(Bundle(tuple(_with_role(walk, tensor, role, stated) for tensor in stream.tensors)))


def _with_role(walk: Walk, tensor: Tensor, role: Role, stated: ast.ShapeOf) -> Tensor:
    if tensor.role is role or not role.fits(tensor.shape.rank):
        return tensor
    if tensor.role is not Role.PLAIN and role is not Role.PLAIN:
        assert stated.role is not None
        fix = Fix(f"write `{tensor.role.value}`", ((stated.role.span, tensor.role.value),))
        label = f"the stream is {tensor.role.described()} of {tensor.shape} here"
        help = f"write `:: {tensor.role.value} {tensor.shape}`, or change a step before it"
        walk.problems.report(codes.SHAPE_DIFFERS, stated.span, label, help=help, fixes=(fix,))
        return tensor
    return with_role(walk, tensor, role)


def with_role(walk: Walk, tensor: Tensor, role: Role) -> Tensor:
    """Return a tensor with another role, which the graph records as well."""
    walk.parts.roles[tensor.source] = role
    return Tensor(tensor.source, tensor.shape, role)


# steps that read a stream of another role


def warn_of_role(problems: Problems, call: ast.Call, reason: WrongRole) -> None:
    """Report an input of another role, with the edits that the help offers."""
    fixes = tuple(fix for remedy in reason.remedies if (fix := _fix(call, remedy)) is not None)
    problems.report(reason.kind, call.span, reason.label(), help=reason.help(), fixes=fixes)


def _fix(call: ast.Call, remedy: Remedy) -> Fix | None:
    """Return a remedy as an edit; None where a step cannot be inserted."""
    span = call.span
    title = f"{remedy.text} {remedy.purpose}".rstrip()
    if remedy.before:
        start = _start_of_step(span)
        return None if start is None else Fix(title, ((Span(span.source, start, start), f"{remedy.before} -> "),))
    if remedy.name:
        return Fix(title, ((call.name.span, remedy.name),))
    if remedy.instead:
        return Fix(title, ((span, remedy.instead),))
    if call.args:
        end = call.args[-1].span.end
        return Fix(title, ((Span(span.source, end, end), f", {remedy.argument}"),))
    return Fix(title, ((Span(span.source, span.start, span.end), f"{call.name.text}({remedy.argument})"),))


def _start_of_step(span: Span) -> int | None:
    """Return the place before a call and its label; None if the label names an output and has to stay first."""
    before = span.source.text[max(0, span.start - _REACH) : span.start]
    label = _LABEL.search(before)
    if label is None:
        return span.start
    return None if label.group(1) else span.start - len(label.group())
