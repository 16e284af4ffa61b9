"""One expression for all uses of a block."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.base.guards import Guard
from archdsl.base.pyexpr import Call, ClassRef, Composite, Conditional, Expr, Ref, parts, structure
from archdsl.base.substitution import replaced
from archdsl.base.symbolic import trace_of
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.merge.kinds import given_number, is_plain, is_unset, only_in_some, spread
from archdsl.emit.merge.samples import Sample, Unmergeable

_TRIED = 8
# Arguments that only save memory: where some uses cannot have them, none has.
_SAVING = "inplace"
_DEFAULTS: Mapping[str, Expr] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
# Returns the tests that divide some forms, with the forms in which each holds and the others.
Sides: TypeAlias = Callable[[Collection[int]], Iterable[tuple[Expr, list[int], list[int]]]]


def _no_sides(_: Collection[int]) -> Iterable[tuple[Expr, list[int], list[int]]]:
    return ()


@dataclass(frozen=True, slots=True)
class Expressions:
    """Merges expressions of the forms of a block.

    Attributes:
        samples: The uses, by their form.
        drafts: All drafts.
        mark: Returns a key of the class of a draft, by its number: drafts with one key have one class.
        varying: The parameters without a trace whose values differ between the uses.
        demanded: The conditions on each draft under which the merged expressions are its own.
    """

    samples: Mapping[int, list[Sample]]
    drafts: Sequence[ClassDraft]
    mark: Callable[[int], Hashable]
    varying: frozenset[str]
    demanded: dict[int, list[Guard]] = field(default_factory=dict)

    def merged(self, given: Mapping[int, Expr], sides: Sides = _no_sides) -> Expr:
        """Return an expression that is right in all uses.

        Args:
            given: The expression of each form.
            sides: Returns the tests that values may depend on.

        Raises:
            Unmergeable: There is none.
        """
        first = next(iter(given.values()))
        if any(isinstance(each, Call) and isinstance(each.function, ClassRef) for each in given.values()):
            return self._construction(given, sides)
        optional = only_in_some(given, {form: self.samples[form][0].draft for form in given})
        if optional:
            return self._optional(given, sides, *optional)
        if len({structure(each) for each in given.values()}) == 1:
            return self._with_parts(first, given, sides) if isinstance(first, Composite | tuple) else first
        given = self._with_pairs(given)
        if all(isinstance(each, bool | int | float | str) for each in given.values()):
            return self._constant(given, sides)
        if all(isinstance(each, Call) for each in given.values()):
            given = _with_equal_arguments(given)
        return self._with_parts(next(iter(given.values())), given, sides)

    def _optional(
        self, given: Mapping[int, Expr], sides: Sides, name: str, without: list[int], having: list[int]
    ) -> Expr:
        """Return a value that depends on whether an optional number is None."""
        value, otherwise = (self.merged({form: given[form] for form in forms}, sides) for forms in (without, having))
        is_same = value is None and is_plain(otherwise, name)
        return otherwise if is_same else Conditional(value, is_unset(name), otherwise)

    def _with_pairs(self, given: Mapping[int, Expr]) -> Mapping[int, Expr]:
        """Return numbers for all axes as tuples, where other forms have a number for each axis."""
        lengths = {len(each) for each in given.values() if isinstance(each, tuple)}
        drafts = {form: self.samples[form][0].draft for form, each in given.items() if not isinstance(each, tuple)}
        if len(lengths) != 1 or not all(
            draft.parameters.renamed and isinstance(given[form], int) for form, draft in drafts.items()
        ):
            return given
        return {form: spread(each, drafts[form], *lengths) if form in drafts else each for form, each in given.items()}

    def _constant(self, given: Mapping[int, Expr], sides: Sides) -> Expr:
        """Return a number that is right in all forms, or two constants behind a test."""
        found = self._simple(given)
        if found is not None and self._follows(found, given):
            self._demand(found, given)
            return found
        for test, true, false in sides(given.keys()):
            parts = [{form: given[form] for form in each} for each in (true, false)]
            value, otherwise = map(self._simple, parts)
            if value is None or otherwise is None or structure(value) == structure(otherwise):
                continue
            if found is None or (self._follows(value, parts[0]) and self._follows(otherwise, parts[1])):
                self._demand(value, parts[0])
                self._demand(otherwise, parts[1])
                return Conditional(value, test, otherwise)
        if found is None:
            raise Unmergeable(f"no expression gives {_shown(given)}")
        self._demand(found, given)
        return found

    def _with_parts(self, first: Expr, given: Mapping[int, Expr], sides: Sides) -> Expr:
        """Return an expression whose parts are merged."""
        kinds = {
            (type(each), each.label() if isinstance(each, Composite) else len(parts(each))) for each in given.values()
        }
        if (
            len(kinds) > 1
            or not isinstance(first, Composite | tuple)
            or len({*map(len, map(parts, given.values()))}) > 1
        ):
            raise Unmergeable(f"no expression gives {_shown(given)}")
        columns = zip(*(parts(each) for each in given.values()), strict=True)
        made = tuple(self.merged(dict(zip(given, column, strict=True)), sides) for column in columns)
        return made if isinstance(first, tuple) else first.with_parts(made)

    def _simple(self, given: Mapping[int, Expr]) -> Expr:
        """Return the number or constant of one form that is right in all, None if there is none."""
        texts = {structure(each): each for each in given.values()}
        if len(texts) == 1:
            return next(iter(texts.values()))
        if any(isinstance(each, bool | str) for each in given.values()):
            return None
        for candidate in list(texts.values())[:_TRIED]:
            if all(each.has(candidate, each.value(own)) for form, own in given.items() for each in self.samples[form]):
                return candidate
        return None

    def _follows(self, chosen: Expr, given: Mapping[int, Expr]) -> bool:
        """Return whether the forms that compute a number in another way demand already that both are equal."""
        others = {form: each for form, each in given.items() if structure(each) != structure(chosen)}
        return all(
            any(_says_equal(guard, own, chosen) for guard in sample.draft.guards) or _is_absent(sample, own, chosen)
            for form, own in others.items()
            for sample in self.samples[form]
        )

    def _demand(self, chosen: Expr, given: Mapping[int, Expr]) -> None:
        """Let the forms that compute a number in another way demand that both ways give the same."""
        if not isinstance(chosen, int | float):
            return
        for form, own in given.items():
            if structure(own) == structure(chosen) or not isinstance(own, int | float):
                continue
            for sample in self.samples[form]:
                if _is_absent(sample, own, chosen):
                    continue
                guard = Guard("==", ((own, chosen),), sample.draft.container.span)
                if guard not in self.demanded.setdefault(sample.draft.number, []):
                    self.demanded[sample.draft.number].append(guard)

    def _construction(self, given: Mapping[int, Expr], sides: Sides) -> Expr:
        """Return the construction of a class that all forms construct."""
        calls = {form: each for form, each in given.items() if isinstance(each, Call)}
        numbers = {form: each.function.number for form, each in calls.items() if isinstance(each.function, ClassRef)}
        if len(numbers) < len(given) or len({self.mark(number) for number in numbers.values()}) > 1:
            raise Unmergeable("the uses construct different classes")
        arguments = {form: self._arguments(form, calls[form], self.drafts[number]) for form, number in numbers.items()}
        names = [name for name in next(iter(arguments.values())) if all(name in each for each in arguments.values())]
        first = next(iter(calls.values()))
        named = tuple(
            (name, self.merged({form: each[name] for form, each in arguments.items()}, sides)) for name in names
        )
        return Call(first.function, (), named, first.spread)

    def _arguments(self, form: int, call: Call, inner: ClassDraft) -> dict[str, Expr]:
        """Return all arguments that a construction can give."""
        use = inner.container.use
        if use is None:
            return dict(call.named)
        sample = self.samples[form][0]
        numbers = {each.name: given_number(each, sample.draft) for each in inner.numbers_given}
        choices: dict[str, Expr] = {}
        for each in inner.choices:
            operator = inner.operators.get(each.name)
            if operator is not None and each.alias in self.varying:
                raise Unmergeable(f"it hands `{each.alias}` on")
            is_own = operator is None and isinstance(each.expr, bool | str) and each.alias in sample.values
            choices[each.name] = Ref(each.alias) if is_own else each.expr if operator is None else operator
        return {**numbers, **choices}


def _is_absent(sample: Sample, own: Expr, chosen: Expr) -> bool:
    """Return whether two numbers are equal in a use because it leaves tensors out."""
    absent = dict.fromkeys(sample.draft.absent_sizes, 0)
    if not absent or not isinstance(own, int | float) or not isinstance(chosen, int | float):
        return False
    return trace_of(replaced(chosen, absent, sample.draft.parameters.values)) == trace_of(own)


def _says_equal(guard: Guard, one: Expr, other: Expr) -> bool:
    """Return whether a guard says that two numbers are equal."""
    pair = {structure(one), structure(other)}
    return guard.symbol == "==" and any({structure(left), structure(right)} == pair for left, right in guard.pairs)


def _with_equal_arguments(given: Mapping[int, Expr]) -> Mapping[int, Expr]:
    """Return calls without the arguments that only save memory, where some calls lack them, and with equal others."""
    calls = {form: each for form, each in given.items() if isinstance(each, Call)}
    if not all(_SAVING in dict(each.named) for each in calls.values()):
        calls = {form: each.without_argument(_SAVING) for form, each in calls.items()}
    if not all(isinstance(each.function, str) and each.function.startswith("nn.Conv") for each in calls.values()):
        return calls
    names = max((tuple(name for name, _ in each.named) for each in calls.values()), key=len)
    if any(name not in names for each in calls.values() for name, _ in each.named):
        return calls
    return {form: _with_defaults(each, names) for form, each in calls.items()}


def _with_defaults(made: Call, names: tuple[str, ...]) -> Call:
    """Return the call of a convolution with arguments that it leaves out, because they are PyTorch's defaults."""
    given = dict(made.named)
    named = tuple((name, given.get(name, _DEFAULTS.get(name))) for name in names)
    return Call(made.function, made.args, named, made.spread)


def _shown(given: Mapping[int, Expr]) -> str:
    from archdsl.base.pyprint import flat

    found = dict.fromkeys(
        flat(each) if not isinstance(each, Composite) else type(each).__name__ for each in given.values()
    )
    return " and ".join(list(found)[:2])
