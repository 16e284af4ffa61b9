"""`share @label`: a module is applied again, with its own weights."""

from dataclasses import replace

from archdsl.diag import codes
from archdsl.diag.model import Label
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.scopes import Children, Labelled, Scope
from archdsl.elaborate.values import ERROR
from archdsl.elaborate.walk import Unfolded, Walk, stopped
from archdsl.ir.graph import Container, Node
from archdsl.ops.base import Merge
from archdsl.syntax import ast


def share(walk: Walk, unit: ast.Share, scope: Scope, cursor: Cursor) -> Unfolded:
    """Unfold the second use of a module: its operators again, without weights of their own."""
    found = _module(walk, unit, scope, cursor)
    if found is None or found.child is None or found.step is None or found.scope is None:
        return stopped(cursor)
    scope.usage.referred.add(found.child.path[-1])
    name = _next(scope.children, found.child.path[-1])
    children = Children(numbered=False, outer=scope.children, fixed=name)
    again, after = walk.unit(found.step, None, found.scope.within(found.scope.path, children), cursor)
    if after.failed or len(again) != 1:
        return Unfolded([], after)
    if not _fits(walk, unit, found.child, again[0]):
        return stopped(after)
    return Unfolded([_sharing(again[0], found.child)], after)


def _next(children: Children, label: str) -> str:
    children.shared[label] += 1
    return f"{label}@{children.shared[label]}"


def _module(walk: Walk, unit: ast.Share, scope: Scope, cursor: Cursor) -> Labelled | None:
    """Return the step that is shared, or None after reporting why it cannot be."""
    texts = walk.evaluator.label_texts(unit.reference.label, scope, cursor)
    if texts is None or walk.evaluator.value(unit.reference, scope, cursor) is ERROR:
        return None
    found = scope.children.find(texts[0])
    if found is None:
        return None
    is_merge = isinstance(found.child, Node) and isinstance(found.child.op, Merge)
    if found.child is None or is_merge or found.scope is None or found.scope.path != scope.path:
        label = "only a submodule of the same body can be applied again"
        help = "label the operator, block, `{ … }` or `[ … ]` that is to be shared"
        walk.problems.report(codes.SHARE_DIFFERS, unit.span, label, help=help)
        return None
    return found


def _fits(walk: Walk, unit: ast.Share, first: Node | Container, again: Node | Container) -> bool:
    """Return whether the module of the first use serves the second one, and report it otherwise."""
    pairs = list(zip(_nodes(first), _nodes(again), strict=False))
    if len(_nodes(first)) != len(_nodes(again)) or any(type(one.op) is not type(other.op) for one, other in pairs):
        label = f"an input of {again.input} gives another module here than {first.input} did"
        walk.problems.report(codes.SHARE_DIFFERS, unit.span, label)
        return False
    for one, other in pairs:
        if one.emission != other.emission:
            what = "its weights were" if one.params else "it was"
            label = f"{what} made for {one.input}, and its input is {other.input} here"
            secondary = (Label(one.span, f"made here, for {one.input}"),)
            walk.problems.report(codes.SHARE_DIFFERS, unit.span, label, secondary=secondary)
            return False
    if not _takes_as_many(pairs):
        label = "its stream and the step that it refers to are one tensor in one use, and two tensors in the other"
        help = "make it a block that takes the second tensor as an argument"
        walk.problems.report(codes.SHARE_DIFFERS, unit.span, label, help=help)
        return False
    return True


def _takes_as_many(pairs: list[tuple[Node, Node]]) -> bool:
    """Return whether the inputs from outside correspond one to one in the first and the second use."""
    made = {one.path for one, _ in pairs}
    sources = {
        (source, again)
        for one, other in pairs
        for source, again in zip(one.sources, other.sources, strict=True)
        if source not in made
    }
    return len(sources) == len({source for source, _ in sources}) == len({again for _, again in sources})


def _nodes(part: Node | Container) -> list[Node]:
    return [part] if isinstance(part, Node) else list(part.nodes())


def _sharing(again: Node | Container, first: Node | Container) -> Node | Container:
    """Return the second use without weights of its own."""
    weights = first.weights or first.path
    if isinstance(again, Node) or isinstance(first, Node):
        return replace(again, weights=weights)
    pairs = zip(again.children, first.children, strict=True)
    return replace(again, weights=weights, children=tuple(_sharing(one, other) for one, other in pairs))
