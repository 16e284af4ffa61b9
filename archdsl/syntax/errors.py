"""Messages for syntax errors."""

import re
from collections.abc import Callable
from unicodedata import name as unicode_name

from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.syntax.automaton import END, NEWLINE, Failure, Token
from archdsl.syntax.recovery import CLOSING, OPENING, begins_line, begins_statement

# In the order in which messages list them.
_WORDS = {
    "NAME": "a name",
    "SHAPE": "a shape such as 3x224x224",
    "INT": "a number",
    "INPUT": "`input`",
    "MODEL": "`model`",
    "SET": "`set`",
    "ASSERT": "`assert`",
    "ARROW": "`->`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "LBRACE": "`{`",
    "LPAR": "`(`",
    "STATES": "`::`",
    "ELSE": "`else`",
    "IN": "`in`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    NEWLINE: "the end of the line",
}
_VALUES = frozenset({"INT", "FLOAT", "STRING", "NAME", "LPAR"})
_STEPS = frozenset({"NAME", "LBRACE", "LPAR", "LSQB"})
_SIGNS = frozenset({"PLUS", "MINUS", "STAR", "DIVIDE", "POWER", "COMPARE", "AND", "OR", "IF"})
_CLOSERS = frozenset({"RPAR", "RSQB", "RBRACE"})
_WRITTEN = re.compile(r"[-=~]+>|//|/\*|--").match
_NUMBER_AND_NAME = re.compile(r"\w+").match
_MEANT = {
    **dict.fromkeys("“”„‘’'«»`", 'replace it by `"`'),
    **dict.fromkeys("→⟶⇒⟹", "replace it by `->`"),
    **dict.fromkeys("–—−", "replace it by `-`"),
    **dict.fromkeys("×✕", "replace it by `x` in shapes, by `*` in products"),
    **dict.fromkeys("\u00a0\u2007\u202f", "replace it by a space"),
    "^": "write `**` for powers",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
}


def report_all(failures: list[Failure], source: Source, problems: Problems) -> None:
    """Report the failures of a parser run as diagnostics.

    Statements of another language have one cause, and are reported together.
    """
    from archdsl.syntax import foreign

    code: list[foreign.Foreign] = []
    for failure in failures:
        found = None if failure.too_deep else foreign.foreign(failure, source)
        if found is None:
            report(failure, source, problems)
        elif found.is_code:
            code.append(found)
        else:
            foreign.report([found], problems)
    if code:
        foreign.report(code, problems)


def report(failure: Failure, source: Source, problems: Problems) -> None:
    """Report a failure of the parser as a diagnostic."""
    token = failure.token
    if failure.too_deep:
        problems.report(codes.TOO_DEEP, _span(token, source), "brackets are nested more than 100 deep")
    elif failure.unclosed:
        _report_open(failure, source, problems)
    elif token.kind == "":
        _report_character(token, source, problems)
    elif _is_stray(failure):
        _report_stray(failure, source, problems)
    elif _is_unfinished(failure, source):
        assert failure.before is not None
        label = f"expected {_wanted(failure)} after this"
        problems.report(codes.UNFINISHED, _span(failure.before, source), label)
    else:
        _report_unexpected(failure, source, problems)


def _span(token: Token, source: Source) -> Span:
    return Span(source, token.start, token.end)


def _report_open(failure: Failure, source: Source, problems: Problems) -> None:
    opened, token, before = failure.open[-1], failure.token, failure.before
    sign = CLOSING[opened.text]
    label = f"this `{opened.text}` has no `{sign}`"
    where = f"this `{token.text}` closes an outer bracket"
    help = f"add `{sign}` at the end of this part"
    if token.kind == END:
        where = "the file ends here"
        if failure.suspect:
            opened, token = failure.suspect
            label = "this `{` has no `}`, as the indentation shows"
            where = "this one is indented like the `}` of an outer bracket"
    elif before and before.text == "model" and token.kind == "NAME":
        token, where = before, "another model begins here"
    elif before and opened.text != "{" and before.kind != NEWLINE:
        help = f"add `{sign}` after `{_shortened(before.text)}`"
        if token.kind == NEWLINE:
            where = "the statement ends here"
        elif begins_statement(source.text, token.start):
            where = "a new statement begins here"
        elif token.text not in OPENING:
            where = f"`{token.text}` is not allowed inside"
    secondary = (Label(_span(token, source), where),)
    problems.report(codes.NEVER_CLOSED, _span(opened, source), label, secondary=secondary, help=help)


