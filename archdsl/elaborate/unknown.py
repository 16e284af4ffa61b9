"""Reports of names, labels, operators, blocks and functions that do not exist where they are written."""

from archdsl.base.source import Span
from archdsl.base.typos import typo_of
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.model import Fix, Problems
from archdsl.elaborate import foreign_names, near_misses, training_words
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.expected import Expected
from archdsl.elaborate.functions import FUNCTIONS
from archdsl.elaborate.near_misses import NearMiss
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.stream_words import stream_names
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.suggestions import nearest, suggestion
from archdsl.ops import all_ops, lookup
from archdsl.ops.argument_types import PADDING, TRUTH
from archdsl.ops.initialisers import INITIALISER, all_initialisers
from archdsl.syntax import ast

# Operators that a message names.
_OWNERS = 3
_STEPS = ("split", "exchange")
_WITH_BRANCHES = ("residual", "else", "project")


def report_unknown_operator(problems: Problems, call: ast.Call, scope: Scope, *, is_step: bool, branches: bool) -> None:
    """Report a call of an operator that does not exist."""
    name = call.name
    miss = None if problems.is_crowded else near_misses.of_step(name, scope)
    if miss is not None:
        _report_near(problems, codes.NO_SUCH_OPERATOR, name.span, miss)
        return
    if report_training_word(problems, codes.NO_SUCH_OPERATOR, name):
        return
    found = foreign_names.step(call, branches=branches)
    if found and is_step:
        problems.report(codes.NO_SUCH_OPERATOR, name.span, found.label, help=found.help, fixes=found.fixes)
        return
    known = [*(op.name for op in all_ops()), *(_WITH_BRANCHES if branches else _STEPS)]
    near = typo_of(name.text, known)
    help = f"did you mean `{near}`?" if near else found.help if found else _as_argument(name.text)
    help = help or "`archdsl ops` lists all operators"
    problems.report(codes.NO_SUCH_OPERATOR, name.span, help=help, fixes=_meant(name, near), cause=name.text)


def _as_argument(name: str) -> str | None:
    """Return the help for a step that has the name of an argument: which operators take it."""
    found = [op for op in all_ops() if name in op.arguments]
    if not found:
        return None
    owners = ", ".join(f"`{op.name}`" for op in found[:_OWNERS]) + (" and others" if len(found) > _OWNERS else "")
    value = "true" if found[0].arguments[name].kind is TRUTH else "…"
    return f"`{name}` is an argument of {owners}: write `{name} = {value}` in the call"


def report_unknown_block(problems: Problems, call: ast.Call, blocks: list[str], cursor: Cursor) -> None:
    """Report a call of a block that does not exist; `blocks` are those that do."""
    stream = cursor.stream.shape if isinstance(cursor.stream, Tensor) else None
    name = call.name
    near = typo_of(name.text, blocks)
    found = None if near else foreign_names.step(call, stream=stream)
    if found:
        problems.report(codes.NO_SUCH_BLOCK, name.span, found.label, help=found.help, fixes=found.fixes)
        return
    near = near or typo_of(name.text, [op.name for op in all_ops()])
    define = f"define it: `block {name.text} {{ … }}`; capitalised names are blocks, and this file defines none"
    help = f"did you mean `{near}`?" if near else suggestion(name.text, blocks) or define
    problems.report(codes.NO_SUCH_BLOCK, name.span, help=help, fixes=_meant(name, near), cause=name.text)


def _meant(name: ast.Name, near: str | None) -> tuple[Fix, ...]:
    return (Fix(f"write `{near}`", ((name.span, near),)),) if near else ()


