"""Help for syntax errors: an instruction, and the edit that carries it out."""

import re
from collections.abc import Callable
from typing import NamedTuple

from archdsl.base.source import Source, Span
from archdsl.diag.model import Fix
from archdsl.syntax.automaton import NEWLINE, Failure
from archdsl.syntax.recovery import CLOSING

_VALUES = frozenset({"INT", "FLOAT", "STRING", "NAME", "LPAR"})
_STEPS = frozenset({"NAME", "LBRACE", "LPAR", "LSQB"})
_BEFORE_DOT = re.compile(r"@?[A-Za-z_][\w.]*$|(?<=@)$")
_NAME = re.compile(r"[A-Za-z_][\w.]*\b")
_COUNTED = re.compile(r"(\d+)[ \t]*\*[ \t]*([A-Za-z_]\w*(?:\([^()\n]*\))?)")
_TYPE = re.compile(r":[ \t]*(?:int|float|str|bool|list|tuple|Tensor)\b")
_PART = re.compile(r"\[[ \t]*(\d*)[ \t]*:[ \t]*(\d*)[ \t]*\]")
_NAMED = re.compile(r"[(,][ \t]*[A-Za-z_]\w*(:)(?=[ \t]*[^:\s])")
_QUOTED = re.compile(r"'([^'\\\n]*)'").finditer
_DOTTED_RANGE = re.compile(r"(\w+)[ \t]*\.\.([.=<]?)[ \t]*(\w+)").finditer
_MERGE = re.compile(r"\b(add|concat|mul|stack|residual|group)[ \t]*$").search
_OF_DEVICE = re.compile(r"\bon[ \t]+$").search
_TWICE = re.compile(r"&&|\|\||\|>").match
_UNIT = re.compile(r"(\d[\d_]*)([A-Za-z_]\w*)").fullmatch
_NUMBERS = re.compile(r"((?:[ \t]+|[ \t]*,[ \t]*)-?\d[\w.]*)+(?=[ \t]*(?:$|\n|->|::|#|;|\}))").match
_MEANT = {
    **dict.fromkeys("“”„‘’'«»`", 'replace it by `"`'),
    **dict.fromkeys("→⟶⇒⟹➔➜", "replace it by `->`"),
    **dict.fromkeys("–—−", "replace it by `-`"),
    **dict.fromkeys("×✕", "replace it by `x` in shapes, by `*` in products"),
    **dict.fromkeys("\u00a0\u2007\u202f", "replace it by a space"),
    "^": "write `**` for powers",
    "!": "write `not`",
    "$": "remove it: parameters are names without signs",
    "?": "write a condition as `a if test else b`",
    "~": "write `not`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
}
_CHARACTERS = {
    "→": "->", "⟶": "->", "⇒": "->", "⟹": "->", "➔": "->", "➜": "->", "–": "-", "—": "-", "−": "-", "\u00a0": " ",
    "\u2007": " ", "\u202f": " ", "^": "**", "!": "not ", "≤": "<=", "≥": ">=", "≠": "!=", "~": "not ",
}  # fmt: skip
_STATEMENT = "a statement is a chain of steps, `label: conv(8, 3) -> relu`, or begins with a keyword such as `input`"
_SHORT = 40
_LONGEST_SHAPE = 100
_ARGUMENTS = "arguments are numbers, words and names: `conv(8, 3, padding = half)`"


class Hint(NamedTuple):
    """An instruction, and the edits that carry it out, if there are any."""

    text: str
    edits: tuple[tuple[Span, str], ...] = ()

    def fixes(self) -> tuple[Fix, ...]:
        """Return the fix of a diagnostic with this help."""
        return (Fix(self.text, self.edits),) if self.edits else ()


def hint(failure: Failure, span: Span, source: Source) -> Hint:
    """Return the help for a token that the grammar does not allow."""
    sign = span.text
    if "MODEL" in failure.expected:
        return Hint("put steps into a model: `model Name { … }`")
    found = _computed_shape(span) or _of_python(failure, span) or _branches(failure, source)
    if found is not None:
        return found
    for holds, text, edit in _HINTS:
        if holds(failure, sign, source.text):
            return Hint(text, () if edit is None else _edited(edit, failure, span))
    return Hint(_ARGUMENTS if failure.open and failure.open[-1].text == "(" else _STATEMENT)