def _report_character(token: Token, source: Source, problems: Problems) -> None:
    span = _span(token, source)
    if token.text == '"':
        problems.report(codes.UNKNOWN_CHARACTER, span, "this string has no end on its line", help='add `"` at its end')
        return
    found = _NUMBER_AND_NAME(source.text, token.start) if token.text.isdigit() else None
    if found:
        span = Span(source, token.start, found.end())
        help = "insert a space or an operator"
        problems.report(codes.UNKNOWN_CHARACTER, span, "a number is directly followed by a name", help=help)
        return
    label = "not a character of the language"
    if ord(token.text) > 126 or not token.text.isprintable():
        label = f"U+{ord(token.text):04X} {unicode_name(token.text, '').lower()}".strip()
    problems.report(codes.UNKNOWN_CHARACTER, span, label, help=_MEANT.get(token.text))


def _is_stray(failure: Failure) -> bool:
    """Return whether a closing bracket has no opening one; a bracket of the wrong kind is another error."""
    text = failure.token.text
    if text not in OPENING or any(opened.text == OPENING[text] for opened in failure.open):
        return False
    return not failure.wrong


def _report_stray(failure: Failure, source: Source, problems: Problems) -> None:
    text = failure.token.text
    secondary: tuple[Label, ...] = ()
    if text == "}" and failure.suspect:
        secondary = (Label(_span(failure.suspect[1], source), "this one closes more than its indentation suggests"),)
    label = f"no `{OPENING[text]}` is open here"
    span = _span(failure.token, source)
    problems.report(codes.UNEXPECTED, span, label, secondary=secondary, help=f"remove this `{text}`")


def _is_unfinished(failure: Failure, source: Source) -> bool:
    """Return whether a new line begins although the statement before it is incomplete."""
    token, before = failure.token, failure.before
    if before is None or before.kind == NEWLINE or before.text in CLOSING or before.text in OPENING:
        return False
    if token.kind == "ARROW" or token.text in ("else", "project") or (failure.open and failure.open[-1].text == "("):
        return False
    return begins_line(source.text, token.start) and "\n" in source.text[before.end : token.start]


def _report_unexpected(failure: Failure, source: Source, problems: Problems) -> None:
    token = failure.token
    longer = _WRITTEN(source.text, token.start)
    span = Span(source, token.start, max(token.end, longer.end() if longer else 0))
    found = {END: "the file ends", NEWLINE: "the line ends"}.get(token.kind, f"`{_shortened(span.text)}`")
    wanted = _wanted(failure)
    label = f"{found} here, expected {wanted}" if wanted else f"{found} is not allowed here"
    help = _help(failure, span.text, source)
    problems.report(codes.UNEXPECTED, span, label, secondary=_around(failure, span), help=help)


def _around(failure: Failure, span: Span) -> tuple[Label, ...]:
    """Return a label for the bracket that is open here if it is far away, or for the end of the model."""
    if not failure.open:
        return (Label(_span(failure.suspect[1], span.source), "the model ends here"),) if failure.suspect else ()
    last = _span(failure.open[-1], span.source)
    if failure.wrong or (last.text == "(" and last.line < span.line):
        return (Label(last, f"this `{last.text}` is still open"),)
    return ()


def _shortened(text: str) -> str:
    return text if len(text) <= 30 else text[:27] + "…"


