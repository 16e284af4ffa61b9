"""`share @label`: a module is applied once more, with the weights that it has."""

from dataclasses import replace
from typing import TYPE_CHECKING

from archdsl.diag import codes
from archdsl.diag.model import Label
from archdsl.elaborate.scopes import Children, Labelled, Site
from archdsl.ir.graph import Container, Node
from archdsl.ops.base import Merge
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.elaborate.steps import Made, Steps


def share(steps: "Steps", unit: ast.Share, site: Site) -> "Made":
    """Return the second use of a module: its operators again, which have no weights of their own."""
    found = _module(steps, unit, site)
    if found is None or found.child is None or found.step is None or found.site is None:
        steps.names.hole = True
        return []
    steps.names.referred.add(found.child.path[-1])
    name = _next(site.children, found.child.path[-1])
    values, steps.names.values = steps.names.values, dict(found.values)
    children = Children(numbered=False, outer=site.children, fixed=name)
    again = steps.unit(found.step, None, Site(found.site.path, children, found.site.defaults))
    steps.names.values = values
    if steps.names.hole or len(again) != 1:
        return []
    if not _fits(steps, unit, found.child, again[0]):
        steps.names.hole = True
        return []
    return [_sharing(again[0], found.child)]


def _next(children: Children, label: str) -> str:
    count = 2
    while f"{label}@{count}" in children.shared:
        count += 1
    children.shared.add(f"{label}@{count}")
    return f"{label}@{count}"


def _module(steps: "Steps", unit: ast.Share, site: Site) -> Labelled | None:
    """Return what is shared, or None after reporting why it cannot be."""
    texts = steps.evaluator.label_texts(unit.reference.label)
    if texts is None or steps.evaluator.value(unit.reference) is None:
        return None
    found = site.children.find(texts[0])
    if found is None:
        return None
    is_merge = isinstance(found.child, Node) and isinstance(found.child.op, Merge)
    if found.child is None or is_merge or found.site is None or found.site.path != site.path:
        label = "only a submodule of the same body can be applied once more"
        help = "label the operator, block, `{ … }` or `[ … ]` that is to be shared"
        steps.problems.report(codes.SHARE_DIFFERS, unit.span, label, help=help)
        return None
    return found


def _fits(steps: "Steps", unit: ast.Share, first: Node | Container, again: Node | Container) -> bool:
    """Whether the module of the first use serves the second one."""
    pairs = list(zip(_nodes(first), _nodes(again), strict=False))
    if len(_nodes(first)) != len(_nodes(again)) or any(type(one.op) is not type(other.op) for one, other in pairs):
        label = f"what comes in here, {again.input}, would make another module of it than {first.input} did"
        steps.problems.report(codes.SHARE_DIFFERS, unit.span, label)
        return False
    for one, other in pairs:
        if one.emission != other.emission:
            what = "its weights were" if one.params else "it was"
            label = f"{what} made for {one.input}, and {other.input} comes in"
            secondary = (Label(one.span, f"made here, for {one.input}"),)
            steps.problems.report(codes.SHARE_DIFFERS, unit.span, label, secondary=secondary)
            return False
    if not _takes_as_many(pairs):
        label = "one stream came in both as the stream and by its label in one use, and two come in in the other"
        help = "make a block of it that takes the second stream as an argument"
        steps.problems.report(codes.SHARE_DIFFERS, unit.span, label, help=help)
        return False
    return True


def _takes_as_many(pairs: list[tuple[Node, Node]]) -> bool:
    """Whether what comes in from outside in the first use and in the second go to each other one by one."""
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
    """Return the second use as one that has no weights of its own."""
    weights = first.weights or first.path
    if isinstance(again, Node) or isinstance(first, Node):
        return replace(again, weights=weights)
    pairs = zip(again.children, first.children, strict=True)
    return replace(again, weights=weights, children=tuple(_sharing(one, other) for one, other in pairs))
