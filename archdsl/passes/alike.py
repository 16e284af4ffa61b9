"""Comparison of the towers of a group: they can be fused only if their steps are the same."""

from itertools import pairwise

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.base.symbolic import Compound, TracedFloat, polynomial
from archdsl.diag import codes
from archdsl.diag.model import Refusal
from archdsl.ir.graph import Container, Node, Path, dotted
from archdsl.ir.uses import Use
from archdsl.ops.argument_types import shown

_ALONE = "leave out --fuse-towers: the module with towers also runs on one device"


class CannotFuse(Refusal):
    """Towers cannot be fused."""

    def __init__(self, span: Span, words: str, advice: str = "") -> None:
        super().__init__(codes.TOWERS_NOT_FUSED, span, words, f"{advice}, or {_ALONE}" if advice else _ALONE)


def require_alike(row: "tuple[Node | Container, ...]") -> None:
    """Raise CannotFuse unless these parts, which have the same position in all towers, are the same."""
    for one, other in pairwise(row):
        words = _difference(one, other)
        if words:
            places = f"`{dotted(one.path)}` and `{dotted(other.path)}`"
            raise CannotFuse(one.span, f"{places} differ: {words}", "give all towers the same steps and sizes")


def _difference(one: "Node | Container", other: "Node | Container") -> str:
    """Return the first difference between two parts in words, an empty text if there is none."""
    if isinstance(one, Node) and isinstance(other, Node):
        return _of_nodes(one, other)
    if isinstance(one, Container) and isinstance(other, Container):
        return _of_containers(one, other)
    return "one is a step, the other a submodule"


def _of_nodes(one: Node, other: Node) -> str:
    if type(one.op) is not type(other.op):
        return f"one is {one.op.name}, the other {other.op.name}"
    for name, value in one.op.values.items():
        second = other.op.values[name]
        if _key(value) != _key(second):
            return f"{name} is {shown(value)} in one and {_second(value, second)} in the other"
    return _of_shapes((*one.inputs, one.shape), (*other.inputs, other.shape))


def _of_containers(one: Container, other: Container) -> str:
    if _signature(one.use) != _signature(other.use) or one.kind is not other.kind:
        return "they do not use the same block with the same arguments"
    if len(one.children) != len(other.children):
        return f"one has {len(one.children)} steps, the other {len(other.children)}"
    for first, second in zip(one.children, other.children, strict=True):
        if first.path[-1] != second.path[-1]:
            return f"{first.path[-1]} in one is {second.path[-1]} in the other"
    return ""


def _of_shapes(ones: tuple[Shape, ...], others: tuple[Shape, ...]) -> str:
    if len(ones) != len(others):
        return f"one has {len(ones) - 1} inputs, the other {len(others) - 1}"
    for first, second in zip(ones, others, strict=True):
        if _key(first.dims) != _key(second.dims):
            return f"{first} in one is {_second(first, second)} in the other"
    return ""


def _second(one: object, other: object) -> str:
    """Return the text of the second of two values, which may have the same number but another expression."""
    first, second = (shown(each) if not isinstance(each, Shape) else str(each) for each in (one, other))
    return second if first != second else f"{second}, computed from other parameters,"


def _signature(use: Use | None) -> object:
    """Return a key that is the same for two uses of one block with the same arguments."""
    if use is None:
        return None
    arguments = [(each.name, _key(each.value), _key(each.default)) for each in use.arguments]
    return (use.block, use.span.start, use.span.source.name, arguments, [name for name, _ in use.tensors])


def _key(value: object) -> object:
    """Return a key that is the same for two values that are equal and computed from the same parameters."""
    match value:
        case bool() | str() | None:
            return value
        case TracedFloat():
            return (value.trace, value.real)
        case int():
            return (int(value), polynomial(value))
        case Compound():
            return (type(value), _key(value.held()))
        case tuple() | list():
            return tuple(map(_key, value))
        case _:
            return value


def under(path: Path, container: Container) -> bool:
    """Return whether a path is that of a container or of a part of it."""
    return path[: len(container.path)] == container.path
