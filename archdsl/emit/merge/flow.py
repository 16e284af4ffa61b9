"""`forward` of a merged class: which value each statement reads in each form, and the variables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from archdsl.emit.merge.samples import Unmergeable
from archdsl.ir.graph import Path


@dataclass(slots=True)
class Joined:
    """Tensors that share a variable, because a statement reads one of them or another."""

    parents: dict[Path, Path] = field(default_factory=dict)

    def of(self, path: Path) -> Path:
        """Return the tensor that stands for those that share its variable."""
        while path in self.parents:
            path = self.parents[path]
        return path

    def join(self, paths: Iterable[Path]) -> None:
        """Let tensors share a variable; the first one stands for them."""
        first, *others = dict.fromkeys(map(self.of, paths))
        for each in others:
            self.parents[each] = first


@dataclass(frozen=True, slots=True)
class Effect:
    """What a statement does in one form: the tensors that it reads, and the one that it computes."""

    reads: tuple[Path, ...]
    value: Path


def require_right(
    effects: Sequence[Mapping[int, Effect]],
    given: Mapping[int, Sequence[Path]],
    results: Mapping[int, Sequence[Path]],
    variables: Mapping[Path, str],
) -> None:
    """Run the statements in each form with variables that hold the names of tensors.

    Args:
        effects: The statements in order, each by the forms that run it.
        given: The arguments of `forward` in each form.
        results: The results in each form.
        variables: The variable of each tensor.

    Raises:
        Unmergeable: A statement would read another tensor than it does in the form.
    """
    for form, arguments in given.items():
        held = {variables[path]: path for path in arguments}
        for each in effects:
            effect = each.get(form)
            if effect is None:
                continue
            if any(held.get(variables[path]) != path for path in effect.reads):
                raise Unmergeable("a variable would hold another tensor in some uses")
            held[variables[effect.value]] = effect.value
        if any(held.get(variables[path]) != path for path in results[form]):
            raise Unmergeable("a variable would hold another tensor in some uses")
