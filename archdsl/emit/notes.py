"""Notes about generated classes: parameters that the constructor of a model does not take, and blocks with several."""

from collections.abc import Iterator

from archdsl.base.source import Span
from archdsl.emit.classes import Class
from archdsl.ir.graph import CountedGraph, Parameter
from archdsl.ops.argument_types import shown

_LONGEST = 40


def notes_of(found: Class, root: CountedGraph | None) -> Iterator[str]:
    """Yield a line for each parameter that a model's class does not take: its value, and the place that fixed it."""
    for parameter in root.parameters if root else ():
        guard = found.fixed.get(parameter.name)
        if parameter.read_at:
            yield _note(parameter, parameter.read_at, "")
        elif guard and guard.span and parameter.used and parameter.name not in found.parameters:
            yield _note(parameter, guard.span, guard.what)


def note_of_forms(found: Class) -> str:
    """Return a line that says why a block has several classes; empty if it has one."""
    use = found.representative.container.use
    if not found.why or use is None:
        return ""
    place = f"{use.span.source.shown}:{use.span.line}"
    return f"{use.block} has {found.forms} classes: {found.why} at {place}"


def _note(parameter: Parameter, span: Span, what: str) -> str:
    text = " ".join(span.text.split())
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}…"
    place = f"{span.source.shown}:{span.line}"
    return f"{parameter.name} is fixed at {shown(parameter.value)} by {what or f'`{text}`'} at {place}"
