"""Syntax errors in the language's own words."""

from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.source import Source, Span
from archdsl.syntax.automaton import END, Failure, Token

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
    """Say what the failures of a run mean; a bracket that is never closed is named once."""
    blamed: set[Token] = set()
    for failure in failures:
        if failure.open and _lost(failure):
            if failure.open[-1] in blamed:
                continue
            blamed.add(failure.open[-1])
        report(failure, source, problems)


def report(failure: Failure, source: Source, problems: Problems) -> None:
    """Say what a failure of the parser means."""
    token = failure.token
    span = Span(source, token.start, token.end)
    if failure.too_deep:
        problems.report(codes.TOO_DEEP, span, "brackets are nested more than 100 deep")
    elif token.kind == "":
        _report_character(token, span, source, problems)
    elif failure.open and _lost(failure):
        _report_open(failure, source, problems)
    else:
        problems.report(
            codes.UNEXPECTED, span, _label(failure), secondary=_opened(failure, source), help=_help(failure)
        )


def _lost(failure: Failure) -> bool:
    """Whether the text goes on as if a brace had been closed: it ends, or another model begins."""
    before = failure.before
    return failure.token.kind == END or (before is not None and before.text == "model" and failure.token.kind == "NAME")


def _report_open(failure: Failure, source: Source, problems: Problems) -> None:
    opened = failure.open[-1]
    span = Span(source, opened.start, opened.end)
    where = "the file ends here" if failure.token.kind == END else "another model begins here"
    token = failure.token if failure.token.kind == END or failure.before is None else failure.before
    closing = {"(": ")", "[": "]", "{": "}"}[opened.text]
    problems.report(
        codes.NEVER_CLOSED,
        span,
        f"this `{opened.text}` has no `{closing}`",
        secondary=(Label(Span(source, token.start, token.end), where),),
        help=f"add `{closing}` where this part ends",
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
    wrong = failure.token.text in (")", "]", "}") and failure.token.text != {"(": ")", "[": "]", "{": "}"}[last.text]
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