def report_unknown_name(problems: Problems, name: ast.Name, scope: Scope, cursor: Cursor, expected: Expected) -> None:
    """Report a name that means nothing in an expression."""
    if expected.initialiser:
        _report_no_initialiser(problems, codes.NO_SUCH_NAME, name, scope)
        return
    words = [word for word in expected.words if word != "same"]
    accepted = [*scope.values, *words, *sorted(stream_names(cursor))]
    found = None if name.text in PADDING.words else foreign_names.word(name.span, name.text, accepted)
    if found:
        problems.report(codes.NO_SUCH_NAME, name.span, help=found.help, fixes=found.fixes)
        return
    if name.text in PADDING.words:
        _report_padding(problems, name, words)
        return
    if scope.children.find(name.text):
        help = f"write `@{name.text}` for the output of that step" if expected.blocks else None
        problems.report(codes.NO_SUCH_NAME, name.span, "this is the label of a step", help=help)
        return
    if lookup(name.text) is not None and not expected.blocks:
        help = f"write it as a step, before or after this one: `{name.text} -> …`"
        problems.report(codes.NO_SUCH_NAME, name.span, "this is an operator", help=help)
        return
    near = None if problems.is_crowded or expected.words else near_misses.of_value(name, scope)
    if near is not None:
        _report_near(problems, codes.NO_SUCH_NAME, name.span, near)
        return
    blocks = [*scope.definitions, *(op.name for op in all_ops())] if expected.blocks else []
    help = nearest(name.text, blocks) or suggestion(name.text, accepted)
    if help is None and cursor.stream is None:
        help = "use a parameter that is defined before this place"
    problems.report(
        codes.NO_SUCH_NAME, name.span, help=help, fixes=_meant(name, typo_of(name.text, blocks or accepted))
    )


def report_unknown_label(problems: Problems, text: str, span: Span, scope: Scope) -> None:
    """Report a reference at `span` to a label that no step above has."""
    if isinstance(scope.values.get(text), Tensor):
        label, help = f"`{text}` is a parameter that holds a tensor", f"write `{text}`, without `@`"
        fixes = (Fix(help, ((span, text),), is_safe=True),) if span.text == f"@{text}" else ()
        problems.report(codes.NO_SUCH_LABEL, span, label, help=help, fixes=fixes)
        return
    near = None if problems.is_crowded else near_misses.of_label(text, span, scope)
    if near is not None:
        _report_near(problems, codes.NO_SUCH_LABEL, span, near)
        return
    help = suggestion(text, scope.children.known()) or "refer to a label above, in this body or one around it"
    meant = typo_of(text, scope.children.known()) if span.text == f"@{text}" else None
    problems.report(codes.NO_SUCH_LABEL, span, help=help, fixes=_meant(ast.Name(text, span), meant and f"@{meant}"))


def report_training_word(problems: Problems, code: Code, name: ast.Name) -> bool:
    """Report a step that is a part of training, such as a loss. Return whether it is one."""
    found = training_words.about_step(name.text)
    if found is not None:
        problems.report(code, name.span, found[0], help=found[1], cause=name.text)
    return found is not None


def _report_near(problems: Problems, code: Code, span: Span, near: NearMiss) -> None:
    problems.report(code, span, near.label, secondary=near.secondary, help=near.help, fixes=near.fixes)


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
    if lookup(name.text) is not None:
        help = f"write the steps in the order of the stream: `{name.text}(…) -> …`"
        problems.report(codes.NESTED_STEPS, name.span, f"`{name.text}` is an operator", help=help)
        return
    known = [*FUNCTIONS, *(each.name for each in all_initialisers())]
    near = nearest(name.text, known) or suggestion(name.text, list(FUNCTIONS))
    problems.report(codes.NO_SUCH_FUNCTION, name.span, help=near, fixes=_meant(name, typo_of(name.text, known)))


def _report_no_initialiser(problems: Problems, code: Code, name: ast.Name, scope: Scope) -> None:
    found = foreign_names.initialiser(name.span, name.text) or foreign_names.word(name.span, name.text, ())
    if found:
        problems.report(code, name.span, help=found.help, fixes=found.fixes)
        return
    note = f"the initialisers are {', '.join(f'`{word}`' for word in INITIALISER.words)}"
    near = nearest(name.text, [*scope.values, *INITIALISER.words])
    fixes = _meant(name, typo_of(name.text, [*scope.values, *INITIALISER.words]))
    problems.report(code, name.span, notes=(note,), help=near, fixes=fixes)
