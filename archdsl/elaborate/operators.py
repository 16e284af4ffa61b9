"""Calls of operators: their callee, their arguments, and the node that they become."""

from typing import NamedTuple, TypeAlias

from archdsl.diag import codes
from archdsl.elaborate import foreign_names
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.expected import STEP_ARGUMENT
from archdsl.elaborate.functions import FUNCTIONS
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.unknown import report_training_word, report_unknown_block
from archdsl.elaborate.values import ERROR, ErrorValue, Value
from archdsl.elaborate.walk import Unfolded, Walk, single, stopped
from archdsl.ops import lookup
from archdsl.ops.base import Merge, Op
from archdsl.ops.initialisers import find_initialiser
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
    is_merge = op is not None and issubclass(op, Merge)
    if op is not None and call.args and _report_nested(walk, call, is_merge=is_merge):
        return stopped(cursor)
    bound = walk.binder.bind(call, scope, cursor, op)
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


def _report_nested(walk: Walk, call: ast.Call, *, is_merge: bool) -> bool:
    """Report a step, or the branches of a merge, that are written as arguments; return whether there are any."""
    if is_merge and any(arg.name is None and _is_tensor(arg.value) for arg in call.args):
        found = foreign_names.branches(call)
        label = "branches are statements in braces"
        walk.problems.report(codes.EMPTY_MERGE, call.span, label, help=found.help, fixes=found.fixes)
        return True
    for arg in call.args:
        inner = arg.value
        if arg.name is None and isinstance(inner, ast.Apply) and _is_step(inner.function.text):
            found = foreign_names.nested(call, arg)
            walk.problems.report(codes.NESTED_STEPS, arg.span, help=found.help, fixes=found.fixes)
            return True
    return False


def _is_step(name: str) -> bool:
    """Return whether a function of an expression is an operator, or a layer of another framework."""
    if name in FUNCTIONS or find_initialiser(name) is not None:
        return False
    return lookup(name) is not None or foreign_names.is_layer(name)


def _is_tensor(expr: ast.Expr) -> bool:
    """Return whether an expression is written as tensors: a reference, a step, or a list of these."""
    if isinstance(expr, ast.Display):
        return any(map(_is_tensor, expr.items))
    return isinstance(expr, ast.Reference) or (isinstance(expr, ast.Apply) and lookup(expr.function.text) is not None)


def _no_block(walk: Walk, call: ast.Call, scope: Scope, cursor: Cursor) -> Unfolded:
    """Report a block that does not exist."""
    wanted, definitions = call.name.text, scope.definitions
    is_lost = definitions.is_partial or wanted in definitions.lost
    if not is_lost and not report_training_word(walk.problems, codes.NO_SUCH_BLOCK, call.name):
        given = [name for name, value in scope.values.items() if isinstance(value, Defined)]
        known = [name for name, each in definitions.items() if each.definition.kind != "model"]
        report_unknown_block(walk.problems, call, [*known, *given], cursor)
        if foreign_names.step(call):
            return stopped(cursor)
    for arg in call.args:
        walk.evaluator.value(arg.value, scope, cursor, STEP_ARGUMENT)
    return stopped(cursor)
