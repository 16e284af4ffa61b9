"""Arguments that have different types in the uses of a block: numbers and pairs, or numbers and `none` or a word.

A number stands for all axes, so that the class takes a pair, and uses with a number give it twice. A class whose uses
have numbers or one word takes `None` for the word.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from archdsl.base.guards import Guard
from archdsl.base.items import by_owner, is_item, item_name, number_of_item
from archdsl.base.pyexpr import Expr, Infix, Ref, mapped, structure
from archdsl.base.substitution import replaced
from archdsl.base.symbolic import is_traced, parameters_of
from archdsl.emit.class_draft import ClassDraft, ForwardStep
from archdsl.emit.class_parameters import ClassParameters, own
from archdsl.emit.merge.samples import Unmergeable
from archdsl.emit.statements import changed
from archdsl.ir.origin import Choice
from archdsl.ir.uses import Argument, Use
from archdsl.ops.argument_types import Word


@dataclass(slots=True)
class Kinds:
    """The arguments of the uses of a block. While they are entered, those of all uses have the same types."""

    drafts: Sequence[ClassDraft]
    _before: list[ClassDraft] = field(default_factory=list)

    def enter(self) -> None:
        """Change the uses.

        Raises:
            Unmergeable: The arguments have no common types.
        """
        changed = _alike(self.drafts)
        self._before = [replace(each) for each in self.drafts]
        for draft, other in zip(self.drafts, changed, strict=True):
            _become(draft, other)

    def leave(self) -> None:
        """Restore the uses as they were."""
        for draft, before in zip(self.drafts, self._before, strict=False):
            _become(draft, before)


def _become(draft: ClassDraft, other: ClassDraft) -> None:
    """Give a draft all that another one has; others refer to the draft."""
    for each in fields(ClassDraft):
        setattr(draft, each.name, getattr(other, each.name))


def _alike(drafts: Sequence[ClassDraft]) -> list[ClassDraft]:
    """Return the uses of a block with arguments of the same types.

    Raises:
        Unmergeable: The lists of one argument have different lengths.
    """
    lengths: dict[str, set[int]] = {}
    words: dict[str, set[str]] = {}
    for draft in drafts:
        for owner, names in by_owner(draft.parameters.values).items():
            lengths.setdefault(owner, set()).add(len(names) if is_item(names[0]) else 0)
        for each in draft.choices:
            if each.value is None or isinstance(each.value, Word):
                words.setdefault(each.name, set()).add(each.text)
    pairs = {name: max(found) for name, found in lengths.items() if len(found) == 2 and 0 in found}
    optional = frozenset(name for name, found in words.items() if len(found) == 1 and lengths.get(name) == {0})
    for name, found in lengths.items():
        if len(found - {0}) > 1:
            raise Unmergeable(f"`{name}` has different lengths")
    if not pairs and not optional:
        return [*drafts]
    return [_Change(draft, pairs, optional).made() for draft in drafts]


@dataclass(frozen=True, slots=True)
class _Change:
    """A use with arguments of other types: with `pairs` as lists of so many numbers, and with `optional` ones."""

    draft: ClassDraft
    pairs: Mapping[str, int]
    optional: frozenset[str]

    def made(self) -> ClassDraft:
        """Return the use with these arguments."""
        draft = self.draft
        lifted = {name: count for name, count in self.pairs.items() if name in draft.parameters.values}
        use = draft.container.use
        assert use
        if any(parameters_of(guard.pairs) & lifted.keys() for each in use.tests for guard in each.test.guards):
            raise Unmergeable("a test reads a number of which other uses have several")
        use = replace(
            use,
            arguments=tuple(_arguments(use, lifted)),
            choices=tuple(_unset(each) if each.name in self.optional else each for each in use.choices),
        )
        parameters = draft.parameters
        if lifted:
            parameters = _parameters(draft.parameters, lifted)
            first = _first(draft.parameters, lifted)

        def change(expr: Expr) -> Expr:
            return replaced(expr, first) if lifted and is_traced(expr) else expr

        def step(each: ForwardStep) -> ForwardStep:
            return replace(each, expr=mapped(each.expr, change)) if lifted else each

        return replace(
            draft,
            container=replace(draft.container, use=use),
            parameters=parameters,
            guards=tuple(_guards(draft, lifted)),
            entries=[replace(each, module=mapped(each.module, change)) for each in draft.entries],
            initialisation=[(name, changed(each, change)) for name, each in draft.initialisation],
            steps=[*map(step, draft.steps)],
            whole=[*map(step, draft.whole)],
            operators={name: mapped(each, change) for name, each in draft.operators.items()},
            optional_numbers=self.optional,
        )


def _unset(choice: Choice) -> Choice:
    return replace(choice, value=None, text="none", alias="")


def _arguments(use: Use, lifted: Mapping[str, int]) -> Iterator[Argument]:
    for each in use.arguments:
        if each.name in lifted:
            yield from (replace(each, name=item_name(each.name, number)) for number in range(lifted[each.name]))
        else:
            yield each


def _parameters(given: ClassParameters, lifted: Mapping[str, int]) -> ClassParameters:
    """Return parameters with items in place of the numbers that became lists."""

    def with_items(found: Mapping[str, int | float]) -> dict[str, int | float]:
        return {item: value for name, value in found.items() for item in _items(name, lifted)}

    return replace(
        given,
        values=with_items(given.values),
        fixed={item for name in given.fixed for item in _items(name, lifted)},
        meanings=with_items(given.meanings),
        renamed={name: item_name(name, 0) for name in lifted},
    )


def _items(name: str, lifted: Mapping[str, int]) -> list[str]:
    return [item_name(name, number) for number in range(lifted[name])] if name in lifted else [name]


def _first(given: ClassParameters, lifted: Mapping[str, int], number: int = 0) -> dict[str, int | float]:
    return {name: own(item_name(name, number), given.values[name]) for name in lifted}


def _guards(draft: ClassDraft, lifted: Mapping[str, int]) -> Iterator[Guard]:
    """Yield the guards of a use; those on a number that became a list hold for each of its items."""
    for guard in draft.guards:
        names = parameters_of(guard.pairs) & lifted.keys()
        for number in range(max((lifted[name] for name in names), default=1)):
            values = _first(draft.parameters, {name: lifted[name] for name in names}, number)
            pairs = tuple((replaced(left, values), replaced(right, values)) for left, right in guard.pairs)
            yield guard._replace(pairs=pairs) if names else guard


def spread(expr: Expr, draft: ClassDraft, count: int) -> Expr:
    """Return a number for all axes as a tuple with one for each axis."""
    made: list[Expr] = []
    for number in range(count):
        values = {
            item_name(name, 0): own(item_name(name, number), draft.parameters.values[item_name(name, 0)])
            for name in draft.parameters.renamed
        }
        made.append(replaced(expr, values) if is_traced(expr) else expr)
    return tuple(made)


def given_number(argument: Argument, draft: ClassDraft) -> Expr:
    """Return a number that a use gives to an inner block; an item of a list is given the same item, if it can be."""
    given, renamed = argument.value, draft.parameters.renamed
    if renamed and is_item(argument.name) and is_traced(given):
        items = {name: item_name(name, number_of_item(argument.name)) for name in renamed}
        values = draft.parameters.values
        given = replaced(given, {name: own(item, values[item]) for name, item in items.items() if item in values})
    return draft.parameters.expression(given)


def is_unset(name: str) -> Expr:
    """Return the test whether an optional number is None."""
    return Infix(Ref(name), "is", None)


def only_in_some(
    given: Mapping[int, Expr], drafts: Mapping[int, ClassDraft]
) -> tuple[str, list[int], list[int]] | None:
    """Return the optional number that decides about the expressions of some forms, with the forms without and with it.

    None if there is none.
    """
    first = next(iter(drafts.values()))
    for name in sorted(first.optional_numbers):
        having = [form for form in given if name in drafts[form].parameters.values]
        without = [form for form in given if form not in having]
        exprs = [given[form] for form in having]
        is_read = any(is_traced(each) and name in parameters_of(each) for each in exprs)
        if without and is_read and all(isinstance(each, int | float) for each in exprs):
            return name, without, having
    return None


def all_parameters(drafts: Iterable[ClassDraft]) -> ClassParameters:
    """Return the parameters of the class of some uses; some of these lack optional numbers.

    Raises:
        Unmergeable: The uses have different parameters.
    """
    first, *others = drafts
    found = first.parameters.copied()
    for each in others:
        names = each.parameters.values.keys() ^ first.parameters.values.keys()
        if not names <= first.optional_numbers:
            raise Unmergeable("its uses have different parameters")
        found.values = {
            **found.values,
            **{name: each.parameters.values[name] for name in names & each.parameters.values.keys()},
        }
        found.fixed |= each.parameters.fixed
    return found


def is_plain(expr: Expr, name: str) -> bool:
    """Return whether an expression is a parameter alone."""
    return structure(expr) == structure(own(name, 1)) or structure(expr) == structure(own(name, 1.0))
