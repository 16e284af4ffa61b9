"""When a step exists: the tests of the source that let it be unfolded, over the names of the block."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.base.pyexpr import Expr, Ref, parts, structure
from archdsl.base.pylogic import negated
from archdsl.base.symbolic import is_traced
from archdsl.emit.conditions import joined
from archdsl.emit.merge.samples import Place, Sample, Unmergeable, place_of, site_of, varying, written
from archdsl.ir.graph import Container, Node
from archdsl.ir.origin import Origin, Test, Tested
from archdsl.ops.base import Merge

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

    @property
    def key(self) -> Hashable:
        """A key that is equal for equal literals."""
        return structure(self.test), self.holds

    def is_true(self, sample: Sample) -> bool:
        """Return whether it holds in a use."""
        return sample.has(self.test, self.holds)


def names_of(test: Expr) -> tuple[frozenset[str], bool]:
    """Return the arguments without traces that a test reads, and whether it reads numbers of the block."""
    if isinstance(test, Ref):
        return frozenset((test.name,)), False
    if is_traced(test):
        return frozenset(), True
    found = [names_of(part) for part in parts(test)]
    return frozenset[str]().union(*(names for names, _ in found)), any(has_number for _, has_number in found)


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
    _varying: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._varying = varying(self.samples)

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
        agreed: list[list[Literal]] = []
        for sample, child in children:
            literals, _ = found = self._around(child.origin, sample)
            agreed.append(literals)
            for literals in found:
                # All tests around the step, unless the step is in branches with different outer tests.
                candidates += [tuple(reversed(literals[:count])) for count in range(len(literals), 0, -1)]
                if isinstance(child, Node) and isinstance(child.op, Merge):
                    # Tests in a merge decide how many tensors it reads.
                    inner = [Literal(text, sample.holds(text)) for text in self.inside(sample, child)]
                    candidates += [(*reversed(literals), each) for each in inner]
        # The tests around both sides of an `if` that have the step.
        common = [each for each in agreed[0] if all(each.key in [one.key for one in other] for other in agreed)]
        candidates += [tuple(reversed(common[:count])) for count in range(len(common), 0, -1)]
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
        own = [(test, written(test, sample)) for test, _ in tests]
        literals = [agreed, [Literal(text, test.value) for test, text in own if text is not None]]
        return [[each for each in some if not self._is_settled(each)] for some in literals]

    def _is_settled(self, literal: Literal) -> bool:
        """Return whether a test is only about arguments that have one value in all uses."""
        names, has_number = names_of(literal.test)
        return bool(names) and not has_number and names.isdisjoint(self._varying)

    def inside(self, sample: Sample, child: Node | Container) -> Iterator[Expr]:
        """Yield the texts of the tests in the expressions of a step."""
        end = sample.draft.container.origin
        around, span = place_of(child.origin, end), child.span
        for site in sample.tests:
            (name, start, stop), outer = site[-1], site[:-1]
            shared = min(len(around), len(outer))
            is_near = around[len(around) - shared :] == outer[len(outer) - shared :]
            is_within = name == span.source.name and span.start <= start and -stop <= span.end
            # The span of a merge is its keyword.
            is_branch = isinstance(child, Node) and isinstance(child.op, Merge) and len(outer) >= len(around)
            if is_near and (is_within or is_branch):
                text = self.text(site)
                if text is not None:
                    yield text

    def around(self, sample: Sample, child: Node | Container) -> Iterator[Expr]:
        """Yield the texts of the tests around a step, innermost first."""
        end = sample.draft.container.origin
        for link in child.origin.up_to(end) if child.origin else ():
            text = self.text(site_of(link.outer, link.test, end)) if link.test else None
            if text is not None:
                yield text

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
            expr = written(test, sample)
            if expr is not None:
                texts.setdefault(structure(expr), expr)
        # Longer texts name what shorter ones only happen to equal.
        ordered = sorted(texts.values(), key=lambda expr: -len(repr(structure(expr))))[:_TRIED]
        return next((expr for expr in ordered if all(each.has(expr, test.value) for each, test in tested)), None)

    def said(self, sample: Sample, tested: Tested) -> Expr:
        """Return the text of a test of a use, None if it has none."""
        end = sample.draft.container.origin
        text = self.text(site_of(tested.around, tested.test, end))
        return written(tested.test, sample) if text is None else text

    def open_tests(self) -> dict[Hashable, Expr]:
        """Return the tests that have both values among the uses, by place and text."""
        return {key: text for key, (text, values) in self.evaluated().items() if len(values) > 1}

    def evaluated(self) -> dict[Hashable, tuple[Expr, set[bool]]]:
        """Return the tests that have a text, with their values among the uses, by place and text."""
        found: dict[Hashable, tuple[Expr, set[bool]]] = {}
        for sample in self.samples:
            for key, text, test in self.tests_of(sample):
                values = found[key][1] if key in found else set[bool]()
                found[key] = text, values | {test.value}
        return found

    def closed_tests(self) -> list[Expr]:
        """Return the tests on arguments without traces that have one value among the uses."""
        values: dict[Hashable, set[bool]] = {}
        texts: dict[Hashable, Expr] = {}
        for sample in self.samples:
            for _, text, test in self.tests_of(sample):
                if names_of(text)[0]:
                    values.setdefault(structure(text), set()).add(test.value)
                    texts[structure(text)] = text
        return [text for key, text in texts.items() if len(values[key]) == 1]

    def tests_of(self, sample: Sample) -> Iterator[tuple[Hashable, Expr, Test]]:
        """Yield the tests of a use that have a text, each with a key that is equal for equal tests."""
        use = sample.draft.container.use
        for each in use.tests if use else ():
            text = self.said(sample, each)
            if text is not None:
                yield (each.test.span.source.name, each.test.span.start, structure(text)), text, each.test
