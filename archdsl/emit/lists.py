"""Lists of numbers as arguments of constructors: their types, their lengths, and where code hands on a whole list."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from archdsl.base.items import by_owner, is_item, item_name
from archdsl.base.pyexpr import Expr, Infix, Item, Ref, Sequence, Text, call
from archdsl.base.symbolic import is_traced
from archdsl.emit.statements import If, Parameter, Raise, Statement, branch

# The type of a longer list is `tuple[int, ...]`.
_SHOWN = 4


def list_parameter(
    owner: str, names: list[str], values: Mapping[str, object], defaults: Mapping[str, Expr]
) -> Parameter:
    """Return the parameter that holds a list of numbers, as a tuple.

    Args:
        owner: The name of the list.
        names: Its items.
        values: The values of the items in one use.
        defaults: The defaults of the items that have one.
    """
    kind = Ref("int" if isinstance(values[names[0]], int) else "float")
    items = (kind,) * len(names) if len(names) <= _SHOWN else (kind, Ref("..."))
    index: Expr = items if len(items) > 1 else kind
    default = Sequence(tuple(defaults[name] for name in names), "(") if names[0] in defaults else None
    return Parameter(owner, Item(Ref("tuple"), index), default, has_default=default is not None)


def checked_lengths(name: str, parameters: Iterable[str]) -> Iterator[Statement]:
    """Yield the checks of the lengths of lists in the constructor of the class `name`."""
    for owner, names in by_owner(parameters).items():
        if is_item(names[0]):
            length = call("len", Ref(owner))
            message = Text((f"{name} needs len({owner}) == {len(names)}, not ", Ref(owner)))
            yield If((branch(Infix(length, "!=", len(names)), Raise(call("ValueError", message))),))


def whole_lists(parameters: Iterable[str]) -> Callable[[Expr], Expr]:
    """Return the change of an expression that writes a tuple of all items of a list as the list."""
    lists = {
        tuple(((item_name(owner, n),), 1) for n in range(len(names))): owner
        for owner, names in by_owner(parameters).items()
        if is_item(names[0])
    }

    def change(part: Expr) -> Expr:
        items = part.items if isinstance(part, Sequence) and part.bracket == "(" else part
        if not lists or not isinstance(items, tuple) or not items or not all(map(is_traced, items)):
            return part
        found = tuple(_only_term(each) for each in items)
        return Ref(lists[found]) if found in lists else part  # type: ignore[index]

    return change


def _only_term(number: Expr) -> object:
    """Return the term of a number that has only one, as its trace has it."""
    if not is_traced(number):
        return None
    if isinstance(number.trace, str):
        return (number.trace,), 1
    return number.trace[0] if isinstance(number.trace, tuple) and len(number.trace) == 1 else None
