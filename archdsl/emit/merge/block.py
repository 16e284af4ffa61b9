"""The draft of one class for all uses of a block."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archdsl.base.pyexpr import (
    Call,
    Expr,
    Item,
    OnlyIf,
    Ref,
    ValueRef,
    structure,
    with_inputs,
)
from archdsl.base.pyexpr import Sequence as Display
from archdsl.base.pylogic import negated
from archdsl.emit.class_draft import ClassDraft, Entry, without_overwriting
from archdsl.emit.conditions import guard_key
from archdsl.emit.merge.alignment import Slot, aligned, argument_of, is_label
from archdsl.emit.merge.conditions import Condition, Conditions, Literal, as_python
from archdsl.emit.merge.expressions import Expressions
from archdsl.emit.merge.flow import Effect, Joined, require_right
from archdsl.emit.merge.kinds import all_parameters, is_unset
from archdsl.emit.merge.parts import constructor_of, display_of, items_of, named_arguments, with_numbers
from archdsl.emit.merge.samples import Sample, Unmergeable, forms_of, is_split, varying
from archdsl.emit.statements import Statement, key
from archdsl.emit.variables import Value, named
from archdsl.ir.graph import ChildNaming, Container, Node, Path
from archdsl.ops.merge import Add

_KIND = Item(Ref("Callable"), (Ref("..."), Ref("nn.Module")))
# Blocks with more steps keep a class for each form.
_MOST = 500


def merged(samples: Sequence[Sample], drafts: Sequence[ClassDraft], mark: Callable[[int], Hashable]) -> ClassDraft:
    """Return the draft of one class for all uses of a block.

    Args:
        samples: The uses.
        drafts: All drafts.
        mark: Returns a key of the class of a draft, by its number: drafts with one key have one class.

    Raises:
        Unmergeable: The uses do not become one class.
    """
    return _Merge([*samples], drafts, mark).draft()


@dataclass(slots=True)
class _Merge:
    samples: list[Sample]
    drafts: Sequence[ClassDraft]
    mark: Callable[[int], Hashable]
    by_form: dict[int, list[Sample]] = field(init=False)
    conditions: Conditions = field(init=False)
    expressions: Expressions = field(init=False)
    numbers: dict[int, dict[Path, int]] = field(init=False)
    flags: dict[str, Expr] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    operators: dict[str, None] = field(default_factory=dict)
    joined: Joined = field(default_factory=Joined)
    when: list[tuple[Slot, Condition]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_form = forms_of(self.samples)
        self.numbers = {
            form: {step.path: number for number, step in enumerate(each.whole)} for form, each in self.forms.items()
        }
        self.conditions = Conditions(self.samples)
        self.expressions = Expressions(self.by_form, self.drafts, self.mark, varying(self.samples))

    @property
    def forms(self) -> dict[int, ClassDraft]:
        """A draft of each form."""
        return {form: samples[0].draft for form, samples in self.by_form.items()}

    def draft(self) -> ClassDraft:
        """Return the draft of the class."""
        forms = self.forms
        first = next(iter(forms.values()))
        self._require_alike(forms)
        slots = aligned({form: each.container for form, each in forms.items()})
        self._require_order(slots, {form: each.container for form, each in forms.items()})
        self.taken = {slot.name for slot in slots} | {*first.parameters.values} | {each.name for each in first.choices}
        entries = [entry for entry in map(self._entry, slots) if entry]
        parameters = all_parameters(forms.values())
        made = ClassDraft(first.container, parameters, first.number, first.name, first.arguments, entries=entries)
        made.guards = first.guards
        made.forms = {each.draft.number: each.form for each in self.samples}
        made.initialisation = self._initialisation(forms)
        for name in self.operators:
            if any(name not in sample.draft.operators for sample in self.samples):
                raise Unmergeable(f"`{name}` is used in some uses only")
        self._forward(made, slots, forms)
        found = self.conditions.open_tests()
        made.optional_numbers = first.optional_numbers
        made.open_tests = [*found.values(), *map(is_unset, sorted(first.optional_numbers))]
        made.closed_tests = self.conditions.closed_tests()
        made.opened = {
            each.draft.number: frozenset(
                guard_key(guard)
                for key, _, test in self.conditions.tests_of(each)
                if key in found
                for guard in test.guards
            )
            for each in self.samples
        }
        for sample in self.samples:
            sample.draft.guards += tuple(self.expressions.demanded.get(sample.draft.number, ()))
        made.operators = {name: _KIND for name in self.operators}
        made.flags = self.flags
        return made

    def _require_alike(self, forms: Mapping[int, ClassDraft]) -> None:
        drafts = list(forms.values())
        first = drafts[0]
        if any(map(is_split, drafts)):
            raise Unmergeable("it is on several devices")
        if any(each.container.kind is not ChildNaming.NAMED for each in drafts):
            raise Unmergeable("its children have numbers")
        if any([name for name, _ in each.arguments] != [name for name, _ in first.arguments] for each in drafts):
            raise Unmergeable("its uses read different numbers of tensors")
        if any(len(each.container.children) > _MOST for each in drafts):
            raise Unmergeable(f"it has more than {_MOST} steps")

    @staticmethod
    def _require_order(slots: list[Slot], containers: Mapping[int, Container]) -> None:
        for form, container in containers.items():
            order = [slot.children[form] for slot in slots if form in slot.children]
            if any(one is not two for one, two in zip(order, container.children, strict=True)):
                raise Unmergeable("its uses have their steps in different orders")

    # constructor

    def _condition(self, slot: Slot, present: Collection[int], among: Collection[int]) -> Condition:
        """Return the condition of a step of the forms in `present`, in a container of those in `among`."""
        children = [(self.by_form[form][0], slot.children[form]) for form in present]
        samples = [each for form in among for each in self.by_form[form]]
        return self.conditions.of(children, lambda sample: sample.form in present, samples, slot.name)

    def _entry(self, slot: Slot) -> Entry | None:
        """Return the submodule of a step, None if the step has none."""
        found = {form: self._entry_of(form, child) for form, child in slot.children.items()}
        entries = {form: each for form, each in found.items() if each}
        if not entries:
            return None
        if len(entries) < len(found) or len({each.name for each in entries.values()}) > 1:
            raise Unmergeable(f"`{slot.name}` is a submodule with this name in some uses only")
        condition = self._condition(slot, entries.keys(), self.by_form.keys())
        module = self._module(slot.children, {form: each.module for form, each in entries.items()})
        return Entry(slot.name, module, test=as_python(condition) if condition else None)

    def _entry_of(self, form: int, child: Node | Container) -> Entry | None:
        draft = self.by_form[form][0].draft
        position = draft.positions.get(child.path[-1])
        return None if position is None or child.weights else draft.entries[position]

    def _module(self, children: Mapping[int, Node | Container], given: Mapping[int, Expr]) -> Expr:
        """Return the expression that creates a submodule; the items of a sequence may exist in some forms only."""
        if all(isinstance(each, Node) for each in children.values()):
            return self._leaf(children, given)
        chains = {form: each for form, each in children.items() if isinstance(each, Container)}
        items = {form: items_of(given[form]) for form in chains}
        if len(chains) < len(children) or any(
            items[form] is None or len(items[form] or ()) != len(each.children) for form, each in chains.items()
        ):
            return self.expressions.merged(given)
        kinds = {each.kind for each in chains.values()}
        slots = aligned(chains)
        self._require_order(slots, chains)
        made: list[Expr] = []
        for slot in slots:
            own = {
                form: (items[form] or ())[chains[form].children.index(child)] for form, child in slot.children.items()
            }
            item = self._module(slot.children, own)
            condition = self._condition(slot, slot.children.keys(), chains.keys())
            if condition and kinds != {ChildNaming.NUMBERED}:
                raise Unmergeable(f"`{slot.name}` is in a labelled sequence in some uses only")
            made.append(OnlyIf(as_python(condition), item) if condition else item)
        if len(kinds) > 1:
            raise Unmergeable("a submodule has numbers in some uses and names in others")
        first = next(iter(given.values()))
        assert isinstance(first, Call)
        if kinds == {ChildNaming.NUMBERED}:
            return Call(first.function, tuple(made))
        display = display_of(first)
        assert display is not None
        names = [slot.name for slot in slots]
        if any([child.path[-1] for child in chain.children] != names for chain in chains.values()):
            raise Unmergeable("the steps of a submodule have different names in some uses")
        pairs = tuple(Display((name, module), "(") for name, module in zip(names, made, strict=True))
        return Call(first.function, (Call("OrderedDict", (Display(pairs, display.bracket, display.exploded),)),))

    def _leaf(self, children: Mapping[int, Node | Container], given: Mapping[int, Expr]) -> Expr:
        """Return the construction of an operator; where a parameter of the block names it, that constructs it."""
        names = {argument_of(child, self.forms[form].container) for form, child in children.items()}
        calls = {form: each for form, each in given.items() if isinstance(each, Call)}
        heads = {each.function if isinstance(each.function, str) else None for each in calls.values()}
        (name,) = names if len(names) == 1 else ("",)
        is_one = len(heads) == 1 and name not in self.expressions.varying
        if not name or is_one or None in heads or len(calls) < len(given):
            return self.expressions.merged(given)
        shared = {
            key: value
            for key, value in next(iter(calls.values())).named
            if all((key, structure(value)) in named_arguments(each) for each in calls.values())
        }
        for form, each in calls.items():
            rest = tuple((key, value) for key, value in each.named if key not in shared)
            constructor = constructor_of(each, rest)
            for sample in self.by_form[form]:
                known = sample.draft.operators.setdefault(name, constructor)
                if structure(known) != structure(constructor):
                    raise Unmergeable(f"`{name}` is constructed in several ways")
        self.operators[name] = None
        spread = next(iter(calls.values())).spread
        if any(structure(each.spread) != structure(spread) for each in calls.values()):
            raise Unmergeable(f"`{name}` is a layer with parameters in some uses only")
        return Call(Ref(name), (), tuple(shared.items()), spread)

    @staticmethod
    def _initialisation(forms: Mapping[int, ClassDraft]) -> list[tuple[str, Statement]]:
        """Return the statements that initialise weights, which have to be the same in all uses."""
        found: dict[str, list[Statement]] = {}
        texts: dict[str, set[Hashable]] = {}
        for draft in forms.values():
            own: dict[str, list[Statement]] = {entry.name: [] for entry in draft.entries}
            for name, statement in draft.initialisation:
                own.setdefault(name, []).append(statement)
            for name, statements in own.items():
                found.setdefault(name, statements)
                texts.setdefault(name, set()).add(tuple(map(key, statements)))
        if any(len(each) > 1 for each in texts.values()):
            raise Unmergeable("its weights are initialised in different ways")
        return [(name, statement) for name, statements in found.items() for statement in statements]

    # forward

    def _forward(self, made: ClassDraft, slots: list[Slot], forms: Mapping[int, ClassDraft]) -> None:
        """Enter the statements of `forward`, and their variables."""
        given: dict[int, Path] = {number: ("", "given", str(number)) for number in range(len(made.arguments))}
        known = {form: {path: given[n] for n, (_, path) in enumerate(each.arguments)} for form, each in forms.items()}
        effects: list[dict[int, Effect]] = []
        for slot in slots:
            self._step(made, slot, forms, known, effects)
        results = {
            form: tuple(self._known(known[form], each.origin_in_whole(path)) for path in each.results())
            for form, each in forms.items()
        }
        for column in zip(*results.values(), strict=True):
            self.joined.join(column)
        passing = self._passing(made)
        names = self._variables(made, given, effects, results)
        self._enter_tests(made, passing)
        require_right(effects, {form: [*given.values()] for form in forms}, results, names)
        first, own = next(iter(forms.items()))
        made.variables = names | {path: names[each] for path, each in known[first].items()}
        for path, result in zip(own.results(), results[first], strict=True):
            made.variables[path] = names[result]

    def _passing(self, made: ClassDraft) -> set[int]:
        """Return the numbers of the optional steps for which the identity can stand, where uses lack them.

        Each is a submodule whose only input has the variable of its result; in a run of such steps, that of the last.
        """
        of = self.joined.of
        entries = {entry.name for entry in made.entries if entry.test is not None}
        optional = {
            number
            for number, (slot, condition) in enumerate(self.when)
            if condition and slot.name in entries and len(made.steps[number].reads) == 1
        }
        readers: dict[Path, list[int]] = {}
        for number, step in enumerate(made.steps):
            for path in step.reads:
                readers.setdefault(path, []).append(number)
        for number in sorted(optional, reverse=True):
            step = made.steps[number]
            after = readers.get(step.value, [])
            if len(after) == 1 and after[0] in optional and self.when[after[0]][1] == self.when[number][1]:
                last = made.steps[after[0]]
                if of(last.value) == of(step.reads[0]):
                    self.joined.join((step.reads[0], step.value))
        return {number for number in optional if of(made.steps[number].value) == of(made.steps[number].reads[0])}

    def _enter_tests(self, made: ClassDraft, passing: set[int]) -> None:
        """Enter the tests of optional statements, and the submodules that are the identity in some uses."""
        identities = {self.when[number][0].name for number in passing}
        made.entries = [replace(each, optional=each.name in identities) for each in made.entries]
        for number, (slot, condition) in enumerate(self.when):
            if number in passing:
                made.steps[number] = replace(made.steps[number], optional=True)
            else:
                tests = tuple(self._flag(each, slot) for each in condition)
                made.steps[number] = replace(made.steps[number], tests=tests)

    @staticmethod
    def _known(known: Mapping[Path, Path], path: Path) -> Path:
        if path not in known:
            raise Unmergeable("it returns a tensor that it does not compute")
        return known[path]

    def _step(
        self,
        made: ClassDraft,
        slot: Slot,
        forms: Mapping[int, ClassDraft],
        known: Mapping[int, dict[Path, Path]],
        effects: list[dict[int, Effect]],
    ) -> None:
        """Enter the statement of a step, if it has one."""
        numbers = {
            form: number
            for form, child in slot.children.items()
            if (number := self.numbers[form].get(child.path)) is not None
        }
        if not numbers:
            return
        sides = {form: forms[form].whole[number] for form, number in numbers.items()}
        value = ("", "made", str(len(effects)))
        if any(step.over is None for step in sides.values()):
            sides = {form: without_overwriting(step) for form, step in sides.items()}
        reads = {
            form: tuple(self._known(known[form], forms[form].origin_in_whole(path)) for path in step.reads)
            for form, step in sides.items()
        }
        if len({*map(len, reads.values())}) > 1:
            raise Unmergeable(f"`{slot.name}` reads different numbers of tensors")
        for column in zip(*reads.values(), strict=True):
            self.joined.join(column)
        exprs = {form: with_numbers(step, forms[form]) for form, step in sides.items()}
        first_form, first = next(iter(sides.items()))
        chosen = reads[first_form]
        expr = with_inputs(self.expressions.merged(exprs), tuple(map(ValueRef, chosen)))
        condition = self._condition(slot, sides.keys(), self.by_form.keys())
        over = None
        if first.over is not None:
            over = self._known(known[first_form], forms[first_form].origin_in_whole(first.over))
        made.steps.append(
            replace(
                first, value=value, expr=expr, reads=chosen, over=over, optional=False,
                label=next((step.label for step in sides.values() if step.label), ""),
                is_merged=any(step.is_merged for step in sides.values()),
            )
        )  # fmt: skip
        self.when.append((slot, condition))
        made.sides.append(numbers)
        for form, step in sides.items():
            known[form][step.value] = known[form][step.path] = value
        effects.append({form: Effect(reads[form], value) for form in sides})

    def _variables(
        self,
        made: ClassDraft,
        given: Mapping[int, Path],
        effects: list[dict[int, Effect]],
        results: Mapping[int, Sequence[Path]],
    ) -> dict[Path, str]:
        """Return the variable of each tensor; joined tensors have one."""
        of = self.joined.of
        values = []
        for step, sides in zip(made.steps, effects, strict=True):
            reads = dict.fromkeys(of(path) for each in sides.values() for path in each.reads)
            over = of(step.over) if step.over else None
            if of(step.value) in reads and over is None and step.reads == (step.reads[0],):
                continue
            values.append(Value(of(step.value), tuple(reads), step.label, "", step.is_merged, over))
        arguments = {of(path): made.arguments[number][0] for number, path in reversed([*given.items()])}
        kept = frozenset(of(path) for paths in results.values() for path in paths)
        names = named(values, arguments, kept, {})
        paths = [*given.values(), *(step.value for step in made.steps)]
        return {path: names[of(path)] for path in paths}

    def _flag(self, literal: Literal, slot: Slot) -> tuple[str, bool]:
        """Return the attribute that says whether a test holds, and its value."""
        if isinstance(literal.test, Ref):
            self.flags[literal.test.name] = literal.test
            return literal.test.name, literal.holds
        wanted, opposite = structure(literal.test), structure(negated(literal.test))
        for name, test in self.flags.items():
            if structure(test) in (wanted, opposite):
                return name, literal.holds == (structure(test) == wanted)
        name = base = f"has_{self._flagged(slot)}"
        number = 2
        while name in self.taken or name in self.flags:
            name, number = f"{base}_{number}", number + 1
        self.flags[name] = literal.test if literal.holds else negated(literal.test)
        return name, True

    @staticmethod
    def _flagged(slot: Slot) -> str:
        child = next(iter(slot.children.values()))
        if isinstance(child, Node) and isinstance(child.op, Add) and not is_label(child):
            return "shortcut"
        return slot.name if is_label(child) or not isinstance(child, Node) else child.op.name
