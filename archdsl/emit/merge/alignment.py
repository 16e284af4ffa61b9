"""The steps of a container in several forms of a block, aligned by their names and origins."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from archdsl.emit.merge.samples import place_of
from archdsl.ir.graph import Container, Node


@dataclass(slots=True)
class Slot:
    """A step of a block: the children that it is in the forms that have it, by the number of the form."""

    key: Hashable
    children: dict[int, Node | Container] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in the first form that has it."""
        return next(iter(self.children.values())).path[-1]


def aligned(containers: Mapping[int, Container]) -> list[Slot]:
    """Return the steps of a container that some form has. What a form has more stands behind its neighbour."""
    slots: dict[Hashable, Slot] = {}
    order: list[Hashable] = []
    for form, container in containers.items():
        last = -1
        for key, child in _keyed(container):
            if key not in slots:
                slots[key] = Slot(key)
                order.insert(last + 1, key)
            last = order.index(key)
            slots[key].children[form] = child
    return [slots[key] for key in _in_order(order, containers.values())]


def _in_order(order: list[Hashable], containers: Iterable[Container]) -> list[Hashable]:
    """Return the keys of steps such that each form has its steps in this order; as they are, if there is none."""
    chains = [[key for key, _ in _keyed(each)] for each in containers]
    places = {key: number for number, key in enumerate(order)}
    after: dict[Hashable, set[Hashable]] = {key: set() for key in order}
    for chain in chains:
        for one, other in pairwise(chain):
            after[other].add(one)
    if all(places[one] < places[other] for other, before in after.items() for one in before):
        return order
    found: list[Hashable] = []
    left = dict.fromkeys(order)
    while ready := next((key for key in left if after[key].isdisjoint(left)), None):
        found.append(ready)
        del left[ready]
    return [*found, *left]


def _keyed(container: Container) -> list[tuple[Hashable, Node | Container]]:
    seen: Counter[Hashable] = Counter()
    found: list[tuple[Hashable, Node | Container]] = []
    for child in container.children:
        key = _key(child, container)
        found.append(((key, seen[key]), child))
        seen[key] += 1
    return found


def _key(child: Node | Container, container: Container) -> Hashable:
    name = child.path[-1]
    if is_label(child):
        return name
    place = place_of(child.origin, container.origin)
    if isinstance(child, Container):
        use = child.use
        return place, (use.span.source.name, use.span.start) if use else child.kind
    return place, argument_of(child, container) or child.op.name, len(child.sources)


def argument_of(child: Node | Container, container: Container) -> str:
    """Return the parameter of the block that names the operator of a step; empty if the source names it."""
    links = child.origin.up_to(container.origin) if child.origin else ()
    return next((link.argument for link in links if link.argument), "")


def is_label(child: Node | Container) -> bool:
    """Return whether the author chose the name of a step; others have a number, or the name of their operator."""
    name = child.path[-1].partition("@")[0]
    stem, _, number = name.rpartition("_")
    names = {name, stem} if number.isdigit() else {name}
    if name.isdigit():
        return False
    if isinstance(child, Node):
        return child.op.name not in names
    block = child.use.block.lower() if child.use else "layers"
    return all(each.replace("_", "").lower() != block.replace("_", "") for each in names)
