"""The level of detail of a drawing: its depth, and the submodules that are opened, closed or drawn alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from archdsl.ir.graph import Container, Path, dotted

# Deeper than any nesting.
FULL = 1_000_000


class NoSuchPart(ValueError):
    """The model has no submodule of this name; `help` suggests existing names."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"the model has no submodule `{name}`")
        near = get_close_matches(name, known, n=1)
        some = ", ".join(known[:5])
        self.help = f"did you mean `{near[0]}`?" if near else f"it has {some}" if some else "it has none"


@dataclass(frozen=True, slots=True)
class Detail:
    """Options for the level of detail.

    Attributes:
        depth: The number of levels of submodules to open: 0 draws one box, `FULL` every operator. None opens as many
            levels as fit on a page.
        fold: Whether to draw equal neighbours once. None does so where the model does not fit on a page.
        expand: Names of submodules or blocks to open at any depth.
        collapse: Names of submodules or blocks to close at any depth.
        only: The name of the one submodule to draw.
    """

    depth: int | None = None
    fold: bool | None = None
    expand: tuple[str, ...] = ()
    collapse: tuple[str, ...] = ()
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Focus:
    """The submodules that a `Detail` names; `around` has the opened ones and all submodules around named ones."""

    root: Container
    opened: frozenset[Path] = frozenset()
    closed: frozenset[Path] = frozenset()
    around: frozenset[Path] = field(default_factory=frozenset)

    @property
    def apart(self) -> frozenset[Path]:
        """The drawn submodule, the closed ones and those around them: no operator outside fuses into their boxes."""
        wanted = (self.root.path, *self.closed)
        return frozenset(path[:length] for path in wanted for length in range(1, len(path) + 1))


def focus(root: Container, detail: Detail) -> Focus:
    """Resolve the names of a `Detail` in a model.

    Raises:
        NoSuchPart: A name matches no submodule.
    """
    if not (detail.expand or detail.collapse or detail.only):
        return Focus(root)
    found = list(containers(root))
    opened = frozenset(path for name in detail.expand for path in _named(name, found))
    closed = frozenset(path for name in detail.collapse for path in _named(name, found))
    alone = _named(detail.only, found)[0] if detail.only else ()
    around = frozenset(path[:length] for path in opened for length in range(1, len(path) + 1))
    whole = next(each for each in found if each.path == alone) if alone else root
    return Focus(whole, opened, closed, around | {path[:length] for path in closed for length in range(1, len(path))})


def _named(name: str, found: list[Container]) -> list[Path]:
    """Return the submodules that a name matches: by path, else by the end of the path, else by block."""
    path = tuple(name.split("."))
    for matches in (
        [each.path for each in found if each.path == path],
        [each.path for each in found if each.path[-len(path) :] == path],
        [each.path for each in found if each.use and each.use.block == name],
    ):
        if matches:
            return matches
    raise NoSuchPart(name, [dotted(each.path) for each in found])


def containers(container: Container) -> Iterator[Container]:
    """Yield the submodules inside a container, each before those inside it."""
    for child in container.children:
        if isinstance(child, Container):
            yield child
            yield from containers(child)
