"""The values that a class refuses: its checks, and the parameters that it fixes.

The guards of a use say for which arguments elaboration gives the class of that use. A class with several uses accepts
the arguments that satisfy the guards of one of them. A guard on a number that is no argument of the class becomes a
guard of the classes that use it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeAlias

from archdsl.base.guards import Guard, Number
from archdsl.base.items import by_owner, is_item
from archdsl.base.pyexpr import Call, ClassRef, Expr, Infix, Ref, parts, structure
from archdsl.base.pynumbers import traced_numbers
from archdsl.base.substitution import outside, substituted
from archdsl.base.symbolic import parameters_of
from archdsl.emit.class_draft import ClassDraft, constructions
from archdsl.emit.class_parameters import names_in
from archdsl.emit.classes import Class
from archdsl.emit.conditions import Atom, Clause, Key, atom, clauses, divisors, guard_key
from archdsl.emit.divisions import Ordered
from archdsl.emit.implied import simplified
from archdsl.emit.merge.conditions import Literal, as_python, names_of
from archdsl.emit.merge.samples import Sample
from archdsl.emit.recursion import ends
from archdsl.emit.tested_numbers import numbers_by_test
from archdsl.ir.graph import Container

_Clauses: TypeAlias = dict[Key, Clause]
# The guards of each draft, by keys that are equal for equal guards at one place of the source.
_Known: TypeAlias = dict[int, dict[tuple[object, ...], Guard]]


def refuse(
    drafts: list[ClassDraft],
    by_draft: Mapping[int, Class],
    defaults: Callable[[Class], Mapping[str, Number | str | None]],
) -> None:
    """Enter into each class its checks and the parameters that it fixes. A class comes after those that it uses."""
    known: _Known = {}
    for found in {id(each): each for each in by_draft.values()}.values():
        for member in found.members:
            inner = _inner(member, drafts, by_draft, known)
            known[member.number] = {guard_key(each): each for each in (*member.guards, *inner)}
        _Conditions(found, known, _repeated(found, drafts, by_draft), defaults).enter()
        _enter_deciding(found, known)


def _inner(
    draft: ClassDraft, drafts: list[ClassDraft], by_draft: Mapping[int, Class], known: _Known
) -> Iterator[Guard]:
    """Yield the guards of the classes that a class uses on numbers that these do not take, in its own parameters."""
    # Equal layers share their calls.
    modules = {id(entry.module): entry.module for entry in draft.entries}
    for module in modules.values():
        for _, number in constructions(module):
            callee = drafts[number]
            taken = frozenset(by_draft[number].parameters)
            for guard in known[number].values():
                if not guard.of_map and parameters_of(guard.pairs) <= taken:
                    continue
                if callee.container.use is None:
                    # A submodule has the parameters of the class around it.
                    yield guard
                else:
                    yield from map(draft.parameters.guard, outside(guard, callee.parameters.meanings))
    yield from _shared(draft.container)


def _enter_deciding(found: Class, known: _Known) -> None:
    """Enter the parameters of a model that its code does not read, because they only decide about its structure."""
    draft = found.representative
    for guard in known[draft.number].values() if draft.outputs else ():
        for name in parameters_of(guard.pairs) - {*found.parameters}:
            found.fixed.setdefault(name, guard)


def _repeated(found: Class, drafts: list[ClassDraft], by_draft: Mapping[int, Class]) -> frozenset[Key]:
    """Return the checks of a class that its submodules repeat, by their keys.

    A check is left to a submodule only if no module before it is made from the parameters of the check: that module
    would fail first, with an error of its own.
    """
    read: frozenset[str] = frozenset()
    repeated: set[Key] = set()
    modules = {id(entry.module): entry.module for entry in found.representative.entries}.values()
    for made in (each for module in modules for each in _made(module)):
        if isinstance(made, frozenset):
            read |= made
        elif drafts[made.number].container.use is None:
            repeated |= {each.key for each in by_draft[made.number].checks if read.isdisjoint(each.names)}
    return frozenset(repeated)


def _made(module: Expr) -> Iterator[ClassRef | frozenset[str]]:
    """Yield the classes of which a constructor makes submodules, and the parameters of other modules, in order."""
    if isinstance(module, Call) and isinstance(module.function, ClassRef):
        yield module.function
        return
    yield parameters_of(module)
    for part in parts(module):
        yield from _made(part)


def _shared(container: Container) -> Iterator[Guard]:
    """Yield the guards of blocks that are applied again, with their weights but with other tensors."""
    for child in container.children:
        if not isinstance(child, Container):
            continue
        if child.use is None:
            yield from _shared(child)
        elif child.weights:
            meanings = {given.name: given.value for given in child.use.arguments}
            for guard in child.use.guards:
                yield from outside(guard, meanings)


@dataclass(slots=True)
class _Conditions:
    """The conditions of a class, and their simplification.

    `repeated` are those that its submodules check, `undecided` those of which no test tells which uses have them.
    """

    found: Class
    known: _Known
    repeated: frozenset[Key]
    defaults: Callable[[Class], Mapping[str, Number | str | None]]
    members: list[_Clauses] = field(default_factory=list)
    undecided: list[Expr] = field(default_factory=list)

    def enter(self) -> None:
        """Enter the checks, and the fixed parameters into the class."""
        is_model = bool(self.found.representative.outputs)
        numbers = self.found.representative.parameters.values if is_model else self.found.parameters
        self._fix(self._common(self._of_members(numbers)))
        self.members = self._of_members(self.found.parameters)
        common = self._common(self.members)
        checks = list(common.values())
        rests = [{key: each for key, each in member.items() if key not in common} for member in self.members]
        if self.found.merged:
            checks += self._of_some(self.found.merged, rests)
            self.found.undecided = self.undecided
            self.found.combinations = self._combinations(self.found.merged)
            checks += ends(self.found)
        else:
            checks += _any_of(rests)
        always = [each for each in checks if each.names and each.when is None]
        made = [*self._ordered(always), *(each for each in checks if each.when is not None)]
        self.found.checks = [*{(structure(each.when), each.key): each for each in made}.values()]

    def _combinations(self, merged: ClassDraft) -> tuple[tuple[Expr, ...], tuple[tuple[Expr, ...], ...]]:
        """Return what decides about the steps of a merged class, and the combinations of values that its uses have.

        For others, nothing says that the class is right. Both are empty if the uses have all combinations; of a string,
        there are always other values.
        """
        samples = [Sample(each, merged.forms[each.number]) for each in self.found.members]
        untraced = {*merged.operator_types} | merged.optional_numbers
        choices = [each.name for each in merged.choices if each.name not in untraced]
        # A test that all uses evaluate to one value could have the other one for other arguments.
        closed = [each for each in merged.closed_tests if not names_of(each)[0].isdisjoint(self.found.parameters)]
        # One that reads an argument that the class does not take cannot be evaluated.
        untaken = {each.name for each in merged.choices} - {*self.found.parameters}
        numbers = {*self.found.parameters} | merged.parameters.fixed
        tests = [
            each
            for each in (*merged.open_tests, *closed)
            if not isinstance(each, Ref) and names_of(each)[0].isdisjoint(untaken) and names_in(each) <= numbers
        ]
        deciding = (*tests, *self.undecided, *(Ref(name) for name in choices if name in self.found.parameters))
        deciding = tuple({structure(each): each for each in deciding}.values())
        seen = dict.fromkeys(tuple(_plain(sample, each) for each in deciding) for sample in samples)
        is_open = all(isinstance(each, bool) for case in seen for each in case)
        return ((), ()) if is_open and len(seen) == 2 ** len(deciding) else (deciding, tuple(seen))

    def _of_some(self, merged: ClassDraft, rests: list[_Clauses]) -> list[Clause]:
        """Return the conditions that only some uses of a merged class have, each with the tests that tell these."""
        samples = [Sample(each, merged.forms[each.number]) for each in self.found.members]
        literals = [Literal(test, holds) for test in merged.open_tests for holds in (True, False)]
        made: list[Clause] = []
        for key, clause in {key: each for rest in rests for key, each in rest.items()}.items():
            having = [key in rest for rest in rests]
            pairs = ((), *((each,) for each in literals), *combinations(literals, 2))
            fits = (
                tests
                for tests in pairs
                if [all(each.is_true(sample) for each in tests) for sample in samples] == having
            )
            tests = next(fits, None)
            if tests:
                known = [Clause((each,)) for literal in tests for each in _atoms_of(literal.expr)]
                follows = _follows(clause, known) or Ordered(known, {}, merged.parameters.values).implies(clause)
                if not follows:
                    made.append(replace(clause, when=as_python(tests)))
            elif all(sample.holds(clause.expr) for sample in samples):
                made.append(clause)
            elif not (clause.source and clause.source.of_merge):
                # PyTorch refuses to merge maps of different sizes.
                self.undecided.append(clause.expr)
        return made

    def _ordered(self, conditions: list[Clause]) -> list[Clause]:
        """Return the checks in their order, with those that nothing in the constructor or `forward` divides by 0."""
        draft = self.found.representative
        values = draft.parameters.values
        closed = {name: value for name, value in values.items() if name not in self.found.parameters}
        ordered = Ordered(conditions, closed, values)
        for each in ordered.conditions:
            if each.key not in self.repeated:
                ordered.add(each)
        (_, always), *tested = numbers_by_test(draft)
        always += [number for expr in self.defaults(self.found).values() for number in traced_numbers(expr)]
        ordered.divide(always)
        made = list(ordered.checks.values())
        for test, numbers in tested:
            if any(True for number in numbers for _ in divisors(number)):
                implied = [Clause((each,)) for each in _atoms_of(test)]
                known = Ordered([*conditions, *implied], closed, values)
                for each in known.conditions:
                    known.add(each)
                known.divide(always)
                before = {*known.checks}
                known.divide(numbers)
                when = draft.parameters.expression(test)
                made += [replace(each, when=when) for key, each in known.checks.items() if key not in before]
        return made

    def _of_members(self, arguments: Iterable[str]) -> list[_Clauses]:
        """Return the conditions of all uses; uses with equal values and guards share them."""
        made: dict[tuple[object, ...], _Clauses] = {}
        found: list[_Clauses] = []
        for member in self.found.members:
            given = member.parameters
            values = tuple((name, type(value), value) for name, value in given.values.items())
            key = (*self.known[member.number],), values, frozenset(given.fixed), self._opened(member)
            if key not in made:
                made[key] = self._clauses(member, arguments)
            found.append(made[key])
        return found

    def _opened(self, member: ClassDraft) -> frozenset[Key]:
        """Return the keys of the guards of tests that a merged class makes itself."""
        return self.found.merged.opened[member.number] if self.found.merged else frozenset()

    def _clauses(self, member: ClassDraft, arguments: Iterable[str]) -> _Clauses:
        """Return the conditions of a use on the arguments of the class; other numbers have their values in this use."""
        values = member.parameters.values
        open_ = {*arguments} - member.parameters.fixed
        closed = {name: value for name, value in values.items() if name not in open_}
        made: _Clauses = {}
        opened = self._opened(member)
        for identity, guard in self.known[member.number].items():
            if identity in opened or (guard.of_map and not member.outputs) or _is_repeated(guard, member, open_):
                continue
            if member.container.use or member.outputs:
                guard = substituted(guard, closed, values)
            elif not parameters_of(guard.pairs) <= open_:
                continue
            for clause in clauses(guard, values):
                made.setdefault(clause.key, clause)
        return simplified(made, values)

    @staticmethod
    def _common(members: list[_Clauses]) -> _Clauses:
        first, *others = {id(each): each for each in members}.values()
        return {key: each for key, each in first.items() if all(key in other for other in others)}

    def _fix(self, common: _Clauses) -> None:
        """Fix the parameters that equal a constant in all uses: they become numbers, and are no arguments."""
        found = self.found
        fixed: dict[str, Guard | None] = {}
        for clause in common.values():
            if len(clause.atoms) > 1 or not clause.atoms[0].is_fixing:
                continue
            for name in sorted(clause.names):
                values = {member.parameters.values.get(name) for member in found.members}
                if len(values) == 1 and name not in found.fixed:
                    fixed.setdefault(name, clause.source)
        # A list is an argument if one of its items is open; the constructor then checks the others.
        lists = by_owner(found.parameters).values()
        open_ = {name for names in lists if is_item(names[0]) and not fixed.keys() >= {*names} for name in names}
        found.fixed |= {name: guard for name, guard in fixed.items() if name not in open_}
        for draft in (*found.members, *found.drafts):
            draft.parameters.fixed |= found.fixed.keys()
        found.parameters = [name for name in found.parameters if name not in found.fixed]


def _is_repeated(guard: Guard, member: ClassDraft, arguments: Set[str]) -> bool:
    """Return whether PyTorch refuses what a guard refuses: maps of different sizes, which the class does not take."""
    untaken = member.parameters.map_sizes - arguments
    return guard.of_merge and guard.symbol == "==" and bool(untaken & parameters_of(guard.pairs))


def _plain(sample: Sample, expr: Expr) -> Expr:
    """Return the value of a test or of an argument in a use."""
    if not isinstance(expr, Ref):
        return sample.holds(expr)
    value = sample.value(expr)
    return value if isinstance(value, bool | str) else None


def _follows(clause: Clause, known: Iterable[Clause]) -> bool:
    """Return whether nothing is left of a clause after the others were put into it."""
    given = {each.key: each for each in known}
    return simplified({**given, clause.key: clause}).keys() <= given.keys()


def _atoms_of(test: Expr) -> Iterator[Atom]:
    """Yield the comparisons that a test implies."""
    if isinstance(test, Infix) and test.symbol == "and":
        yield from _atoms_of(test.left)
        yield from _atoms_of(test.right)
    elif isinstance(test, Infix) and isinstance(test.left, int | float) and isinstance(test.right, int | float):
        found = atom(test.symbol, test.left, test.right)
        if isinstance(found, Atom):
            yield found


def _any_of(rests: list[_Clauses]) -> list[Clause]:
    """Return the clauses that say that the conditions of one of the uses hold."""
    kept: list[_Clauses] = []
    for rest in rests:
        if rest.keys() not in [each.keys() for each in kept]:
            kept.append(rest)
    while True:
        merged = _merged(kept)
        if merged is None:
            break
        kept = merged
    kept = [each for each in kept if not any(other.keys() < each.keys() for other in kept)]
    if any(not each for each in kept):
        return []
    # The product of disjunctions of single clauses is one clause; others stay as they are.
    if all(len(each) == 1 for each in kept):
        atoms = {atom.key: atom for each in kept for clause in each.values() for atom in clause.atoms}
        return [Clause(tuple(atoms.values()), next(iter(kept[0].values())).source)]
    return _product(kept)


def _product(kept: list[_Clauses]) -> list[Clause]:
    """Return the clauses of a disjunction of conjunctions."""
    found: dict[Key, Clause] = {}
    choices: list[tuple[Clause, ...]] = [()]
    for each in kept:
        choices = [(*before, clause) for before in choices for clause in each.values()]
    for choice in choices:
        atoms = {atom.key: atom for clause in choice for atom in clause.atoms}
        if any(atom.negated().key in atoms for atom in atoms.values()):
            continue
        made = Clause(tuple(atoms.values()), choice[0].source)
        found.setdefault(made.key, made)
    return list(found.values())


def _merged(kept: list[_Clauses]) -> list[_Clauses] | None:
    """Return the conditions with two of them replaced by one, if they differ only in opposite clauses."""
    for number, one in enumerate(kept):
        for other in kept[number + 1 :]:
            only = [one[key] for key in one.keys() - other.keys()]
            opposite = other.keys() - one.keys()
            if len(only) == 1 and {each.key for each in only[0].negated()} == opposite:
                both = {key: each for key, each in one.items() if key in other}
                return [both, *(each for each in kept if each is not one and each is not other)]
    return None
