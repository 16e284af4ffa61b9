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
        self._devices: dict[Path, frozenset[str]] = {}
        self._found: dict[tuple[Path, str], Node | Container | None] = {}

    def spans(self, container: Container) -> bool:
        """Return whether the class of a container takes several devices; that of a placed model always does."""
        return self._declared and (not container.path or len(self._of(container)) > 1)

    def spread(self, child: Node | Container, owner: Container) -> tuple[Expr, ...]:
        """Return the factory arguments of a child in the class of its owner; none if it takes those of all devices."""
        if not self.spans(owner):
            return (FACTORY,)
        device = self._device(child)
        return (Item(ON, device),) if device else ()

    def anchor(self, draft: ClassDraft, device: str) -> Expr:
        """Return an expression for a submodule with weights on a device, or for a buffer there if there is none."""
        key = (draft.container.path, device)
        if key not in self._found:
            self._found[key] = next(self._anchors(draft.container, device), None)
        found = self._found[key]
        if found is None:
            name = draft.anchors.setdefault(device, f"_{device}")
            return Attribute(_SELF, name)
        path = found.path[len(draft.container.path) :]
        if len(path) > 1:
            return call("self.get_submodule", ".".join(path))
        return Item(_SELF, draft.positions[path[0]]) if draft.is_numbered else Attribute(_SELF, path[0])

    def _of(self, container: Container) -> frozenset[str]:
        found = self._devices.get(container.path)
        if found is None:
            found = self._devices[container.path] = devices_of(container)
        return found

    def _device(self, part: Node | Container) -> str | None:
        if isinstance(part, Node):
            return part.device
        devices = self._of(part)
        return next(iter(devices)) if len(devices) == 1 else None

    def _anchors(self, container: Container, device: str) -> Iterator[Node | Container]:
        """Yield the submodules that have weights, all of them on one device; direct children first."""
        inside: list[Container] = []
        for child in container.children:
            if child.weights or child.optional:
                continue
            if self._device(child) == device and _has_weights(child):
                yield child
            elif isinstance(child, Container) and device in self._of(child):
                inside.append(child)
        for each in inside:
            yield from self._anchors(each, device)


def _has_weights(part: Node | Container) -> bool:
    if isinstance(part, Node):
        return part.params > 0 and isinstance(part.emission, Submodule)
    return part.params > 0
