"""The variables of a draft's `forward`."""

from archdsl.emit.class_draft import ClassDraft, without_overwriting
from archdsl.emit.variables import Value, named, own_name
from archdsl.ir.graph import Path


def enter_variables(draft: ClassDraft) -> None:
    """Choose the variable of each tensor."""
    own = _own_variables(draft)
    values = [
        Value(each.value, each.reads, each.label, each.tower, each.is_merged, each.over, each.device)
        for each in draft.steps
    ]
    given = {path: name for name, path in draft.arguments}
    results = frozenset(draft.origin(path) for path in draft.results())
    draft.variables = named(values, given, results, own)
    for path in draft.aliases:
        draft.variables[path] = draft.variables[draft.origin(path)]


def _own_variables(draft: ClassDraft) -> dict[Path, str]:
    """Return the variables of outputs that only training computes. In evaluation they stay None to the end."""
    computed = {each.value for each in draft.steps if each.in_training}
    found: dict[Path, str] = {}
    for output in draft.outputs:
        path = draft.origin(output.path)
        if output.when_training and path in computed and path not in found:
            found[path] = own_name(output.name, {*found.values(), *(name for name, _ in draft.arguments)})
    draft.steps = [without_overwriting(each) if each.value in found else each for each in draft.steps]
    return found
