"""Help for names of other frameworks: how archdsl writes a call, an argument or a word, with the edit that does it.

The tables are in `archdsl.foreign`; they are imported only when a message needs them.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.diag.model import Fix
from archdsl.syntax import ast

# A step with one of these after it would be read otherwise if another step were appended to it.
_BINDS = re.compile(r"[ \t]*(?:\*|if\b)").match
# The label of the step that begins at the end of a text.
_LABEL = re.compile(r"[A-Za-z_]\w*[ \t]*:[ \t]*$").search
_LONGEST_LABEL = 260
# Layers that flatten their input.
_FLATTENING = frozenset({"InnerProduct"})
_CODE = re.compile(r"`([^`]*)`")


class Help(NamedTuple):
    """What to say about a foreign name: a label for its place, a help, and edits that carry out the help."""

    label: str
    help: str
    fixes: tuple[Fix, ...] = ()


def is_layer(name: str) -> bool:
    """Return whether a name is that of a layer of another framework, which archdsl has."""
    from archdsl.foreign.table import Form, find_layers

    return name[0].isupper() and any(layer.form is not Form.NONE for layer in find_layers(name))


def step(call: ast.Call, *, branches: bool = False, stream: Shape | None = None) -> Help | None:
    """Return the help for a call of a layer or function of another framework, or None if the name is unknown.

    Args:
        call: The call.
        branches: Whether branches in braces follow the call, so that only its name can change.
        stream: The shape of its input, if it is known.
    """
    from archdsl.foreign.rewrite import advice

    found = advice(call.name.text, _arguments(call))
    if found is None:
        return None
    label = f"this is {found.origin}" if found.origin else ""
    if branches:
        return _merge(call, label, found.help, found.merge)
    if found.text is None or _is_bound(call.span, found.text):
        return Help(label, found.help)
    if call.name.text in _FLATTENING and stream is not None and stream.rank > 1:
        return _flattened(call, label, found.text)
    return Help(label, found.help, (Fix(found.help, ((call.span, found.text),)),))


def _flattened(call: ast.Call, label: str, step: str) -> Help:
    """Return the help for a layer that flattens its input itself; `step` is the layer alone in archdsl."""
    source, start = call.span.source, call.span.start
    own = _LABEL(source.text, max(0, start - _LONGEST_LABEL), start)
    text = f"flatten -> {own.group() if own else ''}{step}"
    help = f"write `{text}`: this layer flattens its input"
    return Help(
        label, help, (Fix(f"write `{text}`", ((Span(source, own.start() if own else start, call.span.end), text),)),)
    )


def _merge(call: ast.Call, label: str, help: str, merge: str | None) -> Help:
    if merge is None or call.args:
        return Help(label, help)
    title = f"write `{merge} {{ … }}`"
    return Help(label, title, (Fix(title, ((call.name.span, merge),)),))


def whole(call: ast.Call | ast.Apply, operator: str, stream: Shape | None, *, is_map: bool) -> Help | None:
    """Return the help for a call of archdsl's operator whose arguments are those of another framework.

    Args:
        call: The call.
        operator: The name of the operator.
        stream: The shape of the input, if it is known.
        is_map: Whether the operator reads maps, so that the first axis has its channels.
    """
    from archdsl.foreign.rewrite import as_layers_of

    found = as_layers_of(operator, _arguments(call))
    if found is None or _is_bound(call.span, found.text):
        return None
    help = f"write `{found.text}`"
    if found.drops_first:
        is_map = is_map and (stream is None or stream.rank > 1)
        sizes = () if stream is None else stream.dims[:1] if is_map else stream.dims[-1:] if stream.rank < 3 else ()
        here = f" ({int(sizes[0])} here)" if sizes else ""
        help += f": archdsl takes the number of input {'channels' if is_map else 'features'} from the stream{here}"
    return Help("", help, (Fix(f"write `{found.text}`", ((call.span, found.text),)),))


def argument(
    operator: str, known: Sequence[str], call: ast.Call | ast.Apply, arg: ast.Argument, given: Collection[str]
) -> Help | None:
    """Return the help for an argument with a name of another framework, or None if the name is unknown.

    Args:
        operator: The name of archdsl's operator or initialiser.
        known: The names of its arguments.
        call: The call.
        arg: The argument, which has a name.
        given: The arguments of archdsl that the call gives besides.
    """
    from archdsl.foreign.rewrite import follows, own_argument

    assert arg.name is not None
    name, value = arg.name.text, arg.value.span.text
    then = follows(name, value) if isinstance(call, ast.Call) else None
    if then is not None:
        return _activation(call, arg, then)
    own = own_argument(operator, known, name, value)
    if own is None:
        return None
    if not own.name:
        return _without(call, arg, own.advice) if own.advice.startswith("remove") else Help("", own.advice)
    if own.name in given:
        return whole(call, operator, None, is_map=True) or Help(
            "", f"write `{own.text}`, and remove the other `{own.name}`"
        )
    help = f"write `{own.text}`" if _is_short(own.text) else f"write `{own.name} = …`"
    return Help("", help, (Fix(help, ((arg.span, own.text),)),))


def _activation(call: ast.Call | ast.Apply, arg: ast.Argument, then: str) -> Help:
    """Return the help for an argument that asks for an activation after the layer; "" asks for none."""
    if not then:
        return _without(call, arg, "remove it: there is no activation unless a step follows")
    help = f"write the activation as the next step: `… -> {then}`"
    if _is_bound(call.span, "->"):
        return Help("", help)
    end = Span(call.span.source, call.span.end, call.span.end)
    return Help("", help, (Fix(help, (*_removal(call, arg), (end, f" -> {then}"))),))


def _without(call: ast.Call | ast.Apply, arg: ast.Argument, help: str) -> Help:
    return Help("", help, (Fix(help, _removal(call, arg)),))


def _removal(call: ast.Call | ast.Apply, arg: ast.Argument) -> tuple[tuple[Span, str], ...]:
    """Return the edit that removes an argument with its comma."""
    number = next(i for i, each in enumerate(call.args) if each is arg)
    if number:
        return ((Span(arg.span.source, call.args[number - 1].span.end, arg.span.end), ""),)
    if len(call.args) > 1:
        return ((Span(arg.span.source, arg.span.start, call.args[1].span.start), ""),)
    return ((Span(arg.span.source, call.span.start + len(_name(call).text), call.span.end), ""),)


def _name(call: ast.Call | ast.Apply) -> ast.Name:
    return call.name if isinstance(call, ast.Call) else call.function


def word(span: Span, text: str, accepted: Collection[str]) -> Help | None:
    """Return the help for a word of another framework in place of a value; `accepted` are archdsl's words there."""
    from archdsl.foreign.table import find_words

    for line in find_words("words", text):
        spelling = line.spelling
        if spelling is None:
            if all(code in accepted for code in _CODE.findall(line.advice)[:1]):
                return Help("", f"write {line.advice}")
        elif spelling in ("true", "false", "none") or spelling in accepted or (spelling == "0" and "half" in accepted):
            return _replaced(span, spelling)
    return None


