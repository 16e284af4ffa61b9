"""The classes and tables of a generated module, read from its text."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

# The statements of a body with more lines are parsed when they run, equal ones once: the tree of all statements takes
# much memory and most of the time.
_LONG = 200
_PART = "_part_of_body"
_METHOD = re.compile(r"    def \w+\(")
_STATEMENT = re.compile(r" {8}(?!el(?:if|se)\b)[^\W\d]")
_MEMBER = re.compile(r"\bself\.(\w+)")
# The attribute in the place of a submodule's name, in the tree that equal statements share.
_SHARED = "self._"


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
        """Yield the statements. Each has to run before the next one is asked for, because equal ones share their tree.
        """
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


@dataclass(frozen=True, slots=True)
class _Form:
    """The tree of statements that differ only in the names of submodules, with the nodes of these names.

    `placed` are the nodes whose lines the reader asks for.
    """

    statement: ast.stmt
    members: tuple[ast.Attribute, ...]
    placed: tuple[ast.stmt | ast.expr, ...]


def _statements(lines: tuple[str, ...], first: int) -> Iterator[ast.stmt]:
    """Yield the statements of a body; those of one form share a tree, which has the names of one of them at a time."""
    forms: dict[str, _Form] = {}
    starts = [number for number, line in enumerate(lines) if _STATEMENT.match(line)]
    for start, stop in pairwise((*starts, len(lines))):
        line = lines[start]
        if stop > start + 1 and any(lines[start + 1 : stop]):
            yield from _block(lines[start:stop], first + start)
            continue
        text = _MEMBER.sub(_SHARED, line)
        form = forms.get(text)
        if form is None:
            form = forms[text] = _form(text, first + start)
        names = _MEMBER.findall(line)
        if len(form.members) != len(names):
            # Not all of the names are submodules: one may be in a string.
            yield from _block((line,), first + start)
            continue
        for member, name in zip(form.members, names, strict=True):
            member.attr = name
        for node in form.placed:
            node.lineno = first + start
        yield form.statement


def _block(lines: tuple[str, ...], first: int) -> list[ast.stmt]:
    """Return the statements in some lines of a body; `first` is the number of the first line."""
    (block,) = ast.parse("\n" * (first - 2) + "if True:\n" + "\n".join(lines)).body
    assert isinstance(block, ast.If)
    return block.body


def _form(text: str, line: int) -> _Form:
    (statement,) = _block((text,), line)
    nodes = list(ast.walk(statement))
    members = [
        each for each in nodes
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "self"
    ]  # fmt: skip
    members.sort(key=lambda each: each.col_offset)
    calls = (each for each in nodes if isinstance(each, ast.Call))
    return _Form(statement, tuple(members), (statement, *calls))


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
            methods[each.name] = Method(each.args, [], bodies[start], start) if is_place else Method(each.args, each.body)
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
