"""Uses of blocks, macros and models: their arguments are bound, and their bodies unfold in a scope of their own.

In a block, its numbers and the channels of its input are traced to the block's own names. So every use computes sizes
in the same way, and one class can serve all uses. The shape of the output is converted back into the caller's terms.
"""

import re
from collections.abc import Mapping
from functools import partial

from archdsl.base.guards import recorder, recording
from archdsl.base.printable import shortened
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.base.substitution import outside
from archdsl.base.typos import typo_of
from archdsl.diag import codes
from archdsl.diag.model import Fix, Label
from archdsl.elaborate.again import UseAgain
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined
from archdsl.elaborate.diagnostics import warn_unlabelled
from archdsl.elaborate.entry import Entry
from archdsl.elaborate.expected import BLOCK_ARGUMENT
from archdsl.elaborate.labels import labels
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.roles import stated_role
from archdsl.elaborate.scopes import Children, Scope, UsageLog
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.suggestions import meant_argument
from archdsl.elaborate.values import ERROR, MaybeValue, Value
from archdsl.elaborate.walk import Unfolded, Walk, single, stopped
from archdsl.ir.graph import ChildNaming, Container, dotted
from archdsl.ir.uses import Use
from archdsl.syntax import ast

# Units of work for a use of a block.
_USE = 30


def call(walk: Walk, call: ast.Call, callee: Defined, label: ast.Name | None, scope: Scope, cursor: Cursor) -> Unfolded:
    """Unfold the call of a block, macro or model."""
    values = bind(walk, call, callee, scope, cursor)
    if callee.definition.kind == "macro" and label:
        help = "label the steps in it, or make it a block"
        walk.problems.report(codes.LABEL_ON_GROUP, label.span, help=help)
    if values is None:
        return stopped(cursor)
    walk.budget.count_work(call.span, _USE + 2 * len(values))
    with walk.budget.calling(callee.definition, call.span):
        if callee.definition.kind == "macro":
            return _expand(walk, call, callee, values, scope, cursor)
        return _use(walk, values, scope, cursor, call=call, callee=callee, label=label)


def bind(
    walk: Walk, call: ast.Call, callee: Defined, scope: Scope, cursor: Cursor, *, partly: bool = False
) -> dict[str, Value] | None:
    """Return the values of a definition's parameters, or None after reporting a problem with the arguments.

    Defaults see the parameters before them. With `partly`, parameters without an argument are left out.
    """
    definition = callee.definition
    known = [param.name.text for param in definition.params]
    given: dict[str, MaybeValue] = {}
    sound = True
    for number, arg in enumerate(call.args):
        value = walk.evaluator.value(arg.value, scope, cursor, BLOCK_ARGUMENT)
        name = arg.name.text if arg.name else known[number] if number < len(known) else None
        if name is None or name not in known or name in given:
            named = {each.name.text for each in call.args if each.name}
            _report_argument(walk, definition, arg, known, {*given, *named}, again=name in given)
            sound = False
            continue
        given[name] = value
    missing = [param.name.text for param in definition.params if param.default is None and param.name.text not in given]
    if missing and not partly:
        names = " and ".join(f"`{name}`" for name in missing)
        written = shortened(
            ", ".join((*(arg.span.text for arg in call.args), *(f"{name} = …" for name in missing))), 80
        )
        help = f"write `{definition.name.text}({written})`"
        walk.problems.report(codes.NO_ARGUMENT_FOR_BLOCK, call.span, f"needs {names}", help=help)
        sound = False
    found = {name: value for name, value in given.items() if value is not ERROR}
    if not sound or len(found) < len(given):
        return None
    return found if partly else _with_defaults(walk, callee, found, scope)


def _with_defaults(walk: Walk, callee: Defined, given: dict[str, Value], scope: Scope) -> dict[str, Value] | None:
    """Return the arguments and the defaults of the other parameters, in the caller's terms."""
    if len(given) == len(callee.definition.params):
        return given
    values: dict[str, Value] = {}
    inner = Scope(values, callee.library.names)
    for param in callee.definition.params:
        name = param.name.text
        if name in given:
            values[name] = given[name]
        elif param.default is not None:
            value = walk.evaluator.value(param.default, inner, Cursor(), BLOCK_ARGUMENT)
            if value is ERROR:
                return None
            values[name] = value
    return values


