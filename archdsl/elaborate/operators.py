"""Calls of operators: their callee, their arguments, and the node that they become."""

from typing import NamedTuple, TypeAlias

from archdsl.diag import codes
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.expected import STEP_ARGUMENT
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.suggestions import nearest, suggestion
from archdsl.elaborate.unknown import report_training_word
from archdsl.elaborate.values import ERROR, ErrorValue, Value
from archdsl.elaborate.walk import Unfolded, Walk, single, stopped
from archdsl.ops import all_ops, lookup
from archdsl.ops.base import Merge, Op
from archdsl.syntax import ast


class NoStep(NamedTuple):
    """A value that cannot be a step, under a name that is used as one."""

    value: Value


Callee: TypeAlias = type[Op] | Defined | Tensor | NoStep | ErrorValue


def callee(name: ast.Name, scope: Scope) -> Callee | None:
    """Return the meaning of a name that is used as a step; None if it has none. Nothing is reported."""
    if name.text in scope.values:
        value = scope.read(name.text)
        if isinstance(value, Defined | Tensor) or (isinstance(value, type) and issubclass(value, Op)):
            return value
        if lookup(name.text) is None:
            return ERROR if value is ERROR else NoStep(value)
    if name.text in scope.definitions:
        return scope.definitions[name.text]
    return lookup(name.text)


def operator(
    walk: Walk, call: ast.Call, op: type[Op] | None, label: ast.Name | None, scope: Scope, cursor: Cursor
) -> Unfolded:
    """Unfold the call of an operator; None stands for one that does not exist, which is reported."""
    if op is None and call.name.text[0].isupper():
        return _no_block(walk, call, scope, cursor)
    bound = walk.binder.bind(call, scope, cursor, op)
    is_merge = op is not None and issubclass(op, Merge)
    base = call.name.text if op is None else op.name
    name = child_name(walk.problems, label, base, scope.children, counts=not is_merge)
    if bound is None:
        return stopped(cursor)
    path = (*scope.path, name)
    stream = cursor.stream
    if is_merge:
        if isinstance(stream, Bundle):
            return walk.place(bound, path, stream.tensors, scope, cursor, labelled=True)
        if stream is not ERROR:
            help = f"write `{call.name.text} {{ … }}` with its branches in braces"
            walk.problems.report(codes.EMPTY_MERGE, call.span, "one stream flows here", help=help)
        return stopped(cursor)
    tensor = single(walk, cursor, call.span)
    if tensor is None:
        return stopped(cursor)
    labelled = label is not None or scope.children.names_all
    return walk.place(bound, path, (tensor,), scope, cursor, labelled=labelled)


def _no_block(walk: Walk, call: ast.Call, scope: Scope, cursor: Cursor) -> Unfolded:
    """Report a block that does not exist."""
    wanted, definitions = call.name.text, scope.definitions
    is_lost = definitions.is_partial or wanted in definitions.lost
    if not is_lost and not report_training_word(walk.problems, codes.NO_SUCH_BLOCK, call.name):
        given = [name for name, value in scope.values.items() if isinstance(value, Defined)]
        known = [name for name, each in definitions.items() if each.definition.kind != "model"]
        help = nearest(wanted, [*known, *given]) or nearest(wanted, [op.name for op in all_ops()])
        help = help or suggestion(wanted, known) or "capitalised names are blocks, and this file defines none"
        walk.problems.report(codes.NO_SUCH_BLOCK, call.name.span, help=help, cause=wanted)
    for arg in call.args:
        walk.evaluator.value(arg.value, scope, cursor, STEP_ARGUMENT)
    return stopped(cursor)
