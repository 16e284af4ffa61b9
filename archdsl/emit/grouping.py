"""Groups the drafts that become one class: equal drafts, and the uses of a block whose forms can be merged."""

from collections.abc import Collection, Hashable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from archdsl.base.pyexpr import Call, ClassRef, Expr, mapped, structure
from archdsl.emit.class_draft import ClassDraft, constructions
from archdsl.emit.merge.block import merged
from archdsl.emit.merge.kinds import Kinds
from archdsl.emit.merge.samples import Sample, Unmergeable, is_split
from archdsl.emit.merge.tensors import Tensors
from archdsl.emit.naming import enter_variables
from archdsl.emit.statements import key


@dataclass(slots=True)
class Group:
    """Drafts that become one class.

    Attributes:
        members: The drafts.
        merged: The draft of the class, where the members have different forms.
        why: Why the block has other classes beside this one.
    """

    members: list[ClassDraft]
    merged: ClassDraft | None = None
    why: str = ""


class Rejected(Exception):
    """Some probes do not become uses of classes of the net.

    Attributes:
        probes: Their numbers.
    """

    def __init__(self, probes: frozenset[int]) -> None:
        super().__init__(probes)
        self.probes = probes


def grouped(drafts: list[ClassDraft], roots: Collection[int]) -> dict[int, Group]:
    """Return the group of each draft, by the number of the draft.

    Args:
        drafts: All drafts, inner classes first.
        roots: The numbers of the models' drafts, each of which is a group of its own.

    Raises:
        Rejected: Probes do not fit.
    """
    return _Grouping(drafts, frozenset(roots)).groups()


