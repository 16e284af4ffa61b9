"""Parts of expressions that a merge takes apart: the items of sequences, constructors, and inputs of statements."""

from collections.abc import Hashable

from archdsl.base.pyexpr import Call, Expr, InputRef, Ref, ValueRef, mapped, structure
from archdsl.base.pyexpr import Sequence as Display
from archdsl.emit.class_draft import ClassDraft, ForwardStep
from archdsl.emit.merge.samples import Unmergeable


def named_arguments(made: Call) -> set[tuple[str, Hashable]]:
    """Return the named arguments of a call as values that can be compared."""
    return {(name, structure(value)) for name, value in made.named}


def constructor_of(made: Call, rest: tuple[tuple[str, Expr], ...]) -> Expr:
    """Return the constructor of a module, with the arguments that only some uses need."""
    assert isinstance(made.function, str)
    head = Ref(made.function)
    return Call("partial", (head, *made.args), rest) if made.args or rest else head


def with_numbers(step: ForwardStep, draft: ClassDraft) -> Expr:
    """Return the expression of a step with the numbers of its inputs in place of tensors."""
    numbers = {path: number for number, path in reversed([*enumerate(step.reads)])}

    def change(part: Expr) -> Expr:
        if not isinstance(part, ValueRef):
            return part
        path = draft.origin_in_whole(part.path)
        found = next((number for each, number in numbers.items() if draft.origin_in_whole(each) == path), None)
        if found is None:
            raise Unmergeable("a statement reads a tensor that it does not name")
        return InputRef(found)

    return mapped(step.expr, change)


def display_of(expr: Expr) -> Display | None:
    """Return the pairs of names and modules of a sequence with labels."""
    if isinstance(expr, Call) and expr.function == "nn.Sequential" and len(expr.args) == 1:
        only = expr.args[0]
        if isinstance(only, Call) and only.function == "OrderedDict" and isinstance(only.args[0], Display):
            return only.args[0]
    return None


def items_of(expr: Expr) -> tuple[Expr, ...] | None:
    """Return the modules of a sequence, None if the expression is none."""
    if not isinstance(expr, Call) or expr.function != "nn.Sequential" or expr.spread or expr.named:
        return None
    display = display_of(expr)
    if display is None:
        return expr.args
    return tuple(each.items[1] for each in display.items if isinstance(each, Display))