def _wanted(failure: Failure) -> str:
    """Return the expected tokens in words; operators of expressions only if nothing else is expected."""
    left = set(failure.expected)
    if failure.wrong:
        left &= _CLOSERS
    words = []
    if left >= _VALUES:
        left -= _VALUES | {"LSQB", "SHAPE"}
        words.append("a value")
    elif left >= _STEPS:
        left -= _STEPS | {NEWLINE}
        words.append("a step")
    if "SHAPE" in left:
        left -= {"INT", "LSQB"}
    if "MODEL" in left:
        left.discard(NEWLINE)
    if "ARROW" in left:
        left.discard("LBRACE")
    words += [text for kind, text in _WORDS.items() if kind in left]
    if not words:
        return "an operator" if left & _SIGNS else ""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _help(failure: Failure, sign: str, source: Source) -> str | None:
    if "MODEL" in failure.expected:
        from difflib import get_close_matches

        near = get_close_matches(sign, ["model", "set"], n=1)
        return f"did you mean `{near[0]}`?" if near else "put steps into a model: `model Name { … }`"
    return next((help for holds, help in _HINTS if holds(failure, sign, source.text)), None)


_Holds = Callable[[Failure, str, str], bool]


def _after(failure: Failure, *kinds: str) -> bool:
    return failure.before is not None and failure.before.kind in kinds


def _named(failure: Failure, text: str) -> bool:
    return failure.token.kind == "NAME" and text[failure.token.end : failure.token.end + 4].lstrip().startswith("=")


_SHAPE_HELP = "write a shape as `3x224x224`, or as `[3, 224, 224]`"
_HINTS: tuple[tuple[_Holds, str], ...] = (
    (lambda f, s, _: s == "else", "write `else` after an `if`: `if test { … } else { … }`"),
    (lambda f, s, _: s == "project", "write `project` after a residual: `residual { … } project { … }`"),
    (lambda f, s, _: _after(f, "SHARE"), "give the label of a step: `share @conv1`"),
    (lambda f, s, _: "IN" in f.expected, "write a loop as `for i in range(4) { … }`"),
    (
        lambda f, s, _: f.before is not None and f.before.text in ("for", "if") and "ARROW" in f.expected,
        "put the loop or condition into braces: `stage: { for … }`",
    ),
    (
        lambda f, s, _: f.before is not None and f.before.text == "output" and "ARROW" in f.expected,
        "write the output as a separate statement: `output aux: …`",
    ),
    (lambda f, s, _: s.endswith(">") and s != "->", "write `->` for an arrow"),
    (lambda f, s, _: s == "-" and "ARROW" in f.expected, "write `->` for an arrow"),
    (lambda f, s, _: s in ("//", "/*", "--"), "write `#` for a comment"),
    (lambda f, s, _: s == "=" and "COLON" in f.expected, "write `:` after a label"),
    (lambda f, s, _: s == "=" and "COMPARE" in f.expected, "write `==` to compare"),
    (
        lambda f, s, _: s == ":" and "EQUAL" in f.expected and "LBRACE" not in f.expected,
        "write `=` after the name of an argument",
    ),
    (lambda f, s, _: s == ":" and _after(f, "INPUT"), "give the input a name: `input image: 3x224x224`"),
    (lambda f, s, _: s == ":" and _after(f, "SET", "ASSERT"), "choose another label: this one is a keyword"),
    (lambda f, s, _: s == ":" and "ARROW" in f.expected, "write one name as the label, before its step"),
    (lambda f, s, _: f.token.kind in ("SHAPE", "INT") and _after(f, "COLON"), "write `::` before the shape of a step"),
    (lambda f, s, _: s == "(" and "SHAPE" in f.expected, _SHAPE_HELP),
    (lambda f, s, _: s == "," and _after(f, "INT", "SHAPE") and NEWLINE in f.expected, _SHAPE_HELP),
    (lambda f, s, _: f.token.kind in ("INT", "FLOAT", "STRING") and "ARROW" in f.expected, "put arguments in `( )`"),
    (lambda f, s, _: f.token.kind in _STEPS and "ARROW" in f.expected, "put `->` between two steps"),
    (lambda f, _, t: "COMMA" in f.expected and _named(f, t), "put `,` between two arguments"),
    (
        lambda f, s, _: f.token.kind == "NAME" and _after(f, "INT", "FLOAT") and "COMMA" in f.expected,
        "put `,` between two values, or an operator such as `*`",
    ),
    (lambda f, s, _: f.token.kind in _VALUES and "COMMA" in f.expected, "put `,` between two values"),
    (lambda f, s, _: f.token.kind in _STEPS and NEWLINE in f.expected, "put each statement on its own line"),
)