def _report_argument(
    walk: Walk, definition: ast.Definition, arg: ast.Argument, known: list[str], given: set[str], *, again: bool
) -> None:
    name = definition.name.text
    takes = ", ".join(f"`{each}`" for each in known) or "no arguments"
    if again:
        walk.problems.report(codes.GIVEN_TWICE, arg.span, f"`{name}` takes {takes}")
        return
    near = typo_of(arg.name.text, known) if arg.name else None
    help = meant_argument(near, given) if near else "remove it"
    span = arg.name.span if arg.name else arg.span
    fixes = (Fix(f"write `{near}`", ((span, near),)),) if near and near not in given else ()
    walk.problems.report(codes.NO_ARGUMENT_FOR_BLOCK, span, f"`{name}` takes {takes}", help=help, fixes=fixes)


def _aliases(call: ast.Call, definition: ast.Definition, scope: Scope) -> dict[str, str]:
    """Return the parameters of a definition to which the caller hands on a value of its own without a trace."""
    known = [param.name.text for param in definition.params]
    found: dict[str, str] = {}
    for number, arg in enumerate(call.args):
        if isinstance(arg.value, ast.Name) and arg.value.text in scope.aliases:
            found[arg.name.text if arg.name else known[number]] = scope.aliases[arg.value.text]
    return found


def usage_of(walk: Walk, callee: Defined, outer: UsageLog | None = None) -> UsageLog:
    """Return the usage log of a use of a block or macro: reads of its parameters count for all its uses."""
    read = walk.parts.blocks.setdefault(id(callee.definition), (callee, set()))[1]
    return UsageLog(read, outer.referred, outer.guards, outer.opaque, outer.tests) if outer else UsageLog(read)


def _expand(
    walk: Walk, call: ast.Call, callee: Defined, values: Mapping[str, Value], scope: Scope, cursor: Cursor
) -> Unfolded:
    """Unfold a macro: its steps become children of the caller."""
    definition, library = callee.definition, callee.library
    inner = Scope(
        values,
        library.names,
        usage_of(walk, callee, scope.usage),
        scope.path,
        scope.children,
        library.defaults_of(definition),
        frozenset(values),
        aliases=_aliases(call, definition, scope),
    )
    with walk.problems.noting(f"in the macro {definition.name.text}, called at line {_line(walk, call, definition)}"):
        return walk.body(definition.body, inner, cursor)


def _use(
    walk: Walk,
    values: Mapping[str, Value],
    scope: Scope,
    cursor: Cursor,
    *,
    call: ast.Call,
    callee: Defined,
    label: ast.Name | None,
) -> Unfolded:
    """Unfold a block or model: it becomes a submodule."""
    definition = callee.definition
    operations = walk.budget.operations
    name = child_name(walk.problems, label, _snake(definition.name.text), scope.children)
    before = single(walk, cursor, call.span)
    if before is None:
        return stopped(cursor)
    path = (*scope.path, name)
    entry = Entry(walk, call, callee, values)
    children = Children(numbered=False, labels=_labels(walk, callee, entry.blocks))
    usage = usage_of(walk, callee)
    inner, start = entry.scope(before, path, children, usage)
    place = f"in {dotted(path)}, called at line {_line(walk, call, definition)}"
    with walk.problems.noting(place), recording(usage.guards):
        body, after = definition.body, cursor.at(start)
        if definition.kind == "model":
            body = tuple(each for each in body if not isinstance(each, ast.Input))
            after = _at_input(walk, call, definition, inner, after)
        made, after = walk.body(body, inner, after)
        end = single(walk, after, call.span)
    if end is None:
        return stopped(cursor)
    output = Tensor(end.source, entry.outside(end.shape), end.role)
    if not made:
        recorder.replay([each for guard in usage.guards for each in outside(guard, entry.caller)])
        scope.children.take_back()
        return Unfolded([], cursor.at(output))
    guards = tuple(usage.guards)
    use = Use(
        definition.name.text, definition.doc, definition.span, entry.arguments(), entry.tensors(), guards,
        tuple(param.name.text for param in definition.params), entry.choices(_aliases(call, definition, scope)),
        tuple(usage.tests), _again(walk, call, callee, values, before, cursor, operations),
    )  # fmt: skip
    container = Container(
        path, ChildNaming.NAMED, tuple(made), call.span, before.source, before.shape, output.source, output.shape,
        use=use, origin=walk.origin,
    )  # fmt: skip
    if label is None and not scope.children.names_all:
        _warn_of_weights(walk, container, call, scope)
    return Unfolded([container], cursor.at(output))


