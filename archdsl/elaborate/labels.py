"""The labels of a body's children, before it unfolds."""

from collections.abc import Iterator, Mapping
from typing import assert_never

from archdsl.elaborate.definitions import Defined
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import bodies, inside


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