def character(failure: Failure, span: Span, source: Source) -> Hint:
    """Return the help for a character that begins no token."""
    sign = span.text
    if sign == "'":
        return _single_quote(span)
    if sign in "&|":
        found = _TWICE(source.text, span.start)
        whole = Span(source, span.start, found.end() if found else span.end)
        is_arrow = "ARROW" in failure.expected and not {"AND", "OR"} & failure.expected
        word = "->" if is_arrow or whole.text == "|>" else "and" if sign == "&" else "or"
        return Hint(f"write `{word}`", ((whole, word),))
    if sign == "." and (dotted := _range(span) or _dotted(span)) is not None:
        return dotted
    if sign in _CHARACTERS:
        return Hint(_MEANT[sign], ((span, _CHARACTERS[sign]),))
    return Hint(_MEANT.get(sign) or "remove it; outside of strings and comments, names have letters, digits and `_`")


_INCOMPLETE = {
    "->": "write a step after the arrow, or remove the arrow",
    "*": "write a count after `*`, such as `relu * 3`",
    "::": "write a shape after `::`, such as `:: 64x8x8`",
    "assert": "write a comparison: `assert params < 1_000_000`",
    "input": "write a name and a shape: `input image: 3x32x32`",
    "=": "write a value after `=`, such as `bias = false`",
}
_OF_INPUT = re.compile(r"[ \t]*input[ \t]+\w+[ \t]*:").match
_COMPUTED = re.compile(
    r"[ \t]*input[ \t]+\w+[ \t]*:[ \t]*([\w \t*+/×,-]*[A-Za-z_][\w \t*+/×,-]*)(?=[ \t]*(?:#|;|\n|$))"
).match
_SIZE = re.compile(r"(?:\d+|[A-Za-z_]\w*)(?:[ \t]*(?:\*|//|\+|-)[ \t]*(?:\d+|[A-Za-z_]\w*))*").fullmatch
_BETWEEN_SIZES = re.compile(r"\s*[×,]\s*|\s+x\s+|(?<=\d)x")


def _computed_shape(span: Span) -> Hint | None:
    """Return the help for an input whose shape has names or sums, which need brackets; None for other places."""
    source, text = span.source, span.source.text
    found = _COMPUTED(text, text.rfind("\n", 0, span.start) + 1)
    if found is None or not found.start(1) <= span.start <= found.end(1) or len(found[1]) > _LONGEST_SHAPE:
        return None
    sizes = _BETWEEN_SIZES.split(found[1].strip())
    shape = f"[{', '.join(sizes)}]"
    if not all(map(_SIZE, sizes)) or all(map(str.isdigit, sizes)):
        return None
    place = Span(source, found.start(1), found.start(1) + len(found[1].rstrip()))
    return Hint(f"write `{shape}`: sizes that are computed are in brackets", ((place, shape),))


def unfinished(failure: Failure, span: Span, wanted: str) -> Hint:
    """Return the help for a statement that ends after the token at `span`; `wanted` are the tokens that may follow."""
    text = span.source.text
    line = text[text.rfind("\n", 0, span.start) + 1 : span.end]
    if span.text in _INCOMPLETE:
        return Hint(_INCOMPLETE[span.text])
    if _OF_INPUT(line):
        return _computed_shape(span) or Hint("write a shape, such as `3x32x32`")
    first = line.split(maxsplit=1)[0] if line.strip() else ""
    if first in ("model", "block", "macro"):
        return Hint(f"write a body in braces: `{line.strip()} {{ … }}`")
    if first == "set":
        return Hint(f"write the defaults in parentheses: `{line.strip()}(bias = false)`")
    if first == "input":
        return Hint(f"write a shape after the name: `{line.strip()}: 3x32x32`")
    return Hint(f"write {wanted} after `{span.text}`" if len(span.text) < _SHORT else f"write {wanted}")


def follows_reference(span: Span) -> bool:
    """Return whether a dot follows a reference, as in `@stem.conv`."""
    before = _BEFORE_DOT.search(span.source.text, max(0, span.start - 200), span.start)
    return span.text == "." and before is not None and before.group().startswith("@") and len(before.group()) > 1


