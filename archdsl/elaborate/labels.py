"""The labels of a body's children, before it unfolds."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias, assert_never

from archdsl.elaborate.definitions import Defined
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import inside

Find: TypeAlias = Callable[[str], Defined | None]


class Labels(NamedTuple):
    """The labels in a body, and the number of parts of it that were visited."""

    texts: set[str]
    visited: int


def labels(body: tuple[ast.Statement, ...], find: Find) -> Labels:
    """Return the labels of a body's children, including those in its forms, unlabelled braces and macros.

    Args:
        body: The statements.
        find: Returns the definition that a name refers to in them.
    """
    found: set[str] = set()
    entered: set[int] = set()
    left: list[tuple[ast.Statement | ast.Step, Find]] = [(each, find) for each in body]
    visited = 0
    while left:
        part, known = left.pop()
        visited += 1
        match part:
            case ast.Step():
                if isinstance(part.label, ast.Name):
                    found.add(part.label.text)
                callee = known(part.unit.name.text) if isinstance(part.unit, ast.Call) else None
                if callee is None:
                    left += [(each, known) for each in _in_step(part)]
                elif callee.definition.kind == "macro" and id(callee.definition) not in entered:
                    entered.add(id(callee.definition))
                    left += [(each, callee.library.names.get) for each in callee.definition.body]
            case ast.For():
                left += [(each, known) for each in part.body]
            case ast.If():
                left += [(each, known) for each in (*part.body, *part.otherwise)]
            case ast.Output():
                left += [(each, known) for each in part.chain.steps]
            case ast.Chain():
                left += [(each, known) for each in part.steps]
            case ast.Set() | ast.Broken() | ast.Input() | ast.Devices() | ast.Assert():
                pass
            case _:
                assert_never(part)
    return Labels(found, visited)


def _in_step(step: ast.Step) -> tuple[ast.Statement, ...]:
    """Return the statements in a step whose children are those of the body around it."""
    unit = step.unit
    match unit:
        case ast.Group():
            return (unit.chain,)
        case ast.Braces() if step.label is not None:
            return ()
        case ast.Braces() | ast.Merge() | ast.Residual() | ast.On():
            return inside(unit)
        case ast.Call() | ast.Numbered() | ast.Towers() | ast.Reference() | ast.Share():
            return ()
        case _:
            assert_never(unit)
