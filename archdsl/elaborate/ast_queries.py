"""What is written in a part of a program, before anything of it unfolds."""

from collections.abc import Iterator, Mapping

from archdsl.elaborate.definitions import Defined
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
        case ast.Braces() | ast.Numbered() | ast.Merge() | ast.On() | ast.Towers():
            return unit.body
        case _:
            return ()


def labels(body: tuple[ast.Statement, ...], definitions: Mapping[str, Defined]) -> set[str]:
    """Return the labels that name children of a body: those in its forms, unlabelled braces and macros too."""
    return set(_Labels().of_body(body, definitions))


class _Labels:
    """Finds labels; each macro is entered once."""

    def __init__(self) -> None:
        self._entered: set[int] = set()

    def of_body(self, body: tuple[ast.Statement, ...], definitions: Mapping[str, Defined]) -> Iterator[str]:
        for statement in body:
            match statement:
                case ast.For() | ast.If():
                    yield from self.of_body(bodies(statement), definitions)
                case ast.Output():
                    yield from self.of_body((statement.chain,), definitions)
                case ast.Chain():
                    for step in statement.steps:
                        yield from self._of_step(step, definitions)

    def _of_step(self, step: ast.Step, definitions: Mapping[str, Defined]) -> Iterator[str]:
        if isinstance(step.label, ast.Name):
            yield step.label.text
        match step.unit:
            case ast.Call():
                yield from self._of_macro(definitions.get(step.unit.name.text))
            case ast.Group():
                yield from self.of_body((step.unit.chain,), definitions)
            case ast.Braces() if step.label is not None:
                return
            case ast.Numbered() | ast.Towers():
                return
            case _:
                yield from self.of_body(inside(step.unit), definitions)

    def _of_macro(self, callee: Defined | None) -> Iterator[str]:
        if callee is None or callee.definition.kind != "macro" or id(callee.definition) in self._entered:
            return
        self._entered.add(id(callee.definition))
        yield from self.of_body(callee.definition.body, callee.library.names)
