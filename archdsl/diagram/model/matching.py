"""Matching of two models: which steps of the old model correspond to steps of the new one."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TypeAlias

from archdsl.diagram.wording import called
from archdsl.ir.graph import CheckedGraph, Container, Node, Path

_Child: TypeAlias = Node | Container
# The suffix of an old step whose name the new model uses for another step; no label has a dash.
BEFORE = "-before"
_OWN_NAMES = ("merge", "other")


def renamed(old: CheckedGraph, new: CheckedGraph) -> CheckedGraph:
    """Return the old model with the new paths of all submodules and operators that correspond to one of the new model.

    Steps correspond if they have the same name; between these, if they have the same call, operator or family, in
    this order of preference and in the order of execution.
    """
    names = {one.path: other.path for one, other in zip(old.inputs, new.inputs, strict=False)}
    names |= _names(old.root, new.root, ())
    inputs = tuple(replace(given, name=names.get(given.path, given.path)[1]) for given in old.inputs)
    outputs = tuple(replace(output, path=names.get(output.path, output.path)) for output in old.graph.outputs)
    root = _container(old.root, names)
    return replace(old, graph=replace(old.graph, inputs=inputs, outputs=outputs, root=root))


def _names(old: Container, new: Container | None, place: Path) -> dict[Path, Path]:
    """Return the new path of each step in the old container, by its old path; `place` is the container's new path."""
    others = new.children if new else ()
    same = {id(one): other for one, other in _aligned(old.children, others, _KEYS)}
    taken = {child.path[-1] for child in others}
    found: dict[Path, Path] = {}
    for child in old.children:
        other, name = same.get(id(child)), child.path[-1]
        path = other.path if other else (*place, name + BEFORE * (name in taken))
        found[child.path] = path
        if isinstance(child, Container):
            found |= _names(child, other if isinstance(other, Container) else None, path)
    return found


def _aligned(
    olds: Sequence[_Child], news: Sequence[_Child], keys: Sequence[Callable[[_Child], Hashable]]
) -> Iterator[tuple[_Child, _Child]]:
    """Yield pairs with equal keys in the order of both sequences, and between them pairs that agree in the next key."""
    if not (olds and news and keys):
        return
    first, *others = keys
    matcher = SequenceMatcher(None, list(map(first, olds)), list(map(first, news)), autojunk=False)
    for tag, start, end, low, high in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(olds[start:end], news[low:high], strict=True)
        else:
            yield from _aligned(olds[start:end], news[low:high], others)


def _is_named(child: _Child) -> bool:
    return not child.path[-1].isdigit() and (isinstance(child, Container) or child.labelled)


def _name(child: _Child) -> Hashable:
    """Return the name that the author gave, or a unique key."""
    return (type(child), child.path[-1]) if _is_named(child) else id(child)


def _call(child: _Child) -> Hashable:
    if _is_named(child):
        return id(child)
    if isinstance(child, Node):
        return (called(child.op), child.params)
    return (_block(child), *((called(node.op), node.params) for node in child.nodes()))


def _operator(child: _Child) -> Hashable:
    if _is_named(child):
        return id(child)
    return child.op.name if isinstance(child, Node) else (_block(child),)


def _family(child: _Child) -> Hashable:
    if _is_named(child):
        return id(child)
    if isinstance(child, Container):
        return Container
    return child.op.name if child.op.family in _OWN_NAMES else child.op.family


def _block(container: Container) -> str | None:
    return container.use.block if container.use else None


_KEYS = (_name, _call, _operator, _family)


def _container(part: Container, names: dict[Path, Path]) -> Container:
    children = tuple(
        _node(child, names) if isinstance(child, Node) else _container(child, names) for child in part.children
    )
    path, source, output = (names.get(each, each) for each in (part.path, part.source, part.output))
    weights = names.get(part.weights, part.weights) if part.weights else None
    return replace(part, children=children, path=path, source=source, output=output, weights=weights)


def _node(node: Node, names: dict[Path, Path]) -> Node:
    sources = tuple(names.get(source, source) for source in node.sources)
    weights = names.get(node.weights, node.weights) if node.weights else None
    return replace(node, path=names[node.path], sources=sources, weights=weights)
