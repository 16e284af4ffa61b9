"""The devices on which submodules are created, and how the module finds them at run time."""

from collections.abc import Iterator

from archdsl.base.pyexpr import Attribute, Expr, Item, Ref, call
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.classes import FACTORY, ON
from archdsl.ir.graph import Container, CountedGraph, Node, Path
from archdsl.ops.base import Submodule
from archdsl.passes.moves import devices_of

_SELF = Ref("self")


class Placing:
    """The devices of the submodules of a graph."""

    def __init__(self, graph: CountedGraph) -> None:
        self._declared = bool(graph.devices)
        self._spans: dict[Path, bool] = {}

    def spans(self, container: Container) -> bool:
        """Return whether the class of a container takes several devices; that of a placed model always does."""
        found = self._spans.get(container.path)
        if found is None:
            several = self._declared and (not container.path or len(devices_of(container)) > 1)
            found = self._spans[container.path] = several
        return found

    def spread(self, child: Node | Container, owner: Container) -> tuple[Expr, ...]:
        """Return the factory arguments of a child in the class of its owner; none if it takes those of all devices."""
        if not self.spans(owner):
            return (FACTORY,)
        device = _device(child)
        return (Item(ON, device),) if device else ()

    def anchor(self, draft: ClassDraft, device: str) -> Expr:
        """Return an expression for a submodule with weights on a device, or for a buffer there if there is none."""
        found = next(_anchors(draft.container, device), None)
        if found is None:
            name = draft.anchors.setdefault(device, f"_{device}")
            return Attribute(_SELF, name)
        path = found.path[len(draft.container.path) :]
        if len(path) > 1:
            return call("self.get_submodule", ".".join(path))
        return Item(_SELF, _position(draft, path[0])) if draft.is_numbered else Attribute(_SELF, path[0])


def _device(part: Node | Container) -> str | None:
    if isinstance(part, Node):
        return part.device
    devices = devices_of(part)
    return next(iter(devices)) if len(devices) == 1 else None


def _anchors(container: Container, device: str) -> Iterator[Node | Container]:
    """Yield the submodules that have weights, all of them on one device; direct children first."""
    inside: list[Container] = []
    for child in container.children:
        if child.weights or child.optional:
            continue
        if _device(child) == device and _has_weights(child):
            yield child
        elif isinstance(child, Container) and device in devices_of(child):
            inside.append(child)
    for each in inside:
        yield from _anchors(each, device)


def _has_weights(part: Node | Container) -> bool:
    if isinstance(part, Node):
        return part.params > 0 and isinstance(part.emission, Submodule)
    return part.params > 0


def _position(draft: ClassDraft, name: str) -> int:
    return [entry.name for entry in draft.entries].index(name)
