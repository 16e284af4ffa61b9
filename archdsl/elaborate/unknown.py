"""Reports of names and functions that an expression does not know."""

from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate import values
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.expected import Expected
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.stream_words import stream_names
from archdsl.elaborate.suggestions import nearest, suggestion
from archdsl.ops import all_ops
from archdsl.ops.argument_types import PADDING
from archdsl.ops.initialisers import INITIALISER, all_initialisers
from archdsl.syntax import ast

_OF_PYTHON = {"True": "true", "False": "false", "None": "none"}


def report_unknown_name(problems: Problems, name: ast.Name, scope: Scope, cursor: Cursor, expected: Expected) -> None:
    """Report a name that means nothing in an expression."""
    if expected.initialiser:
        _report_no_initialiser(problems, codes.NO_SUCH_NAME, name, scope)
        return
    words = [word for word in expected.words if word != "same"]
    if name.text in PADDING.words:
        _report_padding(problems, name, words)
        return
    if scope.children.find(name.text):
        help = f"write `@{name.text}` for the output of that step" if expected.blocks else None
        problems.report(codes.NO_SUCH_NAME, name.span, "this is the label of a step", help=help)
        return
    known = [*scope.values, *words, *sorted(stream_names(cursor))]
    blocks = [*scope.definitions, *(op.name for op in all_ops())] if expected.blocks else []
    python = _OF_PYTHON.get(name.text)
    help = f"write `{python}`" if python else nearest(name.text, blocks) or suggestion(name.text, known)
    if help is None and cursor.stream is None:
        help = "use a parameter that is defined before this place"
    problems.report(codes.NO_SUCH_NAME, name.span, help=help)


def _report_padding(problems: Problems, name: ast.Name, words: list[str]) -> None:
    """Report a word for padding where it is not accepted; `words` are those that are."""
    label, help = f"`{name.text}` has a meaning only as padding", "write a number"
    if words:
        here = " or ".join(f"`{word}`" for word in words)
        label, help = f"this operator does not accept `{name.text}`", f"write {here}, or a number"
    problems.report(codes.NO_SUCH_NAME, name.span, label, help=help)


def report_unknown_function(problems: Problems, name: ast.Name, scope: Scope, expected: Expected) -> None:
    """Report a call of a function that does not exist."""
    if expected.initialiser:
        _report_no_initialiser(problems, codes.NO_SUCH_FUNCTION, name, scope)
        return
    known = [*values.FUNCTIONS, *(each.name for each in all_initialisers())]
    help = nearest(name.text, known) or suggestion(name.text, list(values.FUNCTIONS))
    problems.report(codes.NO_SUCH_FUNCTION, name.span, help=help)


def _report_no_initialiser(problems: Problems, code: codes.Code, name: ast.Name, scope: Scope) -> None:
    note = f"the initialisers are {', '.join(f'`{word}`' for word in INITIALISER.words)}"
    help = nearest(name.text, [*scope.values, *INITIALISER.words])
    problems.report(code, name.span, notes=(note,), help=help)
