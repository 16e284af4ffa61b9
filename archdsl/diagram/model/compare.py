"""A drawing of two models in one, in which added, removed and changed boxes are marked."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from archdsl.diagram import wording
from archdsl.diagram.model import facts
from archdsl.diagram.model.build import Look, build
from archdsl.diagram.model.detail import FULL, Detail
from archdsl.diagram.model.matching import renamed
from archdsl.diagram.model.outline import outlines
from archdsl.diagram.spec import Box, Cluster, Diagram, Direction, Edge, EdgeKind, Form, Member, boxes
from archdsl.ir.graph import CheckedGraph, Container, Path, dotted
from archdsl.passes.assign import assigned

# The operators of submodules: path, call and number of parameters.
_Step: TypeAlias = tuple[Path, str, int]
_Steps: TypeAlias = dict[Path, tuple[_Step, ...]]
# Above this number of boxes, submodules without common weights are closed, too.
_MOST = 60
_LOOK = Look()
_FOLDED = (Form.BLOCK, Form.OPERATOR, Form.PILL)
_WITHOUT_MARK = (Form.FORK, Form.TERMINAL, Form.STUB, Form.CONNECTOR)


def compared(
    old: CheckedGraph,
    new: CheckedGraph,
    *,
    look: Look = _LOOK,
    direction: Direction = "TB",
) -> Diagram:
    """Draw the new model with the removed parts of the old one; only submodules that differ are open."""
    old = renamed(old, new)
    olds, news = _containers(old.root), _containers(new.root)
    sides = ((old, olds, news), (new, news, olds))
    made = _merged(*(_one(graph, own, other, look, direction, frozenset()) for graph, own, other in sides))
    if len(made.boxes) <= _MOST:
        return made
    apart = frozenset(path for path, known in news.items() if path in olds and _is_apart(olds[path], known))
    return _merged(*(_one(graph, own, other, look, direction, apart) for graph, own, other in sides))


def _is_apart(old: tuple[_Step, ...], new: tuple[_Step, ...]) -> bool:
    """Return whether two submodules have no weighted layer in common."""
    known = {step for step in old if step[-1]}
    return not any(step in known for step in new)


def _one(
    graph: CheckedGraph, own: _Steps, other: _Steps, look: Look, direction: Direction, apart: frozenset[Path]
) -> Diagram:
    """Draw one of the two models; submodules are closed that the other model has unchanged, or does not have."""
    # Towers stay open: exchanges between closed ones would make a cycle.
    towers = {child.path for child in graph.root.children if isinstance(child, Container) and child.inline}
    closed = {path for path, known in own.items() if path not in other or known == other[path]}
    closed = (closed | apart) - towers
    # Only the outermost ones need to be closed.
    outer = [path for path in closed if not any(path[:length] in closed for length in range(1, len(path)))]
    detail = Detail(depth=FULL, fold=False, collapse=tuple(sorted(map(dotted, outer))))
    graph = assigned(graph)
    outline = next(outlines(graph, detail))
    return build(graph, outline, look=look, direction=direction, fields=facts.receptive_fields(graph))


def _containers(container: Container) -> _Steps:
    """Return the operators of each submodule, by the path of the submodule; sizes of tensors are not compared."""
    found: _Steps = {}
    for child in container.children:
        if isinstance(child, Container):
            steps = ((node.path, wording.called(node.op), node.params) for node in child.nodes())
            found[child.path] = tuple(steps)
            found |= _containers(child)
    return found


def _merged(old: Diagram, new: Diagram) -> Diagram:
    before = {box.id: box for box in old.boxes}
    after = {box.id for box in new.boxes}
    members = _together(old.members, new.members, before, after)
    edges = (*_marked(new.edges, old.edges, EdgeKind.ADDED), *_only(old.edges, new.edges))
    marks = [box.mark for box in boxes(members)]
    counts = [f"{marks.count(mark)} {mark}" for mark in ("added", "removed", "changed") if mark in marks]
    after_counts = (*new.counts, *filter(None, (new.axes,)))
    caption = f"{' · '.join(old.counts)}  →  {' · '.join(after_counts)}" if new.caption else ""
    found = ", ".join(counts) or "nothing differs"
    members, edges = _folded(members, edges)
    return replace(
        new,
        name=f"{old.name} → {new.name}",
        members=members,
        edges=edges,
        devices=tuple(dict.fromkeys((*new.devices, *old.devices))),
        caption=(caption, found) if caption else (),
        description=f"{old.description} Compared with it: {new.description} Boxes: {found}.",
        edge_kinds=tuple(kind for kind in EdgeKind if kind in {edge.kind for edge in edges}) if new.caption else (),
    )


def _folded(members: tuple[Member, ...], edges: tuple[Edge, ...]) -> tuple[tuple[Member, ...], tuple[Edge, ...]]:
    """Fold consecutive equal boxes that were added or removed into one box with a count."""
    readers: dict[str, set[str]] = defaultdict(set)
    sources: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        readers[edge.source].add(edge.target)
        sources[edge.target].add(edge.source)
    first: dict[str, str] = {}
    tooltips: dict[str, str] = {}

    def inside(some: tuple[Member, ...]) -> tuple[Member, ...]:
        made: list[Member] = []
        last = ""
        for member in some:
            top = made[-1] if made else None
            follows = readers[last] == {member.id} and sources[member.id] == {last}
            if isinstance(top, Box) and isinstance(member, Box) and follows and _is_same(top, member):
                first[member.id] = top.id
                own = tooltips.setdefault(top.id, top.tooltip)
                more = f" | the first of {top.count + 1}, the last is {member.id}"
                made[-1] = replace(top, count=top.count + 1, tooltip=own + more)
            else:
                made.append(member if isinstance(member, Box) else replace(member, members=inside(member.members)))
            last = member.id
        return tuple(_each(member) if member.id in first.values() else member for member in made)

    found = inside(members)
    kept = (replace(edge, source=first.get(edge.source, edge.source)) for edge in edges if edge.target not in first)
    return found, tuple(kept)


def _is_same(one: Box, other: Box) -> bool:
    """Return whether two added, or two removed, boxes differ only in their names."""
    said = [(box.mark, box.form, box.lines, box.tags, box.kind, box.does[1:]) for box in (one, other)]
    return one.mark in ("added", "removed") and one.form in _FOLDED and said[0] == said[1] and other.count == 1


def _each(member: Member) -> Member:
    """Add `each` to the sizes of a box with a count."""
    if not isinstance(member, Box) or not member.lines:
        return member
    return replace(member, lines=(*member.lines[:-1], f"{member.lines[-1]} each"))


def _together(
    old: tuple[Member, ...], new: tuple[Member, ...], before: dict[str, Box], after: set[str]
) -> tuple[Member, ...]:
    """Insert the members of the old drawing that the new one does not have, each after its predecessor."""
    known = {member.id: member for member in old}
    made: list[Member] = []
    for member in new:
        if isinstance(member, Box):
            made.append(_with_mark(member, before))
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


def _with_mark(box: Box, before: dict[str, Box]) -> Box:
    was = before.get(box.id)
    if was is None:
        return box if box.form is Form.FORK else replace(box, mark="added")
    if box.form in _WITHOUT_MARK or _compared(box) == _compared(was):
        return box
    return replace(box, mark="changed", lines=(*box.lines, f"before: {_difference(was, box)}"))


def _difference(was: Box, box: Box) -> str:
    """Return the old properties of a changed box: its title and tags, else its small lines, else its facts."""
    tags, others = ([tag.text for tag in each.tags] for each in (was, box))
    gone = [tag for tag in tags if tag not in others]
    words = [was.title] if was.title != box.title else []
    words += gone or [f"no {tag}" for tag in others if tag not in tags]
    if not words and tags != others:
        words = tags
    words = words or [line for line in was.lines if line not in box.lines]
    words = words or [segment for segment in was.segments if segment not in box.segments]
    words = words or [fact for fact in _does(was) if fact not in _does(box)]
    words = words or [f"×{was.count}"] * (was.count != box.count)
    return " · ".join(words) or "other settings"


def _compared(box: Box) -> tuple[object, ...]:
    """Return the compared properties of a box, without its source line and receptive field."""
    return (box.form, box.title, box.lines, box.tags, box.segments, _does(box))


def _does(box: Box) -> tuple[str, ...]:
    """Return the facts of a box without the paths of its operators."""
    return tuple(fact.partition(": ")[2] or fact for fact in box.does)


def _gone(member: Member, after: set[str]) -> Member | None:
    if isinstance(member, Box):
        if member.id in after:
            return None
        return replace(member, mark="removed", group="", rank=None)
    inner = tuple(gone for each in member.members if (gone := _gone(each, after)))
    return replace(member, members=inner) if inner else None


def _marked(edges: tuple[Edge, ...], others: tuple[Edge, ...], kind: EdgeKind) -> Iterator[Edge]:
    known = {edge.id for edge in others}
    for edge in edges:
        yield replace(edge, kind=kind) if edge.kind is EdgeKind.DATA and edge.id not in known else edge


def _only(edges: tuple[Edge, ...], others: tuple[Edge, ...]) -> Iterator[Edge]:
    known = {edge.id for edge in others}
    yield from (replace(edge, kind=EdgeKind.REMOVED, segment=None) for edge in edges if edge.id not in known)
