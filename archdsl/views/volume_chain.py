"""The order of the tensors in a figure, and their connections: an arrow leads to a tensor from the one before it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from archdsl.base.shape import Shape
from archdsl.diagram import wording
from archdsl.ir.graph import CheckedGraph, Input, Node, Path, dotted, only_in_training
from archdsl.ir.order import in_order
from archdsl.ops.base import Trait
from archdsl.views.resolution_stages import block_parts


@dataclass(frozen=True, slots=True)
class Volume:
    """A tensor with the steps that compute it, or `count` consecutive ones of the same shape and steps.

    `begins` says that it does not read the tensor before it; `is_line` that its shape is channels by length.
    """

    id: str
    family: str
    title: str
    steps: tuple[str, ...]
    shape: Shape
    facts: str
    count: int = 1
    begins: bool = False
    is_line: bool = False

    @property
    def is_map(self) -> bool:
        """Whether it is a feature map of more than one pixel."""
        return self.shape.rank > 2 and self.shape.volume > self.shape.channels

    @property
    def is_sequence(self) -> bool:
        """Whether its shape is length by features."""
        return self.shape.rank == 2 and not self.is_line

    @property
    def name(self) -> str:
        """The text that refers to it: its title, or its path."""
        return self.title or self.id

    @property
    def label(self) -> str:
        """The shape as text; a map of one pixel is a vector."""
        return wording.sizes(self.shape) if self.is_map or self.shape.rank == 2 else str(int(self.shape.volume))


class Connected(NamedTuple):
    """The tensors of a figure in order, and the number of connections that it omits."""

    volumes: tuple[Volume, ...]
    skips: int


@dataclass(slots=True, eq=False)
class Join:
    """A step that reads several values.

    Attributes:
        tensors: The drawn tensors that these values come from, without the last one in the order of execution.
        readers: The drawn tensors that read the result of the step; empty text for another `Join`.
    """

    tensors: set[str]
    readers: set[str] = field(default_factory=set)


def connect(
    inputs: list[Volume], volumes: list[Volume], sources: Mapping[str, frozenset[str]], joins: list[Join]
) -> Connected:
    """Return all tensors in drawing order, with the connections that no arrow shows.

    An arrow leads to each tensor from the one before it. A tensor that does not read the one before it begins a row
    that names what it reads. A tensor that ends a row is named where it is read. Other connections skip tensors;
    each is counted once, at the step where it ends.

    Args:
        inputs: The inputs of the model.
        volumes: The other tensors, in the order of execution.
        sources: The ids of the drawn tensors that each drawn tensor reads.
        joins: The steps where connections end.
    """
    ordered = _with_inputs(inputs, volumes, sources)
    following = {one.id: other.id for one, other in pairwise(ordered)}
    names = {each.id: each.name for each in ordered}
    ends_row = {one for one, other in following.items() if one not in sources.get(other, ())}
    made: list[Volume] = []
    for number, volume in enumerate(ordered):
        if volume.family == "io":
            made.append(replace(volume, begins=number > 0 and ordered[number - 1].family != "io"))
            continue
        read = [each.id for each in ordered if each.id in sources[volume.id]]
        before = ordered[number - 1].id
        if before not in read:
            text = f"from {' and '.join(names[each] for each in read)}"
            made.append(replace(volume, steps=(text, *volume.steps), begins=True))
            continue
        ended = [each for each in read if each != before and each in ends_row]
        steps = (f"with {' and '.join(names[each] for each in ended)}", *volume.steps) if ended else volume.steps
        made.append(replace(volume, steps=steps))
    begun = {each.id for each in made if each.begins}
    skips = [join.tensors - ends_row for join in joins if not join.readers or join.readers - begun]
    return Connected(tuple(made), sum(map(len, skips)))


def _with_inputs(
    inputs: list[Volume], volumes: list[Volume], sources: Mapping[str, frozenset[str]]
) -> tuple[Volume, ...]:
    """Insert the inputs: each further one before the tensor that begins with it, or at the beginning."""
    first, *others = inputs
    made = [first, *volumes]
    for given in others:
        reader = next((n for n, each in enumerate(made) if given.id in sources.get(each.id, ())), 0)
        begins = reader > 0 and made[reader - 1].id not in sources[made[reader].id]
        made.insert(reader if begins else 0, given)
    return tuple(made)


def drawn_sources(graph: CheckedGraph) -> dict[str, frozenset[str]]:
    """Return the ids of the drawn tensors that each one reads, directly or through steps that are not drawn."""
    owners = _owners(graph)
    left_out = only_in_training(graph.graph)
    made: dict[Path, frozenset[str]] = {given.path: frozenset((input_id(given),)) for given in graph.inputs}
    read: dict[str, frozenset[str]] = {}
    for node in in_order(graph.nodes):
        sources = frozenset[str]().union(*(made[source] for source in node.sources))
        owner = owners.get(node.path)
        made[node.path] = sources if owner is None else frozenset((owner,))
        if owner is not None and node.path not in left_out:
            read[owner] = read.get(owner, frozenset()) | sources - {owner}
    return read


def input_id(given: Input) -> str:
    """Return the id of the tensor of an input."""
    return f"input-{given.name}"


def _owners(graph: CheckedGraph) -> dict[Path, str]:
    """Return the id of the drawn tensor that each operator helps to compute, for those that are drawn."""
    return {
        node.path: dotted(part.path)
        for part in block_parts(graph)
        for node in ([part] if isinstance(part, Node) else part.nodes())
    }


def joins_of(graph: CheckedGraph) -> list[Join]:
    """Return the steps that read values of several drawn tensors: steps that are not drawn, and drawn tensors."""
    owners = _owners(graph)
    left_out = only_in_training(graph.graph)
    # Further inputs are drawn before the first one.
    ids = dict.fromkeys([*map(input_id, reversed(graph.inputs)), *owners.values()])
    places = {each: number for number, each in enumerate(ids)}
    # The last drawn tensor that each value comes from, and the joins that made it.
    last = {given.path: input_id(given) for given in graph.inputs}
    made_by: dict[Path, list[Join]] = {}
    drawn: dict[str, Join] = {}
    found: list[Join] = []
    for node in in_order(graph.nodes):
        owner = owners.get(node.path)
        read = {last[source] for source in node.sources} - {owner}
        latest = max(read, key=places.__getitem__, default=owner)
        last[node.path] = owner or latest or ""
        if node.path in left_out:
            continue
        before = list(dict.fromkeys(join for source in node.sources for join in made_by.get(source, ())))
        if owner is not None:
            drawn.setdefault(owner, Join(set(), {owner})).tensors.update(read)
        elif len(read) > 1:
            found.append(Join(read - {latest}))
            made_by[node.path] = [found[-1]]
        else:
            made_by[node.path] = before
            continue
        for join in before:
            join.readers.add(owner or "")
    for join in drawn.values():
        join.tensors.discard(max(join.tensors, key=places.__getitem__, default=""))
    return [*found, *drawn.values()]


def lines_of(graph: CheckedGraph) -> frozenset[Path]:
    """Return the values whose two axes are channels and length, as convolutions read them.

    A convolution makes and reads such values, a layer of the family `linear` makes and reads sequences. Other operators
    keep the order of the axes unless they exchange them.
    """
    nodes = [node for node in in_order(graph.nodes) if 2 in (node.shape.rank, *(each.rank for each in node.inputs))]
    found: dict[Path, bool] = {}
    for node in nodes:
        kind = _decides(node)
        if kind is None and _keeps_axes(node):
            kind = found.get(node.sources[0])
        if kind is not None and node.shape.rank == 2:
            found[node.path] = kind
    for node in reversed(nodes):
        kind = _decides(node)
        if kind is None and _keeps_axes(node):
            kind = found.get(node.path)
        if kind is not None:
            for source in _of_rank_two(node):
                found.setdefault(source, kind)
    return frozenset(path for path, is_line in found.items() if is_line)


def _decides(node: Node) -> bool | None:
    if Trait.SLIDES in node.op.traits:
        return True
    return False if node.op.family == "linear" else None


def _keeps_axes(node: Node) -> bool:
    before, after = node.input.plain().dims, node.shape.plain().dims
    return len(before) == len(after) == 2 and (before == after or before != after[::-1])


def _of_rank_two(node: Node) -> Iterator[Path]:
    return (source for source, shape in zip(node.sources, node.inputs, strict=True) if shape.rank == 2)