def _range(span: Span) -> Hint | None:
    """Return the help for a range of numbers with dots, None for another dot."""
    source, text = span.source, span.source.text
    line = text.rfind("\n", 0, span.start) + 1
    found = next((each for each in _DOTTED_RANGE(text, line, span.start + _SHORT) if each.end(1) <= span.start), None)
    if found is None or not found.start() <= span.start < found.end():
        return None
    end = found[3]
    if found[2] == "=":
        end = str(int(end) + 1) if end.isdecimal() else f"{end} + 1"
    written = f"range({end})" if found[1] == "0" else f"range({found[1]}, {end})"
    return Hint(f"write `{written}`, which ends before {end}", ((Span(source, *found.span()), written),))


def _dotted(span: Span) -> Hint | None:
    """Return the help for a dot in a name, None for another dot."""
    text, source = span.source.text, span.source
    before, after = _BEFORE_DOT.search(text, max(0, span.start - 200), span.start), _NAME.match(text, span.end)
    if before is None or after is None:
        return None
    whole = Span(source, before.start(), after.end())
    if before.group().startswith("@"):
        step, inner = before.group().split(".")[0], after.group()
        if inner in ("weight", "bias"):
            return Hint(f"weights cannot be read; write `share {step}` to apply the layer again with its weights")
        return Hint(
            f"`{step}` is the output of `{step[1:]}`, and no step inside it can be read: to read `{inner}`, end"
            f" `{step[1:]}` after `{inner}`, or take `{inner}` out of it"
        )
    last = after.group().rsplit(".", 1)[-1]
    return Hint(f"write `{last}`: operators and blocks have no module before their name", ((whole, last),))


def _of_python(failure: Failure, span: Span) -> Hint | None:
    """Return the help for a count before a step, the type of a parameter, and the index of a tensor, as in Python."""
    text, source = span.source.text, span.source
    if failure.token.kind == "INT" and "LBRACE" in failure.expected and (found := _COUNTED.match(text, span.start)):
        step = f"{found[2]} * {found[1]}"
        return Hint(f"write the count after the step: `{step}`", ((Span(source, found.start(), found.end()), step),))
    if span.text in ("//", "--") and text[text.rfind("\n", 0, span.start) + 1 : span.start].strip() == "":
        return Hint("write `#` for a comment", ((span, "#"),))
    if span.text == ":" and "EQUAL" in failure.expected and (found := _TYPE.match(text, span.start)):
        # All of the line: they have the same cause.
        end = text.find("\n", span.start)
        places = [
            Span(source, *each.span()) for each in _TYPE.finditer(text, span.start, end if end >= 0 else len(text))
        ]
        return Hint(f"remove `{found[0]}`: parameters have no types", tuple((place, "") for place in places))
    if span.text == "[" and "ARROW" in failure.expected and (found := _PART.match(text, span.start)):
        part = f" -> slice({found[1] or 0}{f', {found[2]}' if found[2] else ''})"
        return Hint(f"write `{part.strip()}`: a step takes a part of a tensor", ((Span(source, *found.span()), part),))
    return None


def _branches(failure: Failure, source: Source) -> Hint | None:
    """Return the help for branches with labels in parentheses, None for something else."""
    if failure.token.text not in (":", "->", ";") or not failure.open or failure.open[-1].text != "(":
        return None
    at = failure.open[-1].start
    found = _MERGE(source.text, max(0, at - _SHORT), at)
    if found is None:
        return None
    return Hint(f"put the branches of `{found[1]}` into braces: `{found[1]} {{ branch; branch }}`")


def _single_quote(span: Span) -> Hint:
    """Return the help for a string in single quotes, with edits for all of its line."""
    text = span.source.text
    end = text.find("\n", span.start)
    found = list(_QUOTED(text, span.start, len(text) if end < 0 else end))
    if not found:
        return Hint('replace it by `"`', ((span, '"'),))
    written = [_unquoted(each.group(1)) for each in found]
    if written[0].startswith("`"):
        return Hint(f"write {written[0]}")
    places = [Span(span.source, each.start(), each.end()) for each in found]
    edits = tuple((place, own) for place, own in zip(places, written, strict=True) if not own.startswith("`"))
    why = "" if written[0].startswith('"') else ": words have no quotes"
    if why and _OF_DEVICE(text[max(0, span.start - 20) : span.start]) and not _declares(written[0], text):
        why += f"; and declare the device at the top of the model: `devices {written[0]}`"
    return Hint(f"write `{written[0]}`{why}", edits)


