"""The classes and tables of a generated module, read from its text."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, TypeGuard

# The statements of a body with more lines are parsed when they run, equal ones once: the tree of all statements takes
# much memory and most of the time.
_LONG = 200
_PART = "_part_of_body"
_METHOD = re.compile(r"    def \w+\(")
_STATEMENT = re.compile(r" {8}(?!el(?:if|se)\b)[^\W\d]")
# The names in which statements of one form differ: those of members, and of the variable that is assigned.
_NAME = re.compile(r"((?<=\bself\.)\w+|(?<=^ {8})\w+(?=(?:: Tensor)? = ))")
# The name in the place of each of them, in the tree that these statements share.
_SHARED = "_"
# As many forms are kept at a time.
_FORMS = 1_000


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a generated class: its parameters, and its statements or the lines of its text.

    `start` is the number of the first line.
    """

    args: ast.arguments
    body: list[ast.stmt]
    lines: tuple[str, ...] = ()
    start: int = 0

    def statements(self) -> Iterator[ast.stmt]:
        """Yield the statements. Each has to run before the next one is asked for: some of them share their tree."""
        yield from self.body
        if self.lines:
            yield from _statements(self.lines, self.start)


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
    body, bodies = _parsed(source)
    for part in body:
        if isinstance(part, ast.ClassDef):
            found.classes[part.name] = _definition(part, bodies)
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None:
            # A later assignment replaces the empty table of the support code.
            found.tables[part.target.id] = part.value
        elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            found.tables[part.targets[0].id] = part.value
    return found


def _parsed(source: str) -> tuple[list[ast.stmt], dict[int, tuple[str, ...]]]:
    """Return the statements of a module, and the lines of long bodies by the line of the statement in their place."""
    kept: list[str] = []
    bodies: dict[int, tuple[str, ...]] = {}
    lines = source.split("\n")
    if len(lines) > _LONG:
        end = 0
        for start, stop in _long_bodies(lines):
            kept += lines[end:start]
            bodies[len(kept) + 1] = tuple(lines[start:stop])
            # Lines keep their numbers.
            kept += [f"        {_PART}", *[""] * (stop - start - 1)]
            end = stop
        if bodies:
            body = ast.parse("\n".join([*kept, *lines[end:]])).body
            places = {line for each in body for line in _places(each)}
            # A docstring can look like a method.
            if places == bodies.keys():
                return body, bodies
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


class _Form(NamedTuple):
    """The tree of statements that differ only in names, with the nodes of these names.

    `lines` are the nodes whose lines the reader asks for, each with the distance from the first line.
    """

    statement: ast.stmt
    names: tuple[ast.Attribute | ast.Name, ...]
    lines: tuple[tuple[ast.stmt | ast.expr, int], ...]

    @staticmethod
    def of(text: str) -> "_Form":
        """Return the form of a statement."""
        (statement,) = _block(text)
        nodes = list(ast.walk(statement))
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        names = [each for each in nodes if _is_name(each, target)]
        names.sort(key=lambda each: (each.end_lineno or 0, each.end_col_offset or 0))
        placed = [each for each in nodes if isinstance(each, ast.stmt | ast.Call)]
        return _Form(statement, tuple(names), tuple((each, each.lineno - 2) for each in placed))

    def filled(self, names: list[str], line: int) -> ast.stmt | None:
        """Return the statement with these names at a line; None if one of the names is no node, such as in a string."""
        if len(names) != len(self.names):
            return None
        for node, name in zip(self.names, names, strict=True):
            if isinstance(node, ast.Name):
                node.id = name
            else:
                node.attr = name
        for place, distance in self.lines:
            place.lineno = line + distance
        return self.statement


def _is_name(node: ast.AST, target: object) -> TypeGuard[ast.Attribute | ast.Name]:
    """Return whether a node has the name of a member or of the assigned variable in a form."""
    if isinstance(node, ast.Attribute):
        return node.attr == _SHARED and isinstance(node.value, ast.Name) and node.value.id == "self"
    return node is target and isinstance(node, ast.Name) and node.id == _SHARED


def _statements(lines: tuple[str, ...], first: int) -> Iterator[ast.stmt]:
    """Yield the statements of a body; those of one form share a tree, which has the names of one of them at a time."""
    forms: dict[str, _Form] = {}
    starts = [number for number, line in enumerate(lines) if _STATEMENT.match(line)]
    for start, stop in pairwise((*starts, len(lines))):
        text = lines[start] if stop == start + 1 else "\n".join(lines[start:stop])
        # The text between the names, and the names in turn.
        parts = _NAME.split(text)
        shared = _SHARED.join(parts[::2])
        form = forms.get(shared)
        if form is None:
            if len(forms) == _FORMS:
                forms.clear()
            form = forms[shared] = _Form.of(shared)
        made = form.filled(parts[1::2], first + start)
        if made is not None:
            yield made
            continue
        for statement in _block(text):
            yield ast.increment_lineno(statement, first + start - 2)


def _block(text: str) -> list[ast.stmt]:
    """Return the statements in some lines of a body; the first line has number 2."""
    (block,) = ast.parse(f"if True:\n{text}").body
    assert isinstance(block, ast.If)
    return block.body


def _places(part: ast.stmt) -> Iterator[int]:
    """Yield the lines of the statements that stand for long bodies."""
    for each in part.body if isinstance(part, ast.ClassDef) else ():
        if isinstance(each, ast.FunctionDef) and _is_place(each.body):
            yield each.body[0].lineno


def _is_place(body: list[ast.stmt]) -> bool:
    (only, *more) = body
    return not more and isinstance(only, ast.Expr) and isinstance(only.value, ast.Name) and only.value.id == _PART


def _definition(part: ast.ClassDef, bodies: dict[int, tuple[str, ...]]) -> Definition:
    methods = {}
    for each in part.body:
        if isinstance(each, ast.FunctionDef):
            start = each.body[0].lineno
            is_place = bool(bodies) and _is_place(each.body)
            methods[each.name] = (
                Method(each.args, [], bodies[start], start) if is_place else Method(each.args, each.body)
            )
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
