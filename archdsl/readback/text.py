"""The classes and tables of a generated module, read from its text."""

import ast
from dataclasses import dataclass, field


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
    methods: dict[str, ast.FunctionDef]
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
    for part in ast.parse(source).body:
        if isinstance(part, ast.ClassDef):
            found.classes[part.name] = _definition(part)
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and part.value is not None:
            # A later assignment replaces the empty table of the support code.
            found.tables[part.target.id] = part.value
        elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            found.tables[part.targets[0].id] = part.value
    return found


def _definition(part: ast.ClassDef) -> Definition:
    methods = {each.name: each for each in part.body if isinstance(each, ast.FunctionDef)}
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
