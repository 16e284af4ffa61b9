"""Merges equal drafts into classes, with parameters where their uses differ."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from archdsl.base.guards import Guard
from archdsl.base.pyexpr import Call, ClassRef, Expr, Ref, mapped, structure
from archdsl.base.symbolic import TracedInt, evaluated, polynomial
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import names_in
from archdsl.emit.conditions import Clause
from archdsl.emit.statements import key

# Parameters of constructors: whether the class has its projection, and the factory arguments by device.
PROJECT = Ref("project")
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
        members: The drafts that were merged into it.
        takes_project: Whether its constructor has the parameter `project`, because some uses have no projection.
        parameters: The parameters of the net that the constructor takes.
        forms: The number of classes of the same block. Uses that differ in structure have classes of their own.
        fixed: The parameters of the net that became numbers, with the guards that fixed them.
        checks: The conditions on the parameters without which the class would be wrong.
        projection: The condition on the parameters under which the class has its projection, if there is one.
        representative: The draft that the code is written from: one with all optional submodules.
    """

    name: str
    members: list[ClassDraft]
    takes_project: bool = False
    parameters: list[str] = field(default_factory=list)
    forms: int = 1
    fixed: dict[str, Guard | None] = field(default_factory=dict)
    checks: list[Clause] = field(default_factory=list)
    projection: Expr = None
    representative: ClassDraft = field(init=False)

    def __post_init__(self) -> None:
        self.representative = next((each for each in self.members if _has_optional(each)), self.members[0])


def classes(drafts: list[ClassDraft], roots: Collection[int], reserved: Iterable[str]) -> dict[int, Class]:
    """Return the class of each draft, by the number of the draft.

    Args:
        drafts: All drafts, inner classes first.
        roots: The numbers of the models' drafts, whose names are fixed.
        reserved: Names that no class can have.
    """
    keys = _keys(drafts, roots)
    groups: dict[Hashable, dict[Hashable, list[ClassDraft]]] = {}
    for draft in drafts:
        found = keys[draft.number]
        groups.setdefault(found.plain, {}).setdefault(found.optional, []).append(draft)
    made: dict[int, Class] = {}
    taken = dict.fromkeys((*reserved, *(drafts[number].name for number in roots)), 2)
    for draft in drafts:
        if draft.number in made:
            continue
        group = groups[keys[draft.number].plain]
        takes_project = len(group) == 2 and () in group
        members = (
            [each for some in group.values() for each in some] if takes_project else group[keys[draft.number].optional]
        )
        name = draft.name if draft.number in roots else _free(draft.name, taken)
        taken.setdefault(name, 2)
        made_class = Class(name, members, takes_project)
        made_class.parameters = _parameters(made_class)
        made |= {each.number: made_class for each in members}
    _count_forms({id(each): each for each in made.values()}.values())
    return made


def _count_forms(found: Iterable[Class]) -> None:
    forms: dict[tuple[str, int] | None, list[Class]] = {}
    for each in found:
        if each.representative.container.use:
            forms.setdefault(_definition(each.representative), []).append(each)
    for group in forms.values():
        for each in group:
            each.forms = len(group)


def _has_optional(draft: ClassDraft) -> bool:
    return any(entry.optional for entry in draft.entries)


def _free(name: str, taken: dict[str, int]) -> str:
    """Return a name that is not taken; `taken` holds the next number to try after each name."""
    found = name
    while found in taken:
        found = f"{name}{taken[name]}"
        taken[name] += 1
    return found


def _parameters(found: Class) -> list[str]:
    """Return the parameters that the code of a class reads, in the order of the block."""
    mentions = frozenset[str]().union(*(member.mentions for member in found.members))
    return [name for name in found.representative.parameters.values if name in mentions]


@dataclass(frozen=True, slots=True)
class _Key:
    """The structure of a draft: of its required and of its optional statements. Drafts of a class share `plain`."""

    plain: Hashable
    optional: tuple[Hashable, ...]


