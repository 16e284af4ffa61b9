"""Finds the combinations of tests that no use of a class has, and elaborates the block so that it has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from archdsl.base.pyexpr import Expr, Ref, structure
from archdsl.base.pylogic import negated
from archdsl.base.pynumbers import names_of
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.classes import Class
from archdsl.emit.merge.conditions import Conditions
from archdsl.emit.merge.samples import Sample, holds_in, is_split
from archdsl.emit.probes.turning import Changes, Turning
from archdsl.ir.graph import ChildNaming, Container, Graph
from archdsl.ir.uses import Plain, Use

# Elaborations and changes of arguments that are tried for each test.
_ELABORATED, _TRIED = 8, 64
# Values of uses that are tried for a name.
_KNOWN = 4
# The truth values of all tests, and the choices.
_Case: TypeAlias = tuple[Plain | None, ...]


def untaken(found: Class) -> Iterator[Graph]:
    """Yield graphs of a block in which its tests have combinations of values that no use of its class has."""
    draft = found.representative
    is_plain = draft.container.kind is ChildNaming.NAMED and not is_split(draft)
    # Where no test tells which uses have a condition, further uses do not tell it either.
    is_merged = not found.why and not found.undecided
    if draft.container.use is not None and is_plain and is_merged:
        yield from _Search.of(found).run()


@dataclass(slots=True)
class _Position:
    """A test or a choice that decides about the steps of a block. `domain` has the values that it can take."""

    expr: Expr
    domain: tuple[Plain, ...]

    def value(self, values: Mapping[str, object]) -> Plain | None:
        """Return its value, None if that is no truth value and no string."""
        if not isinstance(self.expr, Ref):
            return holds_in(self.expr, values)
        found = values.get(self.expr.name)
        return found if isinstance(found, bool | str) else None


@dataclass(slots=True)
class _Search:
    """The search for the combinations of a class. `positions` decide about its steps; those without domain stay."""

    positions: list[_Position]
    turning: Turning
    uses: dict[_Case, tuple[Mapping[str, object], Use]] = field(default_factory=dict)
    elaborated: int = 0
    tried: int = 0

    @staticmethod
    def of(found: Class) -> "_Search":
        """Return the search for a class."""
        drafts = [each for each in found.members if each.container.use and each.container.use.again]
        samples = [Sample(each, found.merged.forms[each.number] if found.merged else 0) for each in found.members]
        made = _Search(_positions(found, samples), _turning(found, drafts))
        for each in drafts:
            made._enter(each.container)
        return made

    def run(self) -> Iterator[Graph]:
        """Yield the graphs that the block has for further combinations."""
        waiting = [*self.uses] if any(each.domain for each in self.positions) else []
        for case in waiting:
            for place, position in enumerate(self.positions):
                for wanted in position.domain:
                    if wanted != case[place]:
                        graph = self._turned(case, place, wanted)
                        if graph is not None:
                            waiting.append(next(reversed(self.uses)))
                            yield graph

    def _enter(self, container: Container) -> None:
        values = values_of(container)
        assert container.use
        self.uses.setdefault(self._case(values), (values, container.use))

    def _case(self, values: Mapping[str, object]) -> _Case:
        return tuple(each.value(values) for each in self.positions)

    def _turned(self, case: _Case, place: int, wanted: Plain) -> Graph | None:
        """Return the graph of the block with another value at a place of a combination, None if there is none."""
        values, use = self.uses[case]
        exact = (*case[:place], wanted, *case[place + 1 :])
        if exact in self.uses or use.again is None:
            return None
        found = dict[_Case, Changes]()
        for changes in islice(self._changes(place, wanted, values), _ELABORATED):
            self.tried += 1
            made = self._case({**values, **changes})
            if made not in self.uses and made[place] == wanted and self._keeps(made, case):
                found.setdefault(made, changes)
        for made in sorted(found, key=lambda each: each != exact):
            if self.elaborated >= _ELABORATED * len(self.positions) or self.tried >= _TRIED * len(self.positions):
                return None
            self.elaborated += 1
            graph = use.again(found[made])
            if isinstance(graph, Graph) and self._is_new(graph):
                return graph
        return None

    def _changes(self, place: int, wanted: Plain, values: Mapping[str, object]) -> Iterator[Changes]:
        expr = self.positions[place].expr
        if isinstance(expr, Ref):
            return iter(({expr.name: wanted},))
        return self.turning.of(expr, wanted is True, values)

    def _keeps(self, made: _Case, case: _Case) -> bool:
        """Return whether the tests that are to keep their values do so."""
        return all(one == other for one, other, each in zip(made, case, self.positions, strict=True) if not each.domain)

    def _is_new(self, graph: Graph) -> bool:
        """Enter the block of a graph; return whether it has a combination that no use has."""
        (container,) = graph.root.children
        before = len(self.uses)
        assert isinstance(container, Container)
        self._enter(container)
        return len(self.uses) > before


def values_of(container: Container) -> Mapping[str, object]:
    """Return the values of the names in a block."""
    use = container.use
    assert use
    return {
        **{each.name: each.value.real for each in use.arguments},
        **{each.name: each.value for each in use.choices},
    }


def _positions(found: Class, samples: list[Sample]) -> list[_Position]:
    """Return the tests of a block, and the arguments of its class that are truth values or strings."""
    taken = {*found.parameters}
    made: dict[object, _Position] = {}
    tests = [text for text, _ in Conditions(samples).evaluated().values()]
    for test in tests:
        names = names_of(test)
        if isinstance(test, Ref) or not names or structure(negated(test)) in made:
            continue
        made.setdefault(structure(test), _Position(test, (True, False) if names <= taken else ()))
    for choice in found.representative.choices:
        values = {value: None for each in samples if isinstance(value := each.values.get(choice.name), bool | str)}
        is_open = choice.name in taken and choice.name not in found.representative.operator_types
        domain = (True, False) if all(isinstance(each, bool) for each in values) else (*values,)
        if values:
            made[choice.name] = _Position(Ref(choice.name), domain if is_open else ())
    return [*made.values()]


def _turning(found: Class, drafts: list[ClassDraft]) -> Turning:
    """Return the changes of the arguments of a class: parameters of the block first, then the sizes of its inputs."""
    use = found.representative.container.use
    assert use
    names = sorted(found.parameters, key=lambda name: name not in use.parameters)
    known: dict[str, dict[Plain, None]] = {}
    for each in drafts:
        for name, value in values_of(each.container).items():
            if isinstance(value, bool | int | float | str) and len(known.setdefault(name, {})) < _KNOWN:
                known[name][value] = None
    return Turning(names, {name: [*values] for name, values in known.items()})
