"""Where the parts of a module are made, and what tells at run time where they are."""

from collections.abc import Iterator

from archdsl.base.pyexpr import Expr, Ref, call
from archdsl.emit.classes import ON
from archdsl.emit.draft import ClassDraft
from archdsl.ir.graph import Container, CountedGraph, Node
from archdsl.ops.base import Submodule
from archdsl.passes.moves import devices_of


class Placing:
    """The devices of the submodules of a graph."""

    def __init__(self, graph: CountedGraph) -> None:
        self._declared = bool(graph.devices)

    def spans(self, container: Container) -> bool:
        """Whether the class of a container is told of several devices; that of a placed model always is."""
        return len(devices_of(container)) > 1 or (self._declared and not container.path)

    def spread(self, child: Node | Container, owner: Container) -> tuple[str, ...]:
        """Return what a child is made with, in the class of its owner; nothing where it is told of all devices."""
        if not self.spans(owner):
            return ("factory",)
        device = _device(child)
        return (f'{ON}["{device}"]',) if device else ()

    def anchor(self, draft: ClassDraft, device: str) -> Expr:
        """Return what lies on a device: a submodule of a class that has weights there, else a buffer of its own."""
        found = next(_anchors(draft.container, device), None)
        if found is None:
            name = draft.anchors.setdefault(device, f"_{device}")
            return Ref(f"self.{name}")
        path = found.path[len(draft.container.path) :]
        if len(path) > 1:
            return call("self.get_submodule", ".".join(path))
        return Ref(f"self[{_position(draft, path[0])}]" if draft.is_numbered else f"self.{path[0]}")


def _device(part: Node | Container) -> str | None:
    if isinstance(part, Node):
        return part.device
    devices = devices_of(part)
    return next(iter(devices)) if len(devices) == 1 else None


def _anchors(container: Container, device: str) -> Iterator[Node | Container]:
    """Yield the parts of a submodule that have weights, all on a device: direct ones first."""
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