def _warn_of_weights(walk: Walk, container: Container, call: ast.Call, scope: Scope) -> None:
    """Warn of a use without a label if it has weights."""
    with recording(None):
        has_weights = any(node.params for node in container.nodes())
    if has_weights:
        warn_unlabelled(walk, container.path, call, scope)


def _again(
    walk: Walk,
    call: ast.Call,
    callee: Defined,
    values: Mapping[str, Value],
    stream: Tensor,
    cursor: Cursor,
    before: int,
) -> UseAgain | None:
    """Return the function that elaborates a use once more; `before` is the number of operations before the use."""
    if cursor.device is not None or cursor.tower is not None:
        return None
    unfold = partial(_use, call=call, callee=callee, label=None)
    return UseAgain(walk, unfold, values, stream, walk.budget.operations - before, call.span)


def _line(walk: Walk, call: ast.Call, definition: ast.Definition) -> str:
    """Return the line of a call, with its file unless all is in the file that is compiled."""
    return call.span.line_from(walk.main if definition.span.source is walk.main else definition.span.source)


def _labels(walk: Walk, callee: Defined, given: Mapping[str, Defined]) -> frozenset[str]:
    """Return the labels of a block's children; `given` are its arguments that may be macros, with labels too."""
    definition, known = callee.definition, callee.library.names
    if given:
        found = labels(definition.body, lambda name: given.get(name) or known.get(name))
        walk.budget.count_work(definition.span, found.visited)
        return frozenset(found.texts)
    if id(definition) not in walk.labels:
        walk.labels[id(definition)] = frozenset(labels(definition.body, known.get).texts)
    return walk.labels[id(definition)]


def _at_input(walk: Walk, call: ast.Call, model: ast.Definition, scope: Scope, cursor: Cursor) -> Cursor:
    """Return the cursor at the input of a model that is used as a block; report a stream that does not fit it."""
    inputs = [statement for statement in model.body if isinstance(statement, ast.Input)]
    sizes = walk.evaluator.sizes(inputs[0].shape, scope, cursor) if inputs else None
    if len(inputs) > 1:
        label = f"`{model.name.text}` has {len(inputs)} inputs, and one stream flows here"
        help = "write it as a block: the stream is its first input, and parameters hold the others"
        walk.problems.report(codes.NO_ARGUMENT_FOR_BLOCK, call.span, label, help=help)
        return cursor.error()
    stream = cursor.stream
    if sizes is None or not isinstance(stream, Tensor):
        return cursor
    role = stated_role(walk.problems, inputs[0].shape) or stream.role
    wanted = f"{role.value} {Shape(sizes)}" if inputs[0].shape.role else str(Shape(sizes))
    given = f"{stream.role.described()} of {stream.shape}" if inputs[0].shape.role else str(stream.shape)
    if sizes != stream.shape.dims or (stream.role is not Role.PLAIN and role not in (Role.PLAIN, stream.role)):
        label = f"the input of `{model.name.text}` is {wanted}, and the stream is {given}"
        secondary = (Label(inputs[0].span, "this is its input"),)
        walk.problems.report(codes.SHAPE_DIFFERS, call.span, label, secondary=secondary)
        return cursor.error()
    return cursor if role is stream.role else cursor.at(Tensor(stream.source, stream.shape, role))


def _snake(name: str) -> str:
    """Return the name of an unlabelled use of a block: `dense_layer` for DenseLayer."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
