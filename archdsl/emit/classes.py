"""Drafts to classes: equal drafts become one class, with parameters where its uses differ."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from archdsl.base.pyexpr import Call, Expr, Ref, flat, mapped
from archdsl.base.symbolic import TracedInt, evaluated, polynomial
from archdsl.emit.draft import PENDING, ClassDraft
from archdsl.emit.initialisation import written
from archdsl.emit.scope import names_in

PROJECT = "project"
ON = "on"


@dataclass(slots=True)
class Class:
    """A class of the generated module and the drafts that it serves; `flagged` says that it takes `project`.

    `forms` counts the classes of its block: uses that differ in structure have classes of their own.
    """

    name: str
    members: list[ClassDraft]
    flagged: bool = False
    parameters: list[str] = field(default_factory=list)
    forms: int = 1

    @property
    def model(self) -> ClassDraft:
        """The draft to write: one with all optional parts."""
        return next((each for each in self.members if _has_optional(each)), self.members[0])


def classes(drafts: list[ClassDraft], roots: Collection[int], reserved: Iterable[str]) -> dict[int, Class]:
    """Return the class of each draft by its number; those of models are in `roots`, names in `reserved` are taken."""
    keys = _keys(drafts)
    groups: dict[str, dict[str, list[ClassDraft]]] = {}
    for draft in drafts:
        key, optional = keys[draft.number]
        groups.setdefault(key, {}).setdefault(optional, []).append(draft)
    made: dict[int, Class] = {}
    taken = {*reserved, *(drafts[number].name for number in roots)}
    for draft in drafts:
        if draft.number in made:
            continue
        group = groups[keys[draft.number][0]]
        flagged = len(group) == 2 and "" in group
        members = [each for some in group.values() for each in some] if flagged else group[keys[draft.number][1]]
        name = draft.name if draft.number in roots else _free(draft.name, taken)
        taken.add(name)
        found = Class(name, members, flagged)
        found.parameters = _parameters(found)
        made |= {each.number: found for each in members}
    _count_forms({id(each): each for each in made.values()}.values())
    return made


def _count_forms(found: Iterable[Class]) -> None:
    forms: dict[str, list[Class]] = {}
    for each in found:
        if each.model.container.use:
            forms.setdefault(_definition(each.model), []).append(each)
    for group in forms.values():
        for each in group:
            each.forms = len(group)


def _has_optional(draft: ClassDraft) -> bool:
    return any(entry.optional for entry in draft.entries)


def _free(name: str, taken: set[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found = f"{name}{number}"
        number += 1
    return found


def _parameters(found: Class) -> list[str]:
    """Return the parameters that the class takes: those that its code mentions, in the order of the block."""
    mentions = frozenset[str]().union(*(member.mentions for member in found.members))
    return [name for name in found.model.scope.values if name in mentions]


def _keys(drafts: list[ClassDraft]) -> dict[int, tuple[str, str]]:
    """Return for each draft its text without what is optional, and the text of that."""
    ids: dict[tuple[str, str], int] = {}
    keys: dict[int, tuple[str, str]] = {}

    def named(expr: Expr) -> Expr:
        if isinstance(expr, Call) and isinstance(expr.function, str) and expr.function.startswith(PENDING):
            key = keys[int(expr.function[1:])]
            number = ids.setdefault((key[0], ""), len(ids))
            return Call(f"{PENDING}{number}{'+' if key[1] else ''}", expr.args, expr.named, expr.spread)
        return expr

    for draft in drafts:
        head = f"{draft.name} {draft.container.kind} {draft.container.inline} {draft.is_placed} {_definition(draft)}"
        # A lane that exchanges its streams has no `forward`, which is what takes arguments.
        arguments = "" if draft.container.inline else ", ".join(name for name, _ in draft.arguments)
        plain = [head, arguments, *_texts(draft, named, optional=False)]
        plain += [draft.variables[draft.origin(path)] for path in draft.results() if draft.statements]
        keys[draft.number] = ("\n".join(plain), "\n".join(_texts(draft, named, optional=True)))
    return keys


def _definition(draft: ClassDraft) -> str:
    use = draft.container.use
    return f"{use.span.source.name}:{use.span.start}" if use else ""


def _texts(draft: ClassDraft, change: Callable[[Expr], Expr], *, optional: bool) -> list[str]:
    texts = [f"{e.name} = {flat(mapped(e.module, change))}" for e in draft.entries if e.optional == optional]
    texts += [line for code in draft.starting(optional=optional) for line in written(code, 0)]
    for number, each in enumerate(draft.statements):
        if each.optional == optional:
            place = sum(not other.optional for other in draft.statements[:number])
            target = draft.variables[each.value]
            sign = "+=" if each.over else "="
            texts.append(f"{place if optional else ''} {target} {sign} {flat(draft.written(each.expr))}")
    return texts


def resolved(expr: Expr, drafts: list[ClassDraft], made: dict[int, Class]) -> Expr:
    """Return an expression with the calls of classes as they are written."""

    def change(part: Expr) -> Expr:
        if not (isinstance(part, Call) and isinstance(part.function, str) and part.function.startswith(PENDING)):
            return part
        draft = drafts[int(part.function[1:])]
        return _construction(part, draft, made[draft.number])

    return mapped(expr, change)


def _construction(part: Call, draft: ClassDraft, found: Class) -> Call:
    """Return the call of a class: what it always needs by position, the rest by name if it differs from its default."""
    defaults = default_values(found)
    given = dict(part.named)
    args: list[Expr] = []
    named: list[tuple[str, Expr]] = []
    for name in found.parameters:
        value = given.get(name, int(draft.scope.values[name]) if name in draft.scope.values else None)
        if name not in defaults:
            args.append(value)
        elif not _equals_default(value, defaults[name], given):
            named.append((name, value))
    if found.flagged and _has_optional(draft):
        named.append((PROJECT, True))
    if draft.is_placed:
        named.append((ON, Ref(ON)))
    return Call(found.name, tuple(args), tuple(named), part.spread)


def _equals_default(value: Expr, default: int | float, given: Mapping[str, Expr]) -> bool:
    """Whether an argument is what its default comes to with the other arguments."""
    if isinstance(default, TracedInt):
        others = {name: given[name] for name in names_in(default) if isinstance(given.get(name), int)}
        if others.keys() != names_in(default) or not isinstance(value, int):
            return False
        return polynomial(value) == polynomial(evaluated(default, others))  # type: ignore[arg-type]
    return not names_in(value) and type(value) is type(default) and value == default


def default_values(found: Class) -> dict[str, int | float]:
    """Return the defaults of a class: those of the block for the parameters at its end.

    A default may be computed from parameters that the class has too.
    """
    use = found.model.container.use
    given = {each.name: each.default for each in use.arguments} if use else {}
    defaults: dict[str, int | float] = {}
    for name in reversed(found.parameters):
        default = given.get(name)
        if not isinstance(default, int | float) or not names_in(default) <= {*found.parameters}:
            break
        defaults[name] = default
    return defaults
