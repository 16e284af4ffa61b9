"""The classes and tables of a generated module, read from its text."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# A body with more lines is parsed in parts, each when it runs: the tree of all statements takes much memory.
_LONG = 2_000
_PART = "_part_of_body"
_METHOD = re.compile(r"    def \w+\(")
_STATEMENT = re.compile(r" {8}(?!el(?:if|se)\b)[^\W\d]")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a generated class: its parameters, and its statements or the parts of its text."""

    args: ast.arguments
    body: list[ast.stmt]
    parts: tuple[str, ...] = ()

    def statements(self) -> Iterator[ast.stmt]:
        """Yield the statements."""
        yield from self.body
        for part in self.parts:
            (block,) = ast.parse(part).body
            assert isinstance(block, ast.If)
            yield from block.body


@dataclass(frozen=True, slots=True)
class Definition:
    """A class of a generated module.

    Attributes:
        name: Its name.
        base: The name of its base class.
        methods: Its methods by name.
        fields: The names that it declares, in their order.
    """

    name: str
    base: str
    methods: dict[str, Method]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A generated module: its classes, and the values of its tables as expressions."""

    classes: dict[str, Definition] = field(default_factory=dict)
    tables: dict[str, ast.expr] = field(default_factory=dict)


def read(source: str) -> Text:
    """Return the classes and tables of a module.

    Raises:
        SyntaxError: The text is not Python.
    """
    found = Text()
    body, parts = _parsed(source)
    for part in body:
        if isinstance(part, ast.ClassDef):
            found.classes[part.name] = _definition(part, parts)
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None:
            # A later assignment replaces the empty table of the support code.
            found.tables[part.target.id] = part.value
        elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            found.tables[part.targets[0].id] = part.value
    return found


def _parsed(source: str) -> tuple[list[ast.stmt], dict[int, tuple[str, ...]]]:
    """Return the statements of a module, and the parts of long bodies by the line of the statement in their place."""
    kept: list[str] = []
    parts: dict[int, tuple[str, ...]] = {}
    lines = source.split("\n")
    if len(lines) > _LONG:
        end = 0
        for start, stop in _long_bodies(lines):
            kept += lines[end:start]
            parts[len(kept) + 1] = tuple(_parts(lines, start, stop))
            # Lines keep their numbers.
            kept += [f"        {_PART}", *[""] * (stop - start - 1)]
            end = stop
        if parts:
            body = ast.parse("\n".join([*kept, *lines[end:]])).body
            places = {line for each in body for line in _places(each)}
            # A docstring can look like a method.
            if places == parts.keys():
                return body, parts
    return ast.parse(source).body, {}


def _long_bodies(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the first line of each long body of a method, and the line after it."""
    number = 0
    while number < len(lines):
        if not _METHOD.match(lines[number]):
            number += 1
            continue
        while number < len(lines) and not lines[number].endswith(":"):
            number += 1
        start = number = number + 1
        while number < len(lines) and (lines[number].startswith("        ") or not lines[number]):
            number += 1
        if number - start > _LONG and _STATEMENT.match(lines[start]):
            yield start, number


def _parts(lines: list[str], start: int, stop: int) -> Iterator[str]:
    """Yield the text of a body in parts that end before a statement; lines keep their numbers."""
    while start < stop:
        end = min(start + _LONG, stop)
        while end < stop and not _STATEMENT.match(lines[end]):
            end += 1
        text = "\n".join(lines[start:end])
        yield "\n" * (start - 1) + f"if True:\n{text}"
        start = end


def _places(part: ast.stmt) -> Iterator[int]:
    """Yield the lines of the statements that stand for long bodies."""
    for each in part.body if isinstance(part, ast.ClassDef) else ():
        if isinstance(each, ast.FunctionDef) and _is_place(each.body):
            yield each.body[0].lineno


def _is_place(body: list[ast.stmt]) -> bool:
    (only, *more) = body
    return not more and isinstance(only, ast.Expr) and isinstance(only.value, ast.Name) and only.value.id == _PART


def _definition(part: ast.ClassDef, parts: dict[int, tuple[str, ...]]) -> Definition:
    methods = {}
    for each in part.body:
        if isinstance(each, ast.FunctionDef):
            is_place = bool(parts) and _is_place(each.body)
            own = Method(each.args, [], parts[each.body[0].lineno]) if is_place else Method(each.args, each.body)
            methods[each.name] = own
    declared = [each.target for each in part.body if isinstance(each, ast.AnnAssign)]
    fields = tuple(each.id for each in declared if isinstance(each, ast.Name))
    return Definition(part.name, dotted_name(part.bases[0]) if part.bases else "", methods, fields)


def dotted_name(expr: ast.expr) -> str:
    """Return a dotted name as text; empty for any other expression."""
    if isinstance(expr, ast.Name):
        return expr.id
    if isinstance(expr, ast.Attribute):
        owner = dotted_name(expr.value)
        return f"{owner}.{expr.attr}" if owner else ""
    return ""
