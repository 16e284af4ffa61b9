"""Names of children: labels, numbers, or names made from the operator's."""

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Fix, Label, Problems
from archdsl.elaborate.scopes import Children
from archdsl.syntax import ast
from archdsl.target.reserved import free_label, why_no_label


def child_name(
    problems: Problems, label: ast.Name | None, base: str, children: Children, *, counts: bool = True
) -> str:
    """Return the name of a child, and report a label that cannot be one.

    A name that is made from `base` avoids the attributes of modules. Without `counts`, an unlabelled child takes no
    number in a numbered container.
    """
    if label is None:
        base = free_label(base)
        return children.next_name(base) if counts else children.free_name(base)
    if children.numbered:
        help = "remove the label, or write `{ … }` around the steps"
        problems.report(codes.LABEL_IN_NUMBERED, label.span, help=help)
        return children.next_name(base)
    why = why_no_label(label.text)
    if why:
        problems.report(codes.RESERVED_NAME, label.span, why, help=f"call it `{free_label(label.text)}`, for example")
    if label.text in children.places:
        _report_twice(problems, label, children.places[label.text])
        return label.text
    if label.text in children.given:
        _report_given(problems, label, children)
    children.places[label.text] = label.span
    return label.text


def report_label(problems: Problems, step: ast.Step, label: ast.Name) -> None:
    """Report the label of a step that makes no submodule of its own."""
    unit = step.unit
    match unit:
        case ast.Group():
            help = "write `{ … }` or `[ … ]` for a submodule with this name"
            problems.report(codes.LABEL_ON_GROUP, label.span, help=help)
        case ast.On():
            help = "label the steps in it, or write `{ … }` around it for a submodule with this name"
            problems.report(codes.UNLABELLED_STEP, label.span, "`on` makes no submodule", help=help)
        case ast.Towers():
            help = "write the names of the towers after the keyword, such as `group tower{0..1} { … }`"
            problems.report(codes.UNLABELLED_STEP, label.span, "each tower has a name of its own", help=help)
        case ast.Reference() | ast.Share():
            text = unit.span.text
            where = (
                "`share` applies a module that has a name" if isinstance(unit, ast.Share) else f"`{text}` has a name"
            )
            help = f"to name the result, write `{text} -> {label.text}: identity`"
            start, end = label.span.start, unit.span.start
            is_near = not label.span.source.text[label.span.end : end].strip(": \t")
            edits = (
                (Span(label.span.source, start, end), ""),
                (Span(label.span.source, unit.span.end, unit.span.end), f" -> {label.text}: identity"),
            )
            fixes = (Fix(help, edits),) if is_near and label.span.text == label.text else ()
            problems.report(codes.UNLABELLED_STEP, label.span, where, help=help, fixes=fixes)
        case _:
            pass


def _report_given(problems: Problems, label: ast.Name, children: Children) -> None:
    """Report a label that a step above already has as its generated name, such as a computed one."""
    help = f"write a label before that step, or call this one `{children.free_name(label.text)}`, for example"
    problems.report(codes.LABEL_TWICE, label.span, f"a step above without a label is called `{label.text}`", help=help)


def _report_twice(problems: Problems, label: ast.Name, first: Span) -> None:
    if first == label.span:
        where, help = (
            "this step is repeated with its label",
            (f"in a `for`, write `{label.text}{{i}}: …`; else remove the label, and write `[ … ]` around the steps"),
        )
        if label.span.text != label.text:
            where, help = f"another step is called `{label.text}`", "use a value in the label that changes"
        problems.report(codes.LABEL_TWICE, label.span, where, help=help)
        return
    earlier = Label(first, "first here")
    problems.report(codes.LABEL_TWICE, label.span, secondary=(earlier,), help=f"call it `{label.text}_2`, for example")
