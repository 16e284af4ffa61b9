"""`group`: towers, which are copies of a body that unfold side by side, and `exchange` between them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, assert_never

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.elaborate import control, diagnostics
from archdsl.elaborate.arguments import Bound
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.forms import devices_of
from archdsl.elaborate.labels import labels
from archdsl.elaborate.naming import child_name
from archdsl.elaborate.operators import callee
from archdsl.elaborate.repeats import enter_label, repeats
from archdsl.elaborate.scopes import Children, Scope
from archdsl.elaborate.streams import Bundle, Tensor
from archdsl.elaborate.values import ERROR, ErrorValue
from archdsl.elaborate.walk import Made, Unfolded, Walk, single, stopped
from archdsl.ir.graph import ChildNaming, Container
from archdsl.ops.merge import Concat
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import bodies

EXCHANGE = "exchange"
_T = TypeVar("_T")


@dataclass(slots=True)
class _Tower:
    """A tower while it unfolds: the scope of its body, its input, the cursor, and its children so far."""

    scope: Scope
    entry: Tensor | ErrorValue
    cursor: Cursor
    made: Made = field(default_factory=list)

    def take(self, unfolded: Unfolded) -> None:
        """Append the result of a step."""
        self.made += unfolded.made
        self.cursor = unfolded.cursor

    def fail(self) -> None:
        """Stop checking the shapes of this tower."""
        self.cursor = self.cursor.error()


def group(walk: Walk, unit: ast.Towers, scope: Scope, cursor: Cursor) -> Unfolded:
    """Unfold the towers of a group, each step in all of them before the next step. The result is a bundle."""
    names = walk.evaluator.label_texts(unit.name, scope, cursor)
    places = devices_of(walk, unit.place, scope, cursor) if unit.place else []
    if names is None:
        return stopped(cursor)
    if not names:
        help = "write a range whose end is not below its start, such as `tower{0..1}`"
        walk.problems.report(codes.BAD_NAME, unit.name.span, "this range is empty, so there are no towers", help=help)
        return stopped(cursor)
    is_placed = places is not None and _fits_places(walk, unit, len(names), places)
    entries = _entries(walk, unit, cursor, len(names)) if is_placed else None
    towers = [
        _tower(walk, unit, scope, cursor, ast.Name(name, unit.name.span), number, places or [])
        for number, name in enumerate(names)
    ]
    for tower, entry in zip(towers, entries or (), strict=False):
        tower.entry = entry
        tower.cursor = tower.cursor.at(entry)
    # Towers on several devices unfold step by step, so that all devices have work.
    inline = _run(walk, unit.body, towers, [tower.scope for tower in towers]) or len(set(places or ())) > 1
    return _joined(walk, unit, towers, cursor, inline=inline)


def _joined(walk: Walk, unit: ast.Towers, towers: list[_Tower], cursor: Cursor, *, inline: bool) -> Unfolded:
    """Return the containers of the towers, and the bundle of their outputs."""
    ends: list[Tensor] = []
    made: Made = []
    for tower in towers:
        end = single(walk, tower.cursor, unit.span)
        if end is None or not isinstance(tower.entry, Tensor):
            continue
        ends.append(end)
        if tower.made:
            made.append(
                Container(
                    tower.scope.path, ChildNaming.NAMED, tuple(tower.made), unit.span, tower.entry.source,
                    tower.entry.shape, end.source, end.shape, inline=inline, tower=tower.cursor.tower,
                )
            )  # fmt: skip
    if len(ends) < len(towers):
        return stopped(cursor)
    return Unfolded(made, cursor.at(Bundle(tuple(ends))))


def _entries(walk: Walk, unit: ast.Towers, cursor: Cursor, count: int) -> Sequence[Tensor] | None:
    """Return the input of each tower: its tensor of the bundle, or the one stream; None after a mistake."""
    stream = cursor.stream
    if isinstance(stream, Tensor):
        return (stream,) * count
    if not isinstance(stream, Bundle):
        return None
    if len(stream.tensors) == count:
        return stream.tensors
    label = f"{len(stream.tensors)} streams flow here, and there are {count} names"
    walk.problems.report(codes.SEVERAL_STREAMS, unit.name.span, label, help="give as many names as streams")
    return None


def _fits_places(walk: Walk, unit: ast.Towers, count: int, places: list[str]) -> bool:
    if not places or len(places) == count or len(places) == 1:
        return True
    assert unit.place is not None
    label = f"{len(places)} devices for {count} streams"
    walk.problems.report(codes.NO_SUCH_DEVICE, unit.place.span, label, help="give one device, or one for each stream")
    return False


def _tower(
    walk: Walk, unit: ast.Towers, scope: Scope, cursor: Cursor, name: ast.Name, number: int, places: list[str]
) -> _Tower:
    path = (*scope.path, child_name(walk.problems, name, name.text, scope.children, counts=False))
    children = Children(numbered=False, labels=labels(unit.body, scope.blocks), outer=scope.children)
    device = places[number % len(places)] if places else cursor.device
    inner = scope.with_values({"tower": number}).within(path, children)
    return _Tower(inner, ERROR, Cursor(ERROR, device, number))


def _run(walk: Walk, body: tuple[ast.Statement, ...], towers: list[_Tower], scopes: list[Scope]) -> bool:
    """Unfold statements in all towers, each in its scope; return whether the towers exchanged their streams."""
    exchanged = False
    for number, statement in enumerate(body):
        match _with_exchange(statement):
            case None:
                below = body[number + 1 :] if isinstance(statement, ast.Set) else ()
                scopes = _each(walk, statement, towers, scopes, below)
            case ast.Chain() as chain:
                exchanged = _chain(walk, chain, towers, scopes) or exchanged
            case ast.For() as loop:
                exchanged = _for(walk, loop, towers, scopes) or exchanged
            case ast.If() as choice:
                exchanged = _if(walk, choice, towers, scopes) or exchanged
            case other:
                assert_never(other)
    return exchanged


def _each(
    walk: Walk,
    statement: ast.Statement,
    towers: list[_Tower],
    scopes: list[Scope],
    below: tuple[ast.Statement, ...] = (),
) -> list[Scope]:
    """Unfold a statement in each tower, and return the scopes of the statements below it."""
    found = []
    for tower, scope in zip(towers, scopes, strict=True):
        inner, unfolded = walk.statement(statement, scope, tower.cursor, below)
        tower.take(unfolded)
        found.append(inner)
    return found


def _chain(walk: Walk, chain: ast.Chain, towers: list[_Tower], scopes: list[Scope]) -> bool:
    exchanged = False
    for step in chain.steps:
        if isinstance(step.unit, ast.Call) and _is_exchange(step) and callee(step.unit.name, scopes[0]) is None:
            exchanged = _exchange(walk, step, towers, scopes) or exchanged
        else:
            _each(walk, ast.Chain((step,), step.span), towers, scopes)
    return exchanged


def _for(walk: Walk, statement: ast.For, towers: list[_Tower], scopes: list[Scope]) -> bool:
    found = [
        control.bindings(walk, statement, scope, tower.cursor)
        for tower, scope in zip(towers, scopes, strict=True)
    ]  # fmt: skip
    rounds = _agreed(walk, statement.items.span, found, len, towers)
    exchanged = False
    with walk.budget.nested(statement.span):
        for values in zip(*rounds, strict=True) if rounds else ():
            walk.budget.count_idle(statement.span)
            inner = [scope.with_values(each) for scope, each in zip(scopes, values, strict=True)]
            exchanged = _run(walk, statement.body, towers, inner) or exchanged
    return exchanged


def _if(walk: Walk, statement: ast.If, towers: list[_Tower], scopes: list[Scope]) -> bool:
    found = [
        control.branch(walk, statement, scope, tower.cursor)
        for tower, scope in zip(towers, scopes, strict=True)
    ]  # fmt: skip
    branches = _agreed(walk, statement.test.span, found, id, towers)
    if not branches:
        return False
    with walk.budget.nested(statement.span):
        return _run(walk, branches[0], towers, scopes)


def _agreed(
    walk: Walk, span: Span, found: Iterable[_T | None], key: Callable[[_T], object], towers: list[_Tower]
) -> list[_T]:
    """Return the answers of all towers if they agree by `key`. Else all towers fail, after a report."""
    answers = [each for each in found if each is not None]
    if len(answers) == len(towers) and len({key(each) for each in answers}) == 1:
        return answers
    if len(answers) == len(towers):
        label = "this differs between the towers, which have to exchange together"
        help = "write it without `tower`, so that all towers exchange at the same steps"
        walk.problems.report(codes.MISPLACED, span, label, help=help)
    for tower in towers:
        tower.fail()
    return []


def _with_exchange(statement: ast.Statement) -> ast.Chain | ast.For | ast.If | None:
    """Return the statement if it contains an `exchange`, which all towers take together."""
    match statement:
        case ast.Chain():
            return statement if any(map(_is_exchange, statement.steps)) else None
        case ast.For() | ast.If():
            return statement if any(map(_with_exchange, bodies(statement))) else None
        case ast.Set() | ast.Assert() | ast.Broken() | ast.Input() | ast.Output() | ast.Devices():
            return None
        case _:
            assert_never(statement)


def _is_exchange(step: ast.Step) -> bool:
    return isinstance(step.unit, ast.Call) and step.unit.name.text == EXCHANGE


def _exchange(walk: Walk, step: ast.Step, towers: list[_Tower], scopes: list[Scope]) -> bool:
    """Replace the stream of each tower by the concatenation of all; return whether that happened."""
    call = step.unit
    assert isinstance(call, ast.Call)
    if call.args:
        label, help = f"`{EXCHANGE}` takes no arguments", f"write `{EXCHANGE}`"
        walk.problems.report(codes.TOO_MANY_ARGUMENTS, call.args[0].span, label, help=help)
    found = [repeats(walk, step, scope, tower.cursor) for tower, scope in zip(towers, scopes, strict=True)]
    rounds = _agreed(walk, step.span, found, lambda each: each.total, towers)
    for names in zip(*(each.each() for each in rounds), strict=True) if rounds else ():
        _exchange_once(walk, step, call, names, towers, scopes)
    if step.shape:
        for tower, scope in zip(towers, scopes, strict=True):
            diagnostics.check_shape(walk, step.shape, scope, tower.cursor)
    return bool(rounds and rounds[0].total)


def _exchange_once(
    walk: Walk,
    step: ast.Step,
    call: ast.Call,
    names: tuple[ast.Name | None, ...],
    towers: list[_Tower],
    scopes: list[Scope],
) -> None:
    streams = [single(walk, tower.cursor, call.span) for tower in towers]
    inputs = tuple(stream for stream in streams if stream is not None)
    bound = Bound(Concat(), call, {}, {})
    for label, tower, scope in zip(names, towers, scopes, strict=True):
        name = child_name(walk.problems, label, EXCHANGE, scope.children, counts=False)
        before = tower.cursor
        if len(inputs) < len(towers):
            tower.fail()
        else:
            tower.take(walk.place(bound, (*scope.path, name), inputs, scope, before, labelled=True))
        if label:
            enter_label(step, label, scope, tower.cursor, tower.made)


def misplaced_exchange(walk: Walk, call: ast.Call, cursor: Cursor) -> Unfolded:
    """Report an `exchange` that is not a statement of a group's body."""
    label = "this step is not in the body of a `group`"
    help = "write `exchange` as a step of a chain directly in a `group`; it gives every tower the streams of all"
    walk.problems.report(codes.MISPLACED, call.span, label, help=help)
    return stopped(cursor)
