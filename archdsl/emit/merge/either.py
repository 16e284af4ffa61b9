"""Values that differ between the uses of a block because of a test: the tests that a value depends on."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field

from archdsl.base.pyexpr import Expr, structure
from archdsl.emit.class_draft import ClassDraft, ForwardStep
from archdsl.emit.merge.conditions import Conditions, Literal
from archdsl.emit.merge.samples import Sample
from archdsl.ir.graph import Container, Node, Path

# At most so many tests are tried for one value.
_TRIED = 8


@dataclass(slots=True)
class Either:
    """Finds the tests that a value of a step depends on.

    Attributes:
        conditions: The conditions of the block.
        samples: Its uses, by their form.
    """

    conditions: Conditions
    samples: Mapping[int, list[Sample]]
    _makers: dict[int, dict[Path, ForwardStep]] = field(default_factory=dict)
    _children: dict[int, dict[Path, Node | Container]] = field(default_factory=dict)

    def sides(
        self, children: Mapping[int, Node | Container], forms: Collection[int]
    ) -> Iterator[tuple[Expr, list[int], list[int]]]:
        """Yield the tests that divide forms, with the forms in which each holds and the others.

        Args:
            children: The step in each form.
            forms: The forms to divide.
        """
        texts: dict[Hashable, Expr] = {}
        for form in forms:
            for text in self._of(form, children[form]):
                texts.setdefault(structure(text), text)
        for text in [*texts.values()][:_TRIED]:
            true = [form for form in forms if all(Literal(text, holds=True).is_true(s) for s in self.samples[form])]
            false = [form for form in forms if all(Literal(text, holds=False).is_true(s) for s in self.samples[form])]
            if true and false and len(true) + len(false) == len(forms):
                yield text, true, false

    def _of(self, form: int, child: Node | Container) -> Iterator[Expr]:
        """Yield the tests in the expressions of a step, those around it, and those of the steps that it reads from."""
        sample = self.samples[form][0]
        makers, known = self._of_draft(form, sample.draft)
        seen = {child.path}
        queue = [child]
        for each in queue:
            yield from self.conditions.inside(sample, each)
            yield from self.conditions.around(sample, each)
            step = makers.get(each.path)
            for path in step.reads if step else ():
                maker = makers.get(sample.draft.origin_in_whole(path))
                if maker is not None and maker.path not in seen and maker.path in known:
                    seen.add(maker.path)
                    queue.append(known[maker.path])

    def _of_draft(self, form: int, draft: ClassDraft) -> tuple[dict[Path, ForwardStep], dict[Path, Node | Container]]:
        if form not in self._makers:
            made = self._makers[form] = {}
            for step in draft.whole:
                made[step.path] = made[step.value] = step
            self._children[form] = {each.path: each for each in draft.container.children}
        return self._makers[form], self._children[form]
