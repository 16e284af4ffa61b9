"""The arguments that the code of a class gives to the classes that it constructs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from archdsl.base.pyexpr import Call, ClassRef, Expr, mapped
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import own


def complete(drafts: Iterable[ClassDraft], known: Sequence[ClassDraft]) -> None:
    """Give each construction all arguments that its class may need: a merged class reads more than one form does.

    Args:
        drafts: The drafts to change, inner classes first.
        known: All drafts by number.
    """
    for draft in drafts:

        def change(part: Expr, draft: ClassDraft = draft) -> Expr:
            if not (isinstance(part, Call) and isinstance(part.function, ClassRef)):
                return part
            inner = known[part.function.number]
            given = dict(part.named)
            arguments = dict(_arguments(inner, draft))
            return Call(part.function, part.args, (*(arguments | given).items(),), part.spread)

        draft.entries = [replace(entry, module=mapped(entry.module, change)) for entry in draft.entries]


def _arguments(inner: ClassDraft, draft: ClassDraft) -> Iterator[tuple[str, Expr]]:
    """Yield the numbers that the code of a draft can give to the constructor of a class."""
    use = inner.container.use
    if use is None:
        for name in sorted(inner.mentions):
            yield name, draft.parameters.expression(own(name, draft.parameters.values[name]))
        return
    for given in inner.numbers_given:
        yield given.name, draft.parameters.expression(given.value)
