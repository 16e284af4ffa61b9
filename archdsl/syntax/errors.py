"""Messages for syntax errors."""

import re
from unicodedata import name as unicode_name

from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Fix, Label, Problems
from archdsl.syntax import hints
from archdsl.syntax.automaton import END, NEWLINE, Failure, Token
from archdsl.syntax.keywords import misspelt
from archdsl.syntax.recovery import CLOSING, OPENING, begins_line, begins_statement

# In the order in which messages list them.
_EXAMINED = 200
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
_WRITTEN = re.compile(r"[-=~]+>|>>+|//|/\*|--").match
_NUMBER_AND_NAME = re.compile(r"\w+").match


def report_all(failures: list[Failure], source: Source, problems: Problems) -> None:
    """Report the failures of a parser run as diagnostics.

    Statements of another language have one cause, and are reported together.
    """
    from archdsl.syntax import foreign

    code: list[foreign.Foreign] = []
    for number, failure in enumerate(failures):
        # Only the first messages are shown, and a hostile text has many.
        found = None if failure.too_deep or number >= _EXAMINED else foreign.foreign(failure, source)
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
    word = None if failure.too_deep or failure.unclosed else misspelt(failure, source)
    if word:
        help = f"did you mean `{word.keyword}`?"
        fix = Fix(f"write `{word.keyword}`", ((word.span, word.keyword),))
        problems.report(codes.KEYWORD_MISSPELT, word.span, help=help, fixes=(fix,))
    elif failure.too_deep:
        help = "remove brackets, or take steps out into blocks"
        problems.report(codes.TOO_DEEP, _span(token, source), "brackets are nested more than 100 deep", help=help)
    elif failure.unclosed:
        _report_open(failure, source, problems)
    elif token.kind == "":
        _report_character(failure, source, problems)
    elif _is_stray(failure):
        _report_stray(failure, source, problems)
    elif _is_unfinished(failure, source):
        assert failure.before is not None
        span, wanted = _span(failure.before, source), _wanted(failure)
        found = hints.unfinished(failure, span, wanted)
        problems.report(codes.UNFINISHED, span, f"expected {wanted} after this", help=found.text, fixes=found.fixes())
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
        where = f"{_end(token, source)} here"
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
        elif begins_statement(source.text, token.start) or token.start == token.end:
            where = "a new statement begins here"
        elif token.text not in OPENING:
            where = f"`{token.text}` is not allowed inside"
    secondary = (Label(_span(token, source), where),)
    problems.report(codes.NEVER_CLOSED, _span(opened, source), label, secondary=secondary, help=help)


def _report_character(failure: Failure, source: Source, problems: Problems) -> None:
    token = failure.token
    span = _span(token, source)
    if token.text == '"':
        end = source.text.find("\n", span.start)
        end = len(source.text) if end < 0 else end
        help = hints.Hint('add `"` at its end', ((Span(source, end, end), '"'),))
        problems.report(
            codes.UNKNOWN_CHARACTER, span, "this string has no end on its line", help=help.text, fixes=help.fixes()
        )
        return
    found = _NUMBER_AND_NAME(source.text, token.start) if token.text.isdigit() else None
    if found:
        span = Span(source, token.start, found.end())
        help = hints.number_and_name(span)
        label = "a number is directly followed by a name"
        problems.report(codes.UNKNOWN_CHARACTER, span, label, help=help.text, fixes=help.fixes())
        return
    label = "not a character of the language"
    if hints.follows_reference(span):
        help = hints.character(failure, span, source)
        problems.report(codes.NO_SUCH_LABEL, span, "a reference is to one step", help=help.text, fixes=help.fixes())
        return
    if ord(token.text) > 126 or not token.text.isprintable():
        label = f"U+{ord(token.text):04X} {unicode_name(token.text, '').lower()}".strip()
    help = hints.character(failure, span, source)
    problems.report(codes.UNKNOWN_CHARACTER, span, label, help=help.text, fixes=help.fixes())


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
    found = {END: _end(token, source), NEWLINE: "the line ends"}.get(token.kind, f"`{_shortened(span.text)}`")
    wanted = _wanted(failure)
    label = f"{found} here, expected {wanted}" if wanted else f"{found} is not allowed here"
    help = hints.hint(failure, span, source)
    problems.report(codes.UNEXPECTED, span, label, secondary=_around(failure, span), help=help.text, fixes=help.fixes())


def _end(token: Token, source: Source) -> str:
    """Return what ends at the last token: the file, or the expression in a computed label or a range of names."""
    return "the expression ends" if source.text[token.start : token.start + 1] in ("}", ".") else "the file ends"


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
