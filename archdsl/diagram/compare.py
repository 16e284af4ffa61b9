"""Two models in one drawing: what was added, what was removed, and what changed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from archdsl.diagram import wording
from archdsl.diagram.build import Look, diagram
from archdsl.diagram.detail import FULL, Detail
from archdsl.diagram.spec import Box, Cluster, Diagram, Direction, Edge, Form, Member, Way
from archdsl.ir import CheckedGraph, Container, Path, dotted

# What submodules do, by their paths.
_Steps: TypeAlias = dict[Path, tuple[object, ...]]
_LOOK = Look()
_ENDS = (Form.FORK, Form.TERMINAL, Form.STUB, Form.CONNECTOR)


def compared(
    old: CheckedGraph,
    new: CheckedGraph,
    *,
    look: Look = _LOOK,
    direction: Direction = "TB",
) -> Diagram:
    """Return the drawing of a model with what it was before; submodules that differ in part are open, others closed."""
    olds, news = _containers(old.root), _containers(new.root)
    sides = ((old, olds, news), (new, news, olds))
    made = [_one(graph, own, other, look, direction) for graph, own, other in sides]
    return _merged(*made)


def _one(graph: CheckedGraph, own: _Steps, other: _Steps, look: Look, direction: Direction) -> Diagram:
    """Return the drawing of one of both models, with what the other has as it is, or not at all, closed."""
    closed = {path for path, known in own.items() if path not in other or known == other[path]}
    # What stands in a closed one needs no closing.
    outer = [path for path in closed if not any(path[:length] in closed for length in range(1, len(path)))]
    detail = Detail(depth=FULL, fold=False, collapse=tuple(sorted(map(dotted, outer))))
    return diagram(graph, detail=detail, look=look, direction=direction, columns=1)


def _containers(container: Container) -> _Steps:
    """Return what the submodules do, by their paths."""
    found: _Steps = {}
    for child in container.children:
        if isinstance(child, Container):
            steps = ((node.path, wording.called(node.op), node.params, str(node.shape)) for node in child.nodes())
            found[child.path] = tuple(steps)
            found |= _containers(child)
    return found


def _merged(old: Diagram, new: Diagram) -> Diagram:
    before = {box.id: box for box in old.boxes}
    after = {box.id for box in new.boxes}
    members = _together(old.members, new.members, before, after)
    edges = (*_marked(new.edges, old.edges, Way.ADDED), *_only(old.edges, new.edges))
    marks = [box.mark for box in _boxes(members)]
    counts = [f"{marks.count(mark)} {mark}" for mark in ("added", "removed", "changed") if mark in marks]
    caption = f"{old.caption[0].partition(' · edge')[0]}  →  {new.caption[0]}" if new.caption else ""
    found = ", ".join(counts) or "nothing differs"
    return replace(
        new,
        name=f"{old.name} → {new.name}",
        members=members,
        edges=edges,
        caption=(caption, found) if caption else (),
        description=f"{old.description} Compared with it: {new.description} Boxes: {found}.",
        ways=tuple(way for way in Way if way in {edge.kind for edge in edges}) if new.caption else (),
    )


def _together(
    old: tuple[Member, ...], new: tuple[Member, ...], before: dict[str, Box], after: set[str]
) -> tuple[Member, ...]:
    """Return the members of the new drawing with those that only the old one has, each behind the one it followed."""
    known = {member.id: member for member in old}
    made: list[Member] = []
    for member in new:
        if isinstance(member, Box):
            made.append(_judged(member, before))
            continue
        was = known.get(member.id)
        inner = _together(was.members if isinstance(was, Cluster) else (), member.members, before, after)
        made.append(replace(member, members=inner))
    places = {member.id for member in made}
    follows: str | None = None
    for member in old:
        if member.id not in places and (gone := _gone(member, after)):
            place = next((n + 1 for n, each in enumerate(made) if each.id == follows), 0)
            made.insert(place, gone)
        follows = member.id
    return tuple(made)


def _judged(box: Box, before: dict[str, Box]) -> Box:
    was = before.get(box.id)
    if was is None:
        return box if box.form is Form.FORK else replace(box, mark="added")
    if box.form in _ENDS or _said(box) == _said(was):
        return box
    words = was.title if was.title != box.title else " · ".join(was.lines)
    return replace(box, mark="changed", lines=(*box.lines, f"before: {words}" if words else "before: other details"))


def _said(box: Box) -> tuple[object, ...]:
    """Return what is said of a box, but not where in the source it stands, nor what it sees through others."""
    return (box.form, box.title, box.lines, box.chips, box.segments, box.does)


def _gone(member: Member, after: set[str]) -> Member | None:
    if isinstance(member, Box):
        return None if member.id in after else replace(member, mark="removed", group="", rank=None)
    inner = tuple(gone for each in member.members if (gone := _gone(each, after)))
    return replace(member, members=inner) if inner else None


def _marked(edges: tuple[Edge, ...], others: tuple[Edge, ...], way: Way) -> Iterator[Edge]:
    known = {edge.id for edge in others}
    for edge in edges:
        yield replace(edge, kind=way) if edge.kind is Way.DATA and edge.id not in known else edge


def _only(edges: tuple[Edge, ...], others: tuple[Edge, ...]) -> Iterator[Edge]:
    known = {edge.id for edge in others}
    yield from (replace(edge, kind=Way.REMOVED, segment=None) for edge in edges if edge.id not in known)


def _boxes(members: tuple[Member, ...]) -> Iterator[Box]:
    for member in members:
        if isinstance(member, Box):
            yield member
        else:
            yield from _boxes(member.members)
