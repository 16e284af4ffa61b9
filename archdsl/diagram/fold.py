"""Equal neighbours are drawn once, with a count: only where structure, widths and shapes are the same."""

from dataclasses import replace
from itertools import groupby

from archdsl.diagram.spec import Box, Cluster, Edge, Member, boxes

_Edges = tuple[Edge, ...]


def folded(members: tuple[Member, ...], edges: _Edges) -> tuple[tuple[Member, ...], _Edges]:
    """Return the drawing with every run of equal members replaced by its first one, innermost runs first."""
    made: list[Member] = []
    for member in members:
        if isinstance(member, Cluster):
            inner, edges = folded(member.members, edges)
            made.append(replace(member, members=inner))
        else:
            made.append(member)
    kept: list[Member] = []
    for _, run in groupby(made, key=_look):
        first, *others = run
        kept.append(_counted(first, others))
        edges = _rerouted(edges, first, others)
    return tuple(kept), edges


def _look(member: Member) -> Member:
    """Return a member without what is its own: two that are equal then look the same."""
    if isinstance(member, Box):
        return replace(member, id="", tooltip="", link=None)
    return replace(member, id="", tooltip="", link=None, title="", members=tuple(map(_look, member.members)))


def _counted(first: Member, others: list[Member]) -> Member:
    if not others:
        return first
    tooltip = f"{first.tooltip} | the first of {len(others) + 1}, the last is {others[-1].id}"
    detail = f"{first.detail} each" if first.detail else ""
    return replace(first, count=len(others) + 1, detail=detail, tooltip=tooltip)


def _rerouted(edges: _Edges, first: Member, others: list[Member]) -> _Edges:
    """Return the edges without those inside and between the others; what left the last one leaves the first."""
    if not others:
        return edges
    copies = [[box.id for box in boxes((member,))] for member in (first, *others)]
    place = {id: (copy, copies[0][number]) for copy, ids in enumerate(copies) for number, id in enumerate(ids)}
    kept = []
    for edge in edges:
        source, target = place.get(edge.source), place.get(edge.target)
        if source and target and (source[0], target[0]) != (0, 0):
            continue
        ends = {"source": source[1] if source else edge.source, "target": target[1] if target else edge.target}
        kept.append(replace(edge, **ends))
    return tuple(kept)