@dataclass
class _Grouping:
    """The grouping of drafts.

    `marks` has a key of the class of each draft that has one so far, `keys` the first key of each draft, and `makers`
    the drafts that construct other classes: their keys change when these are settled.
    """

    drafts: list[ClassDraft]
    roots: frozenset[int]
    made: dict[int, Group] = field(default_factory=dict)
    marks: dict[int, Hashable] = field(default_factory=dict)
    rejected: set[int] = field(default_factory=set)
    keys: dict[int, Hashable] = field(default_factory=dict)
    makers: set[int] = field(default_factory=set)

    def groups(self) -> dict[int, Group]:
        """Return the group of each draft, by number."""
        self._name_bodies()
        for draft in self.drafts:
            self.marks[draft.number] = self.keys[draft.number] = self._key(draft)
        for unit in self._units():
            self._settle([self.drafts[number] for number in unit])
        for group in self.made.values():
            probes = {each.probe for each in group.members}
            self.rejected |= set[int]() if None in probes else {each for each in probes if each is not None}
        if self.rejected:
            raise Rejected(frozenset(self.rejected))
        return self.made

    def _name_bodies(self) -> None:
        """Name classes of one block after the blocks and macros that shape them, if these differ."""
        units: dict[Hashable, dict[Hashable, None]] = {}
        for draft in self.drafts:
            if draft.definition:
                units.setdefault(draft.definition, {})[draft.unit] = None
        for draft in self.drafts:
            if len(units.get(draft.definition, ())) > 1:
                draft.name = f"{''.join(body for body, _ in draft.bodies)}{draft.name}"

    def _units(self) -> Iterator[list[int]]:
        """Yield the drafts that are settled together, after those that they construct.

        They are all uses of a block, or equal drafts of other submodules.
        """
        unit_of: dict[Hashable, int] = {}
        units: list[list[int]] = []
        of: list[int] = []
        for draft in self.drafts:
            name: Hashable = draft.unit or self.marks[draft.number]
            number = unit_of.setdefault(name, len(units))
            if number == len(units):
                units.append([])
            units[number].append(draft.number)
            of.append(number)
        needs: list[dict[int, None]] = [{} for _ in units]
        for draft in self.drafts:
            inner = [number for entry in draft.entries for _, number in constructions(entry.module)]
            needs[of[draft.number]] |= dict.fromkeys(of[number] for number in inner)
            if inner:
                self.makers.add(draft.number)
        yield from (units[number] for number in _inner_first([[*each] for each in needs]))

    def _settle(self, unit: list[ClassDraft]) -> None:
        """Group the drafts of a unit."""
        forms: dict[Hashable, list[ClassDraft]] = {}
        for draft in unit:
            key_ = self._key(draft) if draft.number in self.makers else self.keys[draft.number]
            forms.setdefault(key_, []).append(draft)
        separate = [*map(Group, forms.values())]
        for group in self._merged(unit, separate) if len(unit) > 1 else separate:
            mark = group.members[0].number
            for each in group.members:
                self.made[each.number] = group
                self.marks[each.number] = mark

    def _merged(self, unit: list[ClassDraft], separate: list[Group]) -> list[Group]:
        """Return one group for all uses of a block, or the separate ones with the reason why there are several."""
        if unit[0].definition is None:
            return separate
        whole = [group for group in separate if not any(map(is_split, group.members))]
        if whole and len(whole) < len(separate):
            return self._merged_apart(separate, whole)
        if len(separate) == 1:
            return separate
        samples = [Sample(draft, number) for number, form in enumerate(separate) for draft in form.members]
        kinds, tensors = Kinds(unit), Tensors(unit, self.callers)
        try:
            kinds.enter()
            tensors.enter()
            made = self._merge(samples)
        except Unmergeable as why:
            tensors.leave()
            kinds.leave()
            self.rejected |= self._not_fitting(samples)
            for group in separate:
                group.why = str(why)
            return separate
        for caller in tensors.changed.values():
            enter_variables(caller)
        return [Group(unit, merged=made)]

    def _merge(self, samples: list[Sample]) -> ClassDraft:
        own = {each.draft.number for each in samples}
        return merged(samples, self.drafts, lambda number: "itself" if number in own else self.marks[number])

    def _not_fitting(self, samples: list[Sample]) -> set[int]:
        """Return the probes without which the uses of a block become one class, each tried after those before it."""
        probes = dict.fromkeys(each.draft.probe for each in samples if each.draft.probe is not None)
        kept: set[int | None] = {None}
        if probes and not self._become_one(samples, kept):
            return set()
        for probe in probes:
            kept |= {probe} if self._become_one(samples, {*kept, probe}) else set()
        return {probe for probe in probes if probe not in kept}

    def _become_one(self, samples: list[Sample], probes: set[int | None]) -> bool:
        """Return whether those of the uses that belong to some probes become one class."""
        # New samples: their values are those of the arguments that these uses have in common.
        chosen = [Sample(each.draft, each.form) for each in samples if each.draft.probe in probes]
        if len({each.form for each in chosen}) == 1:
            return True
        drafts = [each.draft for each in chosen]
        kinds, tensors = Kinds(drafts), Tensors(drafts, self.callers)
        try:
            kinds.enter()
            tensors.enter()
            self._merge(chosen)
        except Unmergeable:
            return False
        finally:
            tensors.leave()
            kinds.leave()
        return True

    @cached_property
    def callers(self) -> dict[int, ClassDraft]:
        """The draft that has each draft as a module of its own, by number."""
        modules = ((draft, entry.module) for draft in self.drafts for entry in draft.entries)
        return {
            module.function.number: draft
            for draft, module in modules
            if isinstance(module, Call) and isinstance(module.function, ClassRef) and not draft.container.inline
        }

    def _merged_apart(self, separate: list[Group], whole: list[Group]) -> list[Group]:
        """Return one group for the uses that are on one device; one that is on several keeps a class of its own."""
        apart = [group for group in separate if any(map(is_split, group.members))]
        for group in apart:
            group.why = "it is on several devices"
        found = self._merged([each for group in whole for each in group.members], whole)
        return sorted([*found, *apart], key=lambda group: min(each.number for each in group.members))

    def _key(self, draft: ClassDraft) -> Hashable:
        """Return the key of a draft. That of a model equals no other."""
        if draft.number in self.roots:
            return draft.number
        container = draft.container
        # The class of a tower whose steps its parent runs has no `forward`, and so no arguments.
        arguments = () if container.inline else tuple(name for name, _ in draft.arguments)
        head = (draft.name, container.kind, container.inline, draft.is_placed, draft.unit, arguments)
        results = tuple(draft.variables[draft.origin(path)] for path in draft.results() if draft.steps)
        return head, self._structure(draft), results

    def _known(self, expr: Expr) -> Expr:
        """Return a reference to a class as the key of the class, with the arguments that are no numbers."""
        if not isinstance(expr, ClassRef):
            return expr
        group = self.made.get(expr.number)
        draft = self.drafts[expr.number]
        choices = tuple((each.name, each.text) for each in draft.choices) if group and group.merged else ()
        return ClassRef(hash((self.marks[expr.number], choices)))

    def _structure(self, draft: ClassDraft) -> tuple[Hashable, ...]:
        """Return the structure of the entries and statements of a draft."""
        entries = [(each.name, structure(mapped(each.module, self._known))) for each in draft.entries]
        steps = [
            (draft.variables[each.value], each.over is not None, structure(draft.written(each.expr)))
            for each in draft.steps
        ]
        return (*entries, *(key(statement) for _, statement in draft.initialisation), *steps)


def _inner_first(needs: list[list[int]]) -> list[int]:
    """Return the numbers 0 to n - 1 such that each comes after those that it needs; a cycle is entered anywhere."""
    found: list[int] = []
    seen: set[int] = set()
    for number in range(len(needs)):
        stack = [(number, iter(needs[number]))] if number not in seen else []
        seen.add(number)
        while stack:
            top, others = stack[-1]
            inner = next((each for each in others if each not in seen), None)
            if inner is None:
                stack.pop()
                found.append(top)
                continue
            seen.add(inner)
            stack.append((inner, iter(needs[inner])))
    return found
