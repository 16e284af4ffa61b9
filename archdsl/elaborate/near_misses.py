"""Names that exist and cannot be used where they are written: labels elsewhere, and parameters of other definitions."""

from collections.abc import Iterator
from typing import NamedTuple

from archdsl.base.source import Span
from archdsl.diag.model import Fix, Label
from archdsl.elaborate.scopes import Scope
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import bodies, calls, inside

_SHORT = 60


class NearMiss(NamedTuple):
    """The explanation of a name: text under it, the place that it stands for, an instruction and its edits."""

    label: str
    secondary: tuple[Label, ...]
    help: str
    fixes: tuple[Fix, ...] = ()


class _Place(NamedTuple):
    """A labelled step of a definition, the labels of the submodules around it, and whether it is a submodule's last."""

    name: str
    span: Span
    step: Span
    outer: tuple[str, ...]
    is_last: bool


def of_step(name: ast.Name, scope: Scope) -> NearMiss | None:
    """Explain the name of a step that is neither an operator nor a block."""
    label = scope.children.find(name.text)
    if label is not None:
        what = "an input" if label.step is None else "the label of a step"
        below = name.span.source.text[name.span.end : name.span.end + 2].lstrip()
        # A reference takes neither arguments nor branches.
        fixes = (
            ()
            if below[:1] in ("(", "{")
            else (Fix(f"write `@{name.text}`", ((name.span, f"@{name.text}"),), is_safe=True),)
        )
        help = f"write `@{name.text}` for {'it' if label.step is None else 'its output'}"
        return NearMiss(f"`{name.text}` is {what}", (Label(label.span, "declared here"),), help, fixes)
    return of_label(name.text, name.span, scope)


def of_label(text: str, span: Span, scope: Scope) -> NearMiss | None:
    """Explain a label that no step above, in this body or around it, has."""
    definition = definition_at(span, scope)
    if definition is None:
        return None
    own = [place for place in _places(definition.body, ()) if place.name == text]
    for place in own:
        found = _in_same_definition(text, span, place)
        if found:
            return found
    return _in_caller(text, definition, scope) or _in_callee(text, definition, scope)


def _in_same_definition(text: str, span: Span, place: _Place) -> NearMiss | None:
    """Explain a label of the same definition: below the reference, or in a submodule."""
    there = f"`{text}` is labelled here"
    if place.span.start > span.start:
        if place.outer:
            return None
        label = f"the step `{text}` comes later, on line {place.span.line}"
        return NearMiss(label, (Label(place.span, there),), _order(text, span, place))
    if not place.outer:
        return None
    inner = ".".join((*place.outer, text))
    label = f"`{text}` is inside the submodule `{place.outer[0]}`"
    secondary = (Label(place.span, there),)
    if place.is_last and len(place.outer) == 1:
        outer = place.outer[0]
        help = f"write `@{outer}`: its output is that of `{inner}`"
        return NearMiss(label, secondary, help, (Fix(f"write `@{outer}`", ((span, f"@{outer}"),)),))
    help = f"only the output of `{place.outer[0]}` can be read here, as `@{place.outer[0]}`; end the submodule after"
    return NearMiss(label, secondary, f"{help} `{text}`, or take `{text}` out of it")


def _order(text: str, span: Span, place: _Place) -> str:
    """Return the help for a reference at `span` to a step below."""
    step = " ".join(place.step.text.split())
    if len(step) > _SHORT or not span.text.startswith("@"):
        return f"a reference reads a step above it: move `{text}` up; the steps after it then read its output"
    return (
        f"a reference reads a step above it: write `{step}` here in place of `{span.text}`, or move it up; the steps"
        f" after it then read its output"
    )


