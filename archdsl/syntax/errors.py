"""Syntax errors in the language's own words."""

from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.source import Source, Span
from archdsl.syntax.automaton import END, Failure, Token
from archdsl.syntax.recovery import CLOSING, OPENING

_WORDS = {
    "ARROW": "`->`",
    "STATES": "`::`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "_NL": "the end of the line",
    END: "the end of the file",
    "NAME": "a name",
    "INT": "a number",
    "SHAPE": "a shape such as 3x224x224",
    "MODEL": "`model`",
    "SET": "`set`",
    "INPUT": "`input`",
    "ASSERT": "`assert`",
    "EXPRESSION": "a value",
    "OPERATOR": "an operator",
}
_VALUES = frozenset({"INT", "FLOAT", "STRING", "NAME", "LPAR", "MINUS"})
_SIGNS = frozenset({"PLUS", "MINUS", "STAR", "DIVIDE", "POWER", "COMPARE", "AND", "OR", "IF"})
_QUIET = _SIGNS | {"DOC", "ELSE", "BROKEN", "NOT", "TRUE", "FALSE", "NONE", "FLOAT", "STRING", END}
_OPENING = {"RPAR": "(", "RSQB": "[", "RBRACE": "{"}
_FANCY = {"“": '"', "”": '"', "„": '"', "‘": '"', "’": '"', "→": "->", "–": "-", "—": "-", "×": "x or *", "⟶": "->"}


def report_all(failures: list[Failure], source: Source, problems: Problems) -> None:
    """Say what the failures of a run mean."""
    for failure in failures:
        report(failure, source, problems)


def report(failure: Failure, source: Source, problems: Problems) -> None:
    """Say what a failure of the parser means."""
    token = failure.token
    span = Span(source, token.start, token.end)
    if failure.too_deep:
        problems.report(codes.TOO_DEEP, span, "brackets are nested more than 100 deep")
    elif failure.unclosed:
        _report_open(failure, source, problems)
    elif token.kind == "":
        _report_character(token, span, source, problems)
    else:
        problems.report(
            codes.UNEXPECTED, span, _label(failure), secondary=_opened(failure, source), help=_help(failure)
        )


def _report_open(failure: Failure, source: Source, problems: Problems) -> None:
    opened, token, before = failure.open[-1], failure.token, failure.before
    sign = CLOSING[opened.text]
    label = f"this `{opened.text}` has no `{sign}`"
    where = f"`{_shortened(token.text)}` comes first"
    help = f"add `{sign}` where this part ends"
    if failure.suspect:
        opened, token = failure.suspect
        label = "this `{` has no `}`, as the indentation shows"
        where = "this one is indented as if it closed what is around it"
    elif token.kind == END:
        where = "the file ends here"
    elif before and before.text == "model" and token.kind == "NAME":
        token, where = before, "another model begins here"
    elif before and opened.text != "{":
        help = f"add `{sign}` after `{_shortened(before.text)}`"
    secondary = (Label(Span(source, token.start, token.end), where),)
    problems.report(
        codes.NEVER_CLOSED, Span(source, opened.start, opened.end), label, secondary=secondary, help=help
    )


def _report_character(token: Token, span: Span, source: Source, problems: Problems) -> None:
    if token.text == '"':
        problems.report(codes.UNKNOWN_CHARACTER, span, "this string does not end on its line", help='add `"`')
        return
    rest = source.text[token.start :]
    if rest[0].isdigit():
        problems.report(
            codes.UNKNOWN_CHARACTER, span, "a number runs into a name here", help="put a space or an operator between"
        )
        return
    meant = _FANCY.get(token.text)
    label = f"U+{ord(token.text):04X}" if not token.text.isprintable() or ord(token.text) > 126 else "not used here"
    problems.report(codes.UNKNOWN_CHARACTER, span, label, help=f"write `{meant}`" if meant else None)


def _label(failure: Failure) -> str:
    found = "the file ends" if failure.token.kind == END else f"`{_shortened(failure.token.text)}`"
    if failure.token.kind == "_NL":
        found = "the line ends"
    wanted = _wanted(failure.expected - _closing_others(failure))
    return f"{found} here, expected {wanted}" if wanted else f"{found} cannot stand here"


def _closing_others(failure: Failure) -> set[str]:
    """Return the brackets that would close something else than what was opened last."""
    last = failure.open[-1].text if failure.open else ""
    return {kind for kind, opening in _OPENING.items() if opening != last}


def _shortened(text: str) -> str:
    return text if len(text) <= 30 else text[:27] + "…"


def _wanted(expected: frozenset[str]) -> str:
    left = set(expected)
    words = []
    if left >= _VALUES:
        left -= _VALUES | {"LSQB", "SHAPE"}
        words.append("EXPRESSION")
    elif left >= {"NAME", "LBRACE", "LPAR", "LSQB"}:
        left -= {"NAME", "LBRACE", "LPAR", "LSQB"}
        words.append("a step")
    if "SHAPE" in left:
        left -= {"INT", "LSQB"}
    words += sorted(left - _QUIET)
    names = [_WORDS.get(word, word) for word in words]
    if not names:
        return "an operator" if left & _SIGNS else ""
    if len(names) > 5:
        names = [*names[:5], "…"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def _opened(failure: Failure, source: Source) -> tuple[Label, ...]:
    if not failure.open:
        return ()
    last = failure.open[-1]
    wrong = failure.token.text in OPENING and failure.token.text != CLOSING[last.text]
    awaited = any(_OPENING[kind] == last.text for kind in failure.expected if kind in _OPENING)
    if not wrong and not (awaited and last.text != "{"):
        return ()
    return (Label(Span(source, last.start, last.end), f"this `{last.text}` is still open"),)


def _help(failure: Failure) -> str | None:
    token, before, expected = failure.token, failure.before, failure.expected
    if token.text == "=" and "COLON" in expected:
        return "a label ends in `:`"
    if token.kind == "NAME" and before and before.kind == "NAME" and "ARROW" in expected:
        return "put `->` between two steps"
    if token.kind in ("ARROW", "_NL") and "RPAR" in expected:
        return "close the `(`"
    if token.text == "-" and "ARROW" in expected:
        return "an arrow is written `->`"
    if token.text == ">" or token.text == "=>":
        return "an arrow is written `->`"
    if token.kind in ("INT", "NAME", "FLOAT") and "COMMA" in expected:
        return "put `,` between two arguments"
    return None
