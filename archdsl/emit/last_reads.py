"""The last statement of `forward` that reads each tensor, while steps become aliases of their inputs."""

from archdsl.emit.class_draft import ClassDraft, origin_of
from archdsl.ir.graph import Path


class LastReads:
    """The last reader of each tensor of a draft.

    Args:
        draft: The draft, with its steps.
        alias: Tensors that a step returns unchanged, with the tensors that they equal.
    """

    def __init__(self, draft: ClassDraft, alias: dict[Path, Path]) -> None:
        self._alias = alias
        self._places = {step.path: number for number, step in enumerate(draft.steps)}
        self._latest: dict[Path, int] = {}
        for number, step in enumerate(draft.steps):
            for path in step.reads:
                self._latest[origin_of(path, alias)] = number
        for path in draft.results():
            self._latest[origin_of(path, alias)] = len(draft.steps)

    def none_after(self, path: Path, step: Path) -> bool:
        """Return whether neither a step after this one nor `return` reads a tensor or an alias of it."""
        return self._latest.get(origin_of(path, self._alias), -1) <= self._places[step]

    def join(self, path: Path, other: Path) -> None:
        """Make a tensor an alias of another one."""
        self._alias[path] = other
        origin = origin_of(other, self._alias)
        self._latest[origin] = max(self._latest.get(origin, -1), self._latest.get(path, -1))