def _declares(device: str, text: str) -> bool:
    return re.search(rf"^[ \t]*devices\b[^\n]*\b{re.escape(device)}\b", text, re.MULTILINE) is not None


def _unquoted(text: str) -> str:
    """Return a string of single quotes as archdsl writes it: a word, or a string; or advice that begins with a `."""
    from archdsl.foreign.table import find_words

    words = find_words("words", text) or find_words("initialisers", text)
    if words:
        return words[0].spelling or words[0].advice
    return text if text.isidentifier() else f'"{text}"'


def number_and_name(span: Span) -> Hint:
    """Return the help for a number that runs into a name."""
    shape = _computed_shape(span)
    if shape is not None:
        return shape
    found = _UNIT(span.text)
    if found and found.group(2) in ("if", "else", "and", "or"):
        return Hint("insert a space", ((span, f"{found.group(1)} {found.group(2)}"),))
    return Hint("insert a space or an operator")


def _edited(edit: str, failure: Failure, span: Span) -> tuple[tuple[Span, str], ...]:
    """Return the edit of a hint: a text that replaces the token, or is inserted before it after `<`."""
    if edit == "]":
        return ((span, CLOSING[failure.open[-1].text]),)
    if edit == "()":
        return _in_parentheses(failure, span)
    if edit == " =":
        # All of the call: they have the same cause.
        text = span.source.text
        ends = [at for at in (text.find("\n", span.end), text.find(")", span.end)) if at >= 0]
        more = _NAMED.finditer(text, span.end, min(ends, default=len(text)))
        places = [Span(span.source, found.start(1), found.end(1)) for found in more]
        return tuple((place, edit) for place in (span, *places))
    if edit.startswith("<"):
        before = failure.before
        at = before.end if before else span.start
        return ((Span(span.source, at, at), edit[1:]),)
    return ((span, edit),)


def _in_parentheses(failure: Failure, span: Span) -> tuple[tuple[Span, str], ...]:
    before = failure.before
    found = _NUMBERS(span.source.text, before.end) if before and before.kind == "NAME" else None
    if not found:
        return ()
    numbers = re.split(r"[\s,]+", found.group().strip())
    return ((Span(span.source, found.start(), found.end()), f"({', '.join(numbers)})"),)


_Holds = Callable[[Failure, str, str], bool]


def _after(failure: Failure, *kinds: str) -> bool:
    return failure.before is not None and failure.before.kind in kinds


def _named(failure: Failure, text: str) -> bool:
    return failure.token.kind == "NAME" and text[failure.token.end : failure.token.end + 4].lstrip().startswith("=")


