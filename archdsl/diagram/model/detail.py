"""What a drawing shows of a model: how deep it looks, and which parts are opened, closed or drawn alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from archdsl.ir.graph import Container, Path, dotted

# Deeper than anything nests.
FULL = 1_000_000


class NoSuchPart(ValueError):
    """A name that no submodule of the model has. `help` says which there are."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"the model has no submodule `{name}`")
        near = get_close_matches(name, known, n=1)
        some = ", ".join(known[:5])
        self.help = f"did you mean `{near[0]}`?" if near else f"it has {some}" if some else "it has none"


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a model is shown.

    `depth` counts the submodules around what is seen: 0 is one box, `FULL` shows every operator, and None is as deep as
    a page holds. `fold` draws equal neighbours once; None does so in what does not fit on a page. `expand` and
    `collapse` name submodules that are opened and closed whatever the depth, `only` the one that is drawn alone.
    """

    depth: int | None = None
    fold: bool | None = None
    expand: tuple[str, ...] = ()
    collapse: tuple[str, ...] = ()
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Focus:
    """The submodules that the names of a `Detail` mean; `around` has those that opened ones stand in, too."""

    root: Container
    opened: frozenset[Path] = frozenset()
    closed: frozenset[Path] = frozenset()
    around: frozenset[Path] = field(default_factory=frozenset)

    @property
    def apart(self) -> frozenset[Path]:
        """The submodules whose boxes hold nothing of what follows: what is drawn, the closed ones, those around."""
        wanted = (self.root.path, *self.closed)
        return frozenset(path[:length] for path in wanted for length in range(1, len(path) + 1))


def focus(root: Container, detail: Detail) -> Focus:
    """Return what the names of a `Detail` mean in a model; raise `NoSuchPart` where they mean nothing."""
    if not (detail.expand or detail.collapse or detail.only):
        return Focus(root)
    found = list(_containers(root))
    opened = frozenset(path for name in detail.expand for path in _named(name, found))
    closed = frozenset(path for name in detail.collapse for path in _named(name, found))
    alone = _named(detail.only, found)[0] if detail.only else ()
    around = frozenset(path[:length] for path in opened for length in range(1, len(path) + 1))
    whole = next(each for each in found if each.path == alone) if alone else root
    return Focus(whole, opened, closed, around | {path[:length] for path in closed for length in range(1, len(path))})


def _named(name: str, found: list[Container]) -> list[Path]:
    """Return the submodules of a name: a path, the end of one, or a block."""
    path = tuple(name.split("."))
    for matches in (
        [each.path for each in found if each.path == path],
        [each.path for each in found if each.path[-len(path) :] == path],
        [each.path for each in found if each.use and each.use.block == name],
    ):
        if matches:
            return matches
    raise NoSuchPart(name, [dotted(each.path) for each in found])


def _containers(container: Container) -> Iterator[Container]:
    for child in container.children:
        if isinstance(child, Container):
            yield child
            yield from _containers(child)
