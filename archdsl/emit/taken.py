"""The parameters that the constructor of each class takes."""

from collections.abc import Mapping

from archdsl.base.items import owner_of
from archdsl.base.pyexpr import Call, ClassRef, Expr, Ref, parts
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import names_in
from archdsl.emit.classes import Class
from archdsl.emit.statements import expressions


def enter_parameters(made: Mapping[int, Class]) -> None:
    """Enter into each class the parameters that its code reads, or hands on to a class that takes them."""
    classes = list({id(each): each for each in made.values()}.values())
    while True:
        before = [each.parameters for each in classes]
        for found in classes:
            read = frozenset[str]().union(*(_read(draft, made) for draft in found.drafts))
            for member in (*found.members, *found.drafts):
                member.parameters.fixed |= member.parameters.map_sizes - read
            # A list has all of its items, and the conditions on any of them count.
            taken = {*map(owner_of, read), *found.representative.optional_numbers}
            found.parameters = [name for name in _names(found.representative) if owner_of(name) in taken]
        if before == [each.parameters for each in classes]:
            return


def _names(draft: ClassDraft) -> list[str]:
    """Return the numbers and choices of a draft, the sizes of its inputs first, then the parameters of its block.

    The sizes of optional tensors are last.
    """
    use = draft.container.use
    choices = [each.name for each in draft.choices]
    if use is None or not (choices or draft.optional_numbers or draft.optional_sizes):
        return [*draft.parameters.values]
    order = {name: number for number, name in enumerate((*use.parameters, *draft.optional_sizes))}
    names = dict.fromkeys((*draft.parameters.values, *choices))
    return sorted(names, key=lambda name: order.get(owner_of(name), -1))


def _read(draft: ClassDraft, made: Mapping[int, Class]) -> frozenset[str]:
    code = tuple(statement for _, statement in draft.initialisation)
    tests = [*(entry.test for entry in draft.entries if entry.test is not None), *draft.flags.values()]
    tests += [each for each in draft.open_tests if not isinstance(each, Ref)]
    found = draft.applied.union(*map(names_in, expressions(code)))
    choices = {each.name for each in draft.choices}
    # Equal layers share their calls.
    modules = {id(entry.module): entry.module for entry in draft.entries}.values()
    for expr in (*modules, *tests):
        found |= _names_read(expr, made, choices)
    return found


def _names_read(expr: Expr, made: Mapping[int, Class], choices: set[str]) -> frozenset[str]:
    if isinstance(expr, Call) and isinstance(expr.function, ClassRef):
        taken = made[expr.function.number].parameters
        return frozenset[str]().union(
            *(_names_read(value, made, choices) for name, value in expr.named if name in taken)
        )
    if isinstance(expr, Ref):
        return frozenset((expr.name,)) if expr.name in choices else frozenset()
    inner = parts(expr)
    return frozenset[str]().union(*(_names_read(part, made, choices) for part in inner)) if inner else names_in(expr)
