"""What is written in a part of a program, before anything of it unfolds."""

from collections.abc import Iterator

from archdsl.syntax import ast


def calls(part: ast.Statement | ast.Item) -> Iterator[ast.Call]:
    """Yield all calls of operators and blocks that are written in a part of a program."""
    match part:
        case ast.Chain():
            for step in part.steps:
                yield from _calls_of_unit(step.unit)
        case ast.Output():
            yield from calls(part.chain)
        case ast.Definition() | ast.For() | ast.If():
            for statement in bodies(part):
                yield from calls(statement)
        case _:
            return


def _calls_of_unit(unit: ast.Unit) -> Iterator[ast.Call]:
    match unit:
        case ast.Call():
            yield unit
        case ast.Group():
            yield from calls(unit.chain)
        case ast.Merge():
            yield unit.call
    for statement in inside(unit):
        yield from calls(statement)


def mentioned(part: ast.Item) -> list[str]:
    """Return the names that a part of a program mentions anywhere, its labels among them."""
    found: list[str] = []
    left: list[object] = [part]
    while left:
        each = left.pop()
        if isinstance(each, ast.Name):
            found.append(each.text)
        elif isinstance(each, tuple):
            left += each
        elif isinstance(each, ast.CONTAINERS):
            left += vars(each).values()
    return found


def bodies(part: ast.Definition | ast.For | ast.If) -> tuple[ast.Statement, ...]:
    """Return the statements in the braces of a definition or a statement."""
    return (*part.body, *part.otherwise) if isinstance(part, ast.If) else part.body


def inside(unit: ast.Unit) -> tuple[ast.Statement, ...]:
    """Return the statements in the brackets of a unit."""
    match unit:
        case ast.Residual():
            return (*unit.body, *(unit.project or ()))
        case ast.Braces() | ast.Numbered() | ast.Merge() | ast.On() | ast.Lanes():
            return unit.body
        case _:
            return ()


def labels(body: tuple[ast.Statement, ...]) -> Iterator[str]:
    """Yield the labels that name children of a body, those in its forms and unlabelled braces too."""
    for statement in body:
        match statement:
            case ast.For() | ast.If():
                yield from labels(bodies(statement))
            case ast.Output():
                yield from labels((statement.chain,))
            case ast.Chain():
                for step in statement.steps:
                    yield from _labels_of_step(step)


def _labels_of_step(step: ast.Step) -> Iterator[str]:
    if isinstance(step.label, ast.Name):
        yield step.label.text
    if isinstance(step.unit, ast.Group):
        yield from labels((step.unit.chain,))
    elif isinstance(step.unit, ast.Braces):
        if step.label is None:
            yield from labels(step.unit.body)
    elif not isinstance(step.unit, ast.Numbered | ast.Lanes):
        yield from labels(inside(step.unit))
