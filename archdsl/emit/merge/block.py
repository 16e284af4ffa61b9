"""The draft of one class for all uses of a block."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from archdsl.base.items import owner_of
from archdsl.base.pyexpr import (
    Call,
    ClassRef,
    Expr,
    Infix,
    Item,
    OnlyIf,
    Ref,
    structure,
)
from archdsl.base.pyexpr import Sequence as Display
from archdsl.base.pylogic import negated
from archdsl.emit.class_draft import ClassDraft, Entry
from archdsl.emit.class_parameters import own
from archdsl.emit.conditions import guard_key
from archdsl.emit.merge.alignment import Slot, aligned, argument_of
from archdsl.emit.merge.conditions import Condition, Conditions, as_python
from archdsl.emit.merge.either import Either
from archdsl.emit.merge.expressions import Expressions
from archdsl.emit.merge.forward import Forward
from archdsl.emit.merge.kinds import all_parameters, is_unset
from archdsl.emit.merge.parts import constructor_of, display_of, items_of, named_arguments
from archdsl.emit.merge.samples import Sample, Unmergeable, forms_of, is_split, varying
from archdsl.emit.statements import Statement, key
from archdsl.ir.graph import ChildNaming, Container, Node
from archdsl.target.reserved import MODULE_ATTRIBUTES

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
    either: Either = field(init=False)
    taken: set[str] = field(default_factory=set)
    operators: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_form = forms_of(self.samples)
        self.conditions = Conditions(self.samples)
        self.either = Either(self.conditions, self.by_form)
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
        labels = frozenset(slot.name for slot in slots)
        self.taken = {*labels, *map(owner_of, first.parameters.values), *(each.name for each in first.choices)}
        entries = [entry for slot in slots for entry in self._entries(slot)]
        parameters = all_parameters(forms.values())
        parameters.attributes = {}
        stored = frozenset[str]().union(*(each.applied for each in forms.values()))
        parameters.hide((labels | MODULE_ATTRIBUTES).intersection(map(owner_of, stored)), labels | MODULE_ATTRIBUTES)
        self.taken |= MODULE_ATTRIBUTES | {*parameters.attributes.values()}
        made = ClassDraft(first.container, parameters, first.number, first.name, first.arguments, entries=entries)
        made.optional, made.present, made.optional_sizes = first.optional, first.present, first.optional_sizes
        made.guards = first.guards
        made.forms = {each.draft.number: each.form for each in self.samples}
        made.initialisation = self._initialisation(forms)
        for name in self.operators:
            if any(name not in sample.draft.operators for sample in self.samples):
                raise Unmergeable(f"`{name}` is used in some uses only")
        Forward(
            made,
            self.by_form,
            self._when,
            self.expressions,
            self.either,
            self.mark,
            self.drafts,
            self.taken,
            labels | MODULE_ATTRIBUTES,
        ).enter(slots)
        self._enter_tests(made)
        for sample in self.samples:
            sample.draft.guards += tuple(self.expressions.demanded.get(sample.draft.number, ()))
        made.operator_types = {name: _KIND for name in self.operators}
        return made

    def _enter_tests(self, made: ClassDraft) -> None:
        """Enter the tests that decide about the steps."""
        found = self.conditions.open_tests()
        made.optional_numbers = next(iter(self.forms.values())).optional_numbers
        unset = map(is_unset, sorted(made.optional_numbers))
        made.open_tests = [*found.values(), *self._present(made, found.values()), *unset]
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

    @staticmethod
    def _present(made: ClassDraft, tests: Iterable[Expr]) -> Iterator[Expr]:
        """Yield the tests whether optional tensors exist, other than those in `tests`: the steps may depend on them."""
        known = {structure(each) for test in tests for each in (test, negated(test))}
        for size in made.present.values():
            test = Infix(own(size, made.parameters.values[size]), ">", 0)
            if size in made.optional_sizes and structure(test) not in known:
                yield test

    def _require_alike(self, forms: Mapping[int, ClassDraft]) -> None:
        drafts = list(forms.values())
        if any(map(is_split, drafts)):
            raise Unmergeable("it is on several devices")
        if any(each.container.kind is not ChildNaming.NAMED for each in drafts):
            raise Unmergeable("its children have numbers")
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

    def _when(self, slot: Slot) -> Condition:
        """Return the condition of a step."""
        return self._condition(slot, slot.children.keys(), self.by_form.keys())

    def _entries(self, slot: Slot) -> list[Entry]:
        """Return the submodule of a step: several, if its class depends on a test; none, if it has no submodule."""
        found = {form: self._entry_of(form, child) for form, child in slot.children.items()}
        entries = {form: each for form, each in found.items() if each}
        if not entries:
            return []
        if len({each.name for each in entries.values()}) > 1:
            raise Unmergeable(f"`{slot.name}` is a submodule with this name in some uses only")
        parts: dict[Hashable, Slot] = {}
        for form in entries:
            child = slot.children[form]
            parts.setdefault(self._kind(child, entries[form]), Slot(slot.key)).children[form] = child
        made: list[Entry] = []
        for part in parts.values():
            condition = self._when(part)
            module = self._module(part.children, {form: entries[form].module for form in part.children})
            made.append(Entry(slot.name, module, test=as_python(condition) if condition else None))
        return made

    def _kind(self, child: Node | Container, entry: Entry) -> Hashable:
        """Return what an expression that is right in all uses has to agree in."""
        module = entry.module
        if isinstance(module, Call) and isinstance(module.function, ClassRef):
            return "class", self.mark(module.function.number)
        if isinstance(child, Container):
            return "container"
        return "operator" if argument_of(child, self.samples[0].draft.container) else child.op.name

    def _entry_of(self, form: int, child: Node | Container) -> Entry | None:
        draft = self.by_form[form][0].draft
        position = draft.positions.get(child.path[-1])
        return None if position is None or child.weights else draft.entries[position]

    def _module(self, children: Mapping[int, Node | Container], given: Mapping[int, Expr]) -> Expr:
        """Return the expression that creates a submodule; the items of a sequence may exist in some forms only."""
        if all(isinstance(each, Node) for each in children.values()):
            return self._leaf(children, given)
        sides = partial(self.either.sides, children)
        chains = {form: each for form, each in children.items() if isinstance(each, Container)}
        items = {form: items_of(given[form]) for form in chains}
        if len(chains) < len(children) or any(
            items[form] is None or len(items[form] or ()) != len(each.children) for form, each in chains.items()
        ):
            return self.expressions.merged(given, sides)
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
            return self.expressions.merged(given, partial(self.either.sides, children))
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