def _keys(drafts: list[ClassDraft], roots: Collection[int]) -> dict[int, _Key]:
    """Return the key of each draft, by its number. That of a model equals no other."""
    # Each reference is replaced by the first equal draft, so that the keys of callers can be equal.
    first: dict[_Key, int] = {}
    keys: dict[int, _Key] = {}

    # Equal layers share their calls. The drafts keep these, so that their identities stay theirs.
    shared: dict[int, Hashable] = {}

    def known(expr: Expr) -> Expr:
        return ClassRef(first[keys[expr.number]]) if isinstance(expr, ClassRef) else expr

    def module(expr: Expr) -> Hashable:
        found = shared.get(id(expr))
        if found is None:
            found = shared[id(expr)] = structure(mapped(expr, known))
        return found

    for draft in drafts:
        if draft.number in roots:
            keys[draft.number] = _Key(draft.number, ())
            continue
        container = draft.container
        # The class of a tower whose steps its parent runs has no `forward`, and so no arguments.
        arguments = () if container.inline else tuple(name for name, _ in draft.arguments)
        head = (draft.name, container.kind, container.inline, draft.is_placed, _definition(draft), arguments)
        results = tuple(draft.variables[draft.origin(path)] for path in draft.results() if draft.steps)
        plain = (head, _structures(draft, module, optional=False), results)
        keys[draft.number] = _Key(plain, _structures(draft, module, optional=True))
        first.setdefault(keys[draft.number], draft.number)
    return keys


def _definition(draft: ClassDraft) -> tuple[str, int] | None:
    use = draft.container.use
    return (use.span.source.name, use.span.start) if use else None


def _structures(draft: ClassDraft, module: Callable[[Expr], Hashable], *, optional: bool) -> tuple[Hashable, ...]:
    """Return the structure of the optional entries and statements of a draft, or of the others.

    `module` returns the structure of an entry's module.
    """
    entries = [(e.name, module(e.module)) for e in draft.entries if e.optional == optional]
    found: list[Hashable] = [*entries, *map(key, draft.initialising(optional=optional))]
    place = 0
    for each in draft.steps:
        if each.optional == optional:
            target = draft.variables[each.value]
            expr = structure(draft.written(each.expr))
            found.append((place if optional else None, target, each.over is not None, expr))
        place += not each.optional
    return tuple(found)


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
    args: list[Expr] = []
    named: list[tuple[str, Expr]] = []
    for name in found.parameters:
        value = given.get(name, int(draft.parameters.values[name]) if name in draft.parameters.values else None)
        if name not in defaults:
            args.append(value)
        elif not _equals_default(value, defaults[name], given):
            named.append((name, value))
    if found.takes_project and found.projection is None and _has_optional(draft):
        named.append((PROJECT.name, True))
    if draft.is_placed:
        named.append((ON.name, ON))
    if draft.takes_group:
        named.append((GROUP.name, GROUP))
    return Call(found.name, tuple(args), tuple(named), part.spread)


def _equals_default(value: Expr, default: int | float, given: Mapping[str, Expr]) -> bool:
    """Return whether an argument equals its default, computed from the other arguments."""
    if isinstance(default, TracedInt):
        others = {name: given[name] for name in names_in(default) if isinstance(given.get(name), int)}
        if others.keys() != names_in(default) or not isinstance(value, int):
            return False
        return polynomial(value) == polynomial(evaluated(default, others))  # type: ignore[arg-type]
    return not names_in(value) and type(value) is type(default) and value == default


def default_values(found: Class) -> dict[str, int | float]:
    """Return the defaults of a class: those of the block, for the last parameters.

    A default may be computed from other parameters of the class.
    """
    use, number = found.representative.container.use, found.representative.parameters.number
    given = {each.name: number(each.default) for each in use.arguments} if use else {}
    defaults: dict[str, int | float] = {}
    for name in reversed(found.parameters):
        default = given.get(name)
        if not isinstance(default, int | float) or not names_in(default) <= {*found.parameters}:
            break
        defaults[name] = default
    return defaults