def initialiser(span: Span, text: str) -> Help | None:
    """Return the help for an initialiser of another framework."""
    from archdsl.foreign.rewrite import initialiser as own

    spelling = own(text)
    return _replaced(span, spelling) if spelling else None


def nested(call: ast.Call, arg: ast.Argument) -> Help:
    """Return the help for a step that is the argument of another one."""
    inner = arg.span.text
    rest = [each.span.text for each in call.args if each is not arg]
    outer = f"{call.name.text}({', '.join(rest)})" if rest else call.name.text
    help = f"write `{inner} -> {outer}`" if _is_short(inner + outer) else f"write the inner step first: `… -> {outer}`"
    if _is_bound(call.span, "->"):
        return Help("", help)
    return Help("", help, (Fix(help, ((call.span, f"{inner} -> {outer}"),)),))


def branches(call: ast.Call) -> Help:
    """Return the help for a merge whose inputs are written as arguments."""
    merged = [each for each in call.args if each.name is None]
    named = [each.span.text for each in call.args if each.name is not None]
    values = merged[0].value.items if len(merged) == 1 and isinstance(merged[0].value, ast.Display) else None
    parts = [each.span.text for each in values] if values is not None else [each.span.text for each in merged]
    head = f"{call.name.text}({', '.join(named)})" if named else call.name.text
    text = f"{head} {{ {'; '.join(parts)} }}"
    help = f"write `{text}`" if _is_short(text) else f"write `{head} {{ …; … }}` with its branches in braces"
    return Help("", help, (Fix(help, ((call.span, text),)),))


def _replaced(span: Span, spelling: str) -> Help:
    help = f"write `{spelling}`"
    return Help("", help, (Fix(help, ((span, spelling),)),))


def _arguments(call: ast.Call | ast.Apply) -> list[tuple[str | None, str]]:
    return [(arg.name.text if arg.name else None, arg.value.span.text) for arg in call.args]


def _is_bound(span: Span, text: str) -> bool:
    """Return whether a count or a condition after a call would apply to the last step of its replacement only."""
    return "->" in text and _BINDS(span.source.text, span.end) is not None


def _is_short(text: str) -> bool:
    return len(text) <= 80 and text.isprintable()