_SHAPE_HELP = "write a shape as `3x224x224`, or as `[3, 224, 224]`"
_HINTS: tuple[tuple[_Holds, str, str | None], ...] = (
    (lambda f, s, _: f.wrong and bool(f.open), "replace it by the bracket that closes the open one", "]"),
    (lambda f, s, _: s == "->" and _after(f, "INPUT"), "remove `input ->`: the first step reads the input", None),
    (lambda f, s, _: s == "->" and _after(f, "ARROW"), "remove one of the arrows", ""),
    (lambda f, s, _: s == "->" and "NAME" in f.expected, "begin with a step; a leading `->` continues a chain", None),
    (lambda f, s, _: s == "{" and _after(f, "MODEL", "BLOCK", "MACRO"), "write a name: `model Net { … }`", None),
    (
        lambda f, s, _: s == "," and "RPAR" in f.expected and "ARROW" in f.expected,
        "put `->` between two steps; branches are in braces, with `;` between them: `add { a; b }`",
        " ->",
    ),
    (lambda f, s, _: s == "," and "RPAR" in f.expected, "remove the comma", ""),
    (lambda f, s, _: s == ")" and _after(f, "EQUAL"), "write a value after `=`", None),
    (
        lambda f, s, _: s == ":" and "LBRACE" in f.expected and _after(f, "RESIDUAL", "ELSE", "PROJECT"),
        "remove the `:`; a submodule around it can have a label: `block1: { residual { … } }`",
        "",
    ),
    (lambda f, s, _: s == ":" and f.expected >= {"LBRACE"} and "ARROW" not in f.expected, "write `{ … }`", None),
    (
        lambda f, s, _: s == "," and "ARROW" in f.expected and bool(f.open) and f.open[-1].text == "{",
        "put `;` between two statements on a line",
        ";",
    ),
    (
        lambda f, s, t: f.token.kind == "STRING" and _after(f, "NAME") and t[f.token.start - 1] in "fbru",
        "remove the letter before the string; `label{i}` computes a label",
        None,
    ),
    (lambda f, s, _: s in ("%", "<", ">") and "ARROW" not in f.expected and "NAME" in f.expected, _STATEMENT, None),
    (lambda f, s, _: s == "else", "write `else` after an `if`: `if test { … } else { … }`", None),
    (lambda f, s, _: s == "project", "write `project` after a residual: `residual { … } project { … }`", None),
    (lambda f, s, _: _after(f, "SHARE"), "give the label of a step: `share @conv1`", None),
    (lambda f, s, _: "IN" in f.expected, "write a loop as `for i in range(4) { … }`", None),
    (
        lambda f, s, _: f.before is not None and f.before.text in ("for", "if") and "ARROW" in f.expected,
        "put the loop or condition into braces: `stage: { for … }`",
        None,
    ),
    (
        lambda f, s, _: f.before is not None and f.before.text == "output" and "ARROW" in f.expected,
        "write the output as a separate statement: `output aux: …`",
        None,
    ),
    (lambda f, s, _: s.endswith(">") and s != "->", "write `->` for an arrow", "->"),
    (lambda f, s, _: s == "-" and "ARROW" in f.expected, "write `->` for an arrow", "->"),
    (lambda f, s, _: s in ("//", "/*", "--"), "write `#` for a comment, and put a computed count in `( )`", None),
    (lambda f, s, _: s == "=" and "COLON" in f.expected, "write `:` after a label", ":"),
    (lambda f, s, _: s == "=" and "COMPARE" in f.expected, "write `==` to compare", "=="),
    (
        lambda f, s, _: s == ":" and "EQUAL" in f.expected and "LBRACE" not in f.expected,
        "write `=` after the name of an argument",
        " =",
    ),
    (lambda f, s, _: s == ":" and _after(f, "INPUT"), "give the input a name: `input image: 3x224x224`", None),
    (lambda f, s, _: s == ":" and _after(f, "SET", "ASSERT"), "choose another label: this one is a keyword", None),
    (lambda f, s, _: s == ":" and "ARROW" in f.expected, "write one name as the label, before its step", None),
    (
        lambda f, s, _: f.token.kind in ("SHAPE", "INT") and _after(f, "COLON"),
        "write `::` before the shape of a step",
        None,
    ),
    (lambda f, s, _: s == "(" and "SHAPE" in f.expected, _SHAPE_HELP, None),
    (lambda f, s, _: s == "," and _after(f, "INT", "SHAPE") and NEWLINE in f.expected, _SHAPE_HELP, None),
    (
        lambda f, s, _: f.token.kind in ("INT", "FLOAT", "STRING") and "ARROW" in f.expected,
        "put arguments in `( )`",
        "()",
    ),
    (lambda f, s, _: f.token.kind in _STEPS and "ARROW" in f.expected, "put `->` between two steps", "< ->"),
    (lambda f, _, t: "COMMA" in f.expected and _named(f, t), "put `,` between two arguments", "<,"),
    (
        lambda f, s, _: f.token.kind == "NAME" and _after(f, "INT", "FLOAT") and "COMMA" in f.expected,
        "put `,` between two values, or an operator such as `*`",
        None,
    ),
    (lambda f, s, _: f.token.kind in _VALUES and "COMMA" in f.expected, "put `,` between two values", "<,"),
    (lambda f, s, _: f.token.kind in _STEPS and NEWLINE in f.expected, "put each statement on its own line", None),
)
