"""Merges equal drafts into classes, with parameters where their uses differ."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from archdsl.base.guards import Guard, Number
from archdsl.base.items import by_owner, is_item
from archdsl.base.pyexpr import Call, ClassRef, Expr, Ref, Sequence, mapped
from archdsl.base.substitution import evaluated
from archdsl.base.symbolic import is_traced, trace_of
from archdsl.emit.arguments import complete
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import names_in
from archdsl.emit.conditions import Clause
from archdsl.emit.grouping import grouped

# A parameter of constructors: the factory arguments by device.
ON = Ref("on")
# The process group of the towers.
GROUP = Ref("group")
# A variable of constructors: the factory arguments (device and dtype) of all layers.
FACTORY = Ref("factory")


@dataclass(slots=True)
class Class:
    """A class of the generated module.

    Attributes:
        name: Its name.
        members: The drafts that were merged into it, those of the net first.
        parameters: The parameters of the net that the constructor takes.
        forms: The number of classes of the same block. Uses that differ in structure have classes of their own.
        fixed: The parameters of the net that became numbers, with the guards that fixed them.
        checks: The conditions on the parameters without which the class would be wrong.
        undecided: The conditions of a merged class of which no test tells which uses have them.
        combinations: The tests of a merged class and its values without traces, and the combinations of its uses; empty
            if these are all.
        merged: The draft of a class for uses of different forms.
        why: Why a block has several classes; empty if it has one.
        representative: The draft that the code is written from.
    """

    name: str
    members: list[ClassDraft]
    parameters: list[str] = field(default_factory=list)
    forms: int = 1
    fixed: dict[str, Guard | None] = field(default_factory=dict)
    checks: list[Clause] = field(default_factory=list)
    undecided: list[Expr] = field(default_factory=list)
    combinations: tuple[tuple[Expr, ...], tuple[tuple[Expr, ...], ...]] = ((), ())
    merged: ClassDraft | None = None
    why: str = ""
    representative: ClassDraft = field(init=False)

    @property
    def drafts(self) -> list[ClassDraft]:
        """The drafts whose code the class has."""
        return [self.merged] if self.merged else self.members

    @property
    def uses(self) -> list[ClassDraft]:
        """The members without probes."""
        return [each for each in self.members if each.probe is None]

    def __post_init__(self) -> None:
        self.representative = self.merged or self.members[0]


def classes(drafts: list[ClassDraft], roots: Collection[int], reserved: Iterable[str]) -> dict[int, Class]:
    """Return the class of each draft, by the number of the draft.

    Args:
        drafts: All drafts, inner classes first.
        roots: The numbers of the models' drafts, whose names are fixed.
        reserved: Names that no class can have.
    """
    groups = grouped(drafts, roots)
    representatives = [each.merged for each in groups.values() if each.merged]
    if representatives:
        complete([*drafts, *{id(each): each for each in representatives}.values()], drafts)
    distinct = [*{id(each): each for each in groups.values()}.values()]
    names = _class_names([each.members[0] for each in distinct], roots, reserved)
    made: dict[int, Class] = {}
    for group, name in zip(distinct, names, strict=True):
        made_class = Class(name, group.members, merged=group.merged, why=group.why)
        made |= {each.number: made_class for each in group.members}
    _count_forms({id(each): each for each in made.values()}.values())
    return made


def _count_forms(found: Iterable[Class]) -> None:
    forms: dict[tuple[object, ...] | None, list[Class]] = {}
    for each in found:
        if each.representative.container.use:
            forms.setdefault(each.representative.unit, []).append(each)
    for group in forms.values():
        for each in group:
            each.forms = len(group)


def _class_names(drafts: list[ClassDraft], roots: Collection[int], reserved: Iterable[str]) -> list[str]:
    """Return a name for the class of each draft: blocks have theirs, also where a submodule's label reads the same."""
    taken = dict.fromkeys((*reserved, *(each.name for each in drafts if each.number in roots)), 2)
    found: dict[int, str] = {}
    blocks = {each.name for each in drafts if each.definition}
    for draft in sorted(drafts, key=lambda each: each.definition is None):
        name = draft.name
        if draft.number not in roots:
            is_hidden = draft.definition is None and name in blocks
            name = _free(f"{name}Layers" if is_hidden else name, taken)
        taken.setdefault(name, 2)
        found[draft.number] = name
    return [found[each.number] for each in drafts]


def _free(name: str, taken: dict[str, int]) -> str:
    """Return a name that is not taken; `taken` holds the next number to try after each name."""
    found = name
    while found in taken:
        found = f"{name}{taken[name]}"
        taken[name] += 1
    return found


def resolved(expr: Expr, drafts: list[ClassDraft], made: dict[int, Class]) -> Expr:
    """Return an expression with the names and arguments of classes in place of references to drafts."""

    def change(part: Expr) -> Expr:
        if not (isinstance(part, Call) and isinstance(part.function, ClassRef)):
            return part
        draft = drafts[part.function.number]
        return _construction(part, draft, made[draft.number])

    return mapped(expr, change)


def _construction(part: Call, draft: ClassDraft, found: Class) -> Call:
    """Return the call of a class: required arguments by position, others by name if they differ from the default."""
    defaults = default_values(found)
    given = dict(part.named)
    choices = {each.name: draft.operators.get(each.name, each.expr) for each in draft.choices}
    args: list[Expr] = []
    named: list[tuple[str, Expr]] = []
    for owner, names in by_owner(found.parameters).items():
        values = [given.get(name, choices.get(name, draft.parameters.values.get(name))) for name in names]
        value = Sequence(tuple(values), "(") if is_item(names[0]) else values[0]
        if names[0] not in defaults:
            args.append(value)
        elif not all(_equals_default(each, defaults[name], given) for name, each in zip(names, values, strict=True)):
            named.append((owner, value))
    if draft.is_placed:
        named.append((ON.name, ON))
    if draft.takes_group:
        named.append((GROUP.name, GROUP))
    return Call(found.name, tuple(args), tuple(named), part.spread)


def _equals_default(value: Expr, default: Number | str | None, given: Mapping[str, Expr]) -> bool:
    """Return whether an argument equals its default, computed from the other arguments."""
    if is_traced(default):
        others = {name: number for name in names_in(default) if isinstance(number := given.get(name), int | float)}
        if others.keys() != names_in(default) or not isinstance(value, int | float):
            return False
        return trace_of(value) == trace_of(evaluated(default, others))
    return not names_in(value) and type(value) is type(default) and value == default


def default_values(found: Class) -> dict[str, Number | str | None]:
    """Return the defaults of a class: those of the block, for the last parameters.

    A default may be computed from other parameters of the class.
    """
    use, number = found.representative.container.use, found.representative.parameters.number
    arguments = found.representative.numbers_given if use else ()
    given: dict[str, Expr] = {each.name: number(each.default) for each in arguments}
    given |= {each.name: each.default for each in found.representative.choices if each.default is not None}
    optional = found.representative.optional_numbers
    choices = [each for member in found.members for each in member.choices] if optional else []
    unset = {each.name for each in choices if each.name in optional and each.is_default}
    defaults: dict[str, Number | str | None] = {}
    for names in reversed(by_owner(found.parameters).values()):
        own = {name: given.get(name) for name in names}
        if names[0] in unset:
            defaults[names[0]] = None
            continue
        # The default of a list is a constant.
        read = names_in(tuple(own.values()))
        if None in own.values() or not read <= {*found.parameters} or (read and is_item(names[0])):
            break
        defaults |= {name: default for name, default in own.items() if isinstance(default, int | float | str)}
    return defaults
