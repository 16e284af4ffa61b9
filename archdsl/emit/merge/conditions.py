"""When a step exists: the tests of the source that let it be unfolded, over the names of the block."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.base.pyexpr import Expr, negated, structure
from archdsl.emit.conditions import joined
from archdsl.emit.merge.samples import Place, Sample, Unmergeable, site_of, written
from archdsl.ir.graph import Container, Node
from archdsl.ir.origin import Origin

# At most so many texts are tried for one test.
_TRIED = 8


@dataclass(frozen=True, slots=True)
class Literal:
    """A test of the block, or its opposite."""

    test: Expr
    holds: bool

    @property
    def expr(self) -> Expr:
        """The literal as Python."""
        return self.test if self.holds else negated(self.test)

    def is_true(self, sample: Sample) -> bool:
        """Return whether it holds in a use."""
        return sample.has(self.test, self.holds)


# A conjunction; the empty one always holds.
Condition: TypeAlias = tuple[Literal, ...]


def as_python(condition: Condition) -> Expr:
    """Return a condition that is not empty as Python."""
    return joined("and", [each.expr for each in condition])


@dataclass(slots=True)
class Conditions:
    """Finds the conditions of the steps of a block."""

    samples: list[Sample]
    _texts: dict[Place, Expr] = field(default_factory=dict)

    def of(
        self,
        children: Iterable[tuple[Sample, Node | Container]],
        present: Callable[[Sample], bool],
        among: Collection[Sample],
        what: str,
    ) -> Condition:
        """Return the condition of a step.

        Args:
            children: The step in a use of each form that has it.
            present: Whether a use has it.
            among: The uses that have the container of the step.
            what: The name of the step, for the reason.

        Raises:
            Unmergeable: No test of the source tells these uses from the others.
        """
        if all(map(present, among)):
            return ()
        candidates: list[Condition] = []
        for sample, child in children:
            for literals in self._around(child.origin, sample):
                candidates += [(each,) for each in literals]
                if len(literals) > 1:
                    candidates.append(tuple(reversed(literals)))
        for candidate in candidates:
            if all(present(each) == all(literal.is_true(each) for literal in candidate) for each in among):
                return candidate
        raise Unmergeable(f"no test of the block tells when `{what}` exists")

    def _around(self, origin: Origin | None, sample: Sample) -> list[list[Literal]]:
        """Return the tests around a step, innermost first: as all uses evaluate them, and as this one does."""
        end = sample.draft.container.origin
        links = [link for link in (origin.up_to(end) if origin else ()) if link.test]
        tests = [(link.test, self.text(site_of(link.outer, link.test, end))) for link in links if link.test]
        agreed = [Literal(text, test.value) for test, text in tests if text is not None]
        own = [(test, written(test, sample.values)) for test, _ in tests]
        return [agreed, [Literal(text, test.value) for test, text in own if text is not None]]

    def text(self, site: Place) -> Expr:
        """Return the text of a test that gives every use its own value, None if there is none."""
        if site not in self._texts:
            self._texts[site] = self._agreed(site)
        return self._texts[site]

    def _agreed(self, site: Place) -> Expr:
        tested = [(each, each.tests[site]) for each in self.samples if site in each.tests]
        texts: dict[object, Expr] = {}
        for form in {each.form: (each, test) for each, test in reversed(tested)}.values():
            sample, test = form
            expr = written(test, sample.values)
            if expr is not None:
                texts.setdefault(structure(expr), expr)
        # Longer texts name what shorter ones only happen to equal.
        ordered = sorted(texts.values(), key=lambda expr: -len(repr(structure(expr))))[:_TRIED]
        return next((expr for expr in ordered if all(each.has(expr, test.value) for each, test in tested)), None)

    def open_sites(self) -> frozenset[Place]:
        """Return the tests that have both values among the uses, and a text."""
        values: dict[Place, set[bool]] = {}
        for each in self.samples:
            for site, test in each.tests.items():
                values.setdefault(site, set()).add(test.value)
        return frozenset(site for site, found in values.items() if len(found) > 1 and self.text(site) is not None)
