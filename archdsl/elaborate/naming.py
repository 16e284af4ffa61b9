"""The names of children: labels, numbers, or what the operator is called."""

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate.scopes import Children
from archdsl.syntax import ast
from archdsl.target.reserved import free_label, why_no_label


def child_name(
    problems: Problems, label: ast.Name | None, base: str, children: Children, *, counts: bool = True
) -> str:
    """Return the name of a child, after checking that its label can be one; `counts` says it takes a number."""
    if label is None:
        return children.next_name(base) if counts else children.free_name(base)
    if children.numbered:
        help = "leave the label out, or write `{ … }` around the steps"
        problems.report(codes.LABEL_IN_NUMBERED, label.span, help=help)
        return children.next_name(base)
    why = why_no_label(label.text)
    if why:
        problems.report(codes.RESERVED_NAME, label.span, why, help=f"call it `{free_label(label.text)}`, say")
    if label.text in children.places:
        _report_twice(problems, label, children.places[label.text])
        return label.text
    if label.text in children.given:
        _report_given(problems, label, children)
    children.places[label.text] = label.span
    return label.text


def _report_given(problems: Problems, label: ast.Name, children: Children) -> None:
    """Report a label that was not known when a step above got its name: one that is computed, say."""
    help = f"write a label before that step, or call this one `{children.free_name(label.text)}`, say"
    problems.report(codes.LABEL_TWICE, label.span, f"a step above without a label is called `{label.text}`", help=help)


def _report_twice(problems: Problems, label: ast.Name, first: Span) -> None:
    if first == label.span:
        help = (
            f"in a `for`, let it change: `{label.text}{{i}}: …`; else leave it out, and write `[ … ]` around the steps"
        )
        where = "this step is repeated with its label"
        if label.span.text != label.text:
            help, where = "let the label depend on what changes", f"`{label.text}` would stand there again"
        problems.report(codes.LABEL_TWICE, label.span, where, help=help)
        return
    earlier = Label(first, "first here")
    problems.report(codes.LABEL_TWICE, label.span, secondary=(earlier,), help=f"call it `{label.text}_2`, say")