def _in_caller(text: str, definition: ast.Definition, scope: Scope) -> NearMiss | None:
    """Explain a label of a definition that uses this one."""
    own = definition.name.text
    for each in _definitions(scope):
        if each is definition or not any(call.name.text == own for call in calls(each)):
            continue
        place = next((place for place in _places(each.body, ()) if place.name == text), None)
        inputs = (item for item in each.body if isinstance(item, ast.Input) and item.name.text == text)
        there = place.span if place else next((item.name.span for item in inputs), None)
        if there is not None:
            label = f"`{text}` belongs to the {each.kind} `{each.name.text}`, which uses `{own}`"
            params = ", ".join((*(param.name.text for param in definition.params), text))
            help = f"pass it: declare `{definition.kind} {own}({params})`, `{text}` here, `@{text}` in the call"
            return NearMiss(label, (Label(there, "declared here"),), help)
    return None


def _in_callee(text: str, definition: ast.Definition, scope: Scope) -> NearMiss | None:
    """Explain a label of a block that this definition uses."""
    used = {call.name.text for call in calls(definition)}
    for each in _definitions(scope):
        if each is definition or each.name.text not in used or each.kind == "macro":
            continue
        place = next((place for place in _places(each.body, ()) if place.name == text), None)
        if place is not None:
            label = f"`{text}` is inside the {each.kind} `{each.name.text}`"
            help = f"only the output of `{each.name.text}` can be read: label its call, and write `@` and that label"
            return NearMiss(label, (Label(place.span, f"`{text}` is labelled here"),), help)
    return None


def of_value(name: ast.Name, scope: Scope) -> NearMiss | None:
    """Explain a name in an expression that is a parameter of another definition of the file."""
    definition = definition_at(name.span, scope)
    for each in _definitions(scope):
        param = next((param for param in each.params if param.name.text == name.text), None)
        if param is None or each is definition:
            continue
        label = f"`{name.text}` is a parameter of the {each.kind} `{each.name.text}`"
        help = "use it there only"
        if definition is not None:
            own = definition.name.text
            params = ", ".join((*(param.name.text for param in definition.params), name.text))
            help = f"`{own}` sees its own parameters only: write `{definition.kind} {own}({params})`, and pass it"
        return NearMiss(label, (Label(param.name.span, "declared here"),), help)
    return None


def _definitions(scope: Scope) -> list[ast.Definition]:
    return [defined.definition for defined in scope.definitions.values()]


def definition_at(span: Span, scope: Scope) -> ast.Definition | None:
    """Return the definition of the file that contains a place."""
    for each in _definitions(scope):
        if each.span.source is span.source and each.span.start <= span.start < each.span.end:
            return each
    return None


def _places(body: tuple[ast.Statement, ...], outer: tuple[str, ...]) -> Iterator[_Place]:
    """Yield the labelled steps of a body, those of its submodules included."""
    left: list[tuple[ast.Statement, tuple[str, ...], bool]] = [
        (statement, outer, number == len(body)) for number, statement in enumerate(body, 1)
    ]
    left.reverse()
    while left:
        statement, around, is_end = left.pop()
        if isinstance(statement, ast.For | ast.If):
            left += [(each, around, False) for each in reversed(bodies(statement))]
            continue
        chain = statement.chain if isinstance(statement, ast.Output) else statement
        if not isinstance(chain, ast.Chain):
            continue
        for number, step in enumerate(chain.steps, 1):
            within = around
            if isinstance(step.label, ast.Name):
                is_last = is_end and number == len(chain.steps)
                yield _Place(step.label.text, step.label.span, step.span, around, is_last)
                if isinstance(step.unit, ast.Braces | ast.Numbered):
                    within = (*around, step.label.text)
            inner: tuple[ast.Statement, ...] = inside(step.unit)
            if isinstance(step.unit, ast.Group):
                inner = (step.unit.chain,)
            # The end of a submodule is that of its body; the end of unlabelled braces counts if nothing follows them.
            ends = isinstance(step.unit, ast.Braces | ast.Group)
            ends = ends and (within != around or (is_end and number == len(chain.steps)))
            left += [(each, within, ends and each is inner[-1]) for each in reversed(inner)]
