"""Queries about the syntax tree: the calls, names and statements in a part of a program."""

from collections.abc import Iterator
from typing import assert_never

from archdsl.base.source import Span
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


def is_repeated(body: tuple[ast.Statement, ...], span: Span) -> bool:
    """Return whether a `for` or a count around a place of a body repeats it."""
    while True:
        here = next((each for each in body if _contains(each.span, span)), None)
        chain = here.chain if isinstance(here, ast.Output) else here
        if isinstance(chain, ast.For):
            return True
        if isinstance(chain, ast.If):
            body = bodies(chain)
            continue
        if not isinstance(chain, ast.Chain):
            return False
        step = next((each for each in chain.steps if _contains(each.span, span)), None)
        if step is None or step.times is not None:
            return step is not None
        body = (step.unit.chain,) if isinstance(step.unit, ast.Group) else inside(step.unit)


def _contains(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


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
