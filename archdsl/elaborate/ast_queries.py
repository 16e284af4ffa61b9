"""Queries about the syntax tree: calls, names and labels in a part of a program, before it unfolds."""

from collections.abc import Iterator, Mapping
from typing import assert_never

from archdsl.elaborate.definitions import Defined
from archdsl.syntax import ast


def calls(part: ast.Statement | ast.Item) -> Iterator[ast.Call]:
    """Yield the calls of operators and blocks in a part of a program."""
    match part:
        case ast.Chain():
            for step in part.steps:
                yield from _calls_of_unit(step.unit)
        case ast.Output():
            yield from calls(part.chain)
        case ast.Definition() | ast.For() | ast.If():
            for statement in bodies(part):
                yield from calls(statement)
        case ast.Import() | ast.Set() | ast.Broken() | ast.Input() | ast.Devices() | ast.Assert():
            return
        case _:
            assert_never(part)


def _calls_of_unit(unit: ast.Unit) -> Iterator[ast.Call]:
    match unit:
        case ast.Call():
            yield unit
        case ast.Group():
            yield from calls(unit.chain)
        case ast.Merge():
            yield unit.call
        case ast.Braces() | ast.Numbered() | ast.Residual() | ast.On() | ast.Towers() | ast.Reference() | ast.Share():
            pass
        case _:
            assert_never(unit)
    for statement in inside(unit):
        yield from calls(statement)


def mentioned(part: ast.Item) -> list[str]:
    """Return all names in a part of a program, including labels."""
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
        case ast.Call() | ast.Group() | ast.Reference() | ast.Share():
            return ()
        case _:
            assert_never(unit)


def labels(body: tuple[ast.Statement, ...], definitions: Mapping[str, Defined]) -> set[str]:
    """Return the labels of a body's children, including those in its forms, unlabelled braces and macros."""
    return set(_Labels().of_body(body, definitions))


class _Labels:
    """Finds labels. Each macro is entered once."""

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
                case ast.Set() | ast.Broken() | ast.Input() | ast.Devices() | ast.Assert():
                    pass
                case _:
                    assert_never(statement)

    def _of_step(self, step: ast.Step, definitions: Mapping[str, Defined]) -> Iterator[str]:
        if isinstance(step.label, ast.Name):
            yield step.label.text
        unit = step.unit
        match unit:
            case ast.Call():
                yield from self._of_macro(definitions.get(unit.name.text))
            case ast.Group():
                yield from self.of_body((unit.chain,), definitions)
            case ast.Braces() if step.label is not None:
                return
            case ast.Numbered() | ast.Towers() | ast.Reference() | ast.Share():
                return
            case ast.Braces() | ast.Merge() | ast.Residual() | ast.On():
                yield from self.of_body(inside(unit), definitions)
            case _:
                assert_never(unit)

    def _of_macro(self, callee: Defined | None) -> Iterator[str]:
        if callee is None or callee.definition.kind != "macro" or id(callee.definition) in self._entered:
            return
        self._entered.add(id(callee.definition))
        yield from self.of_body(callee.definition.body, callee.library.names)
