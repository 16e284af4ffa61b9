"""Support definitions: classes and functions that torch lacks, which a generated module brings along."""

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from archdsl.base.resources import resource
from archdsl.emit.imports import Import

# Definitions that no operator declares: for models with devices, and for several processes.
PLACING = ("device_pool", "factories")
PIPELINE = ("pipeline_stage", "pipeline")
TOWERS = ("own_tower",)


@dataclass(frozen=True, slots=True)
class Definition:
    """A file of templates/support: the source of what it defines, and what Python's parser finds in it.

    `bases` are the base classes, `calls` the functions and classes that it calls, both as they are written there;
    `reads` are all names that it reads.
    """

    name: str
    source: str
    imports: tuple[Import, ...]
    bases: frozenset[str]
    calls: frozenset[str]
    reads: frozenset[str]


@cache
def definition(name: str) -> Definition:
    """Return the support definition of this name."""
    text = resource("templates", f"support/{name}.py").read_text(encoding="utf-8")
    body = ast.parse(text).body
    start = next(number for number, part in enumerate(body) if _defines(part))
    parts = [inner for part in body[start:] for inner in ast.walk(part)]
    imports = [each for part in body for each in _imports(part)]
    (main,) = (part for part in body if isinstance(part, ast.ClassDef | ast.FunctionDef))
    return Definition(
        name=main.name,
        source="\n".join(text.splitlines()[body[start].lineno - 1 :]),
        imports=tuple(imports),
        bases=frozenset(map(ast.unparse, main.bases)) if isinstance(main, ast.ClassDef) else frozenset(),
        calls=frozenset(ast.unparse(part.func) for part in parts if isinstance(part, ast.Call)),
        reads=frozenset(part.id for part in parts if isinstance(part, ast.Name)),
    )


def _defines(part: ast.stmt) -> bool:
    """Return whether a statement belongs to the definition: a class, a function or a type alias.

    Others, before it, stand for constants of the generated module.
    """
    is_alias = isinstance(part, ast.AnnAssign) and isinstance(part.annotation, ast.Name)
    return isinstance(part, ast.ClassDef | ast.FunctionDef) or is_alias


def _imports(part: ast.stmt) -> list[Import]:
    """Return what a statement imports."""
    if isinstance(part, ast.Import):
        return [Import(alias.name, "", alias.asname or "") for alias in part.names]
    if isinstance(part, ast.ImportFrom):
        return [Import(part.module or "", alias.name, alias.asname or "") for alias in part.names]
    return []


def needed(candidates: Iterable[str], read: Collection[str]) -> list[Definition]:
    """Return the definitions among the candidates that code reads, and those that these read themselves."""
    found = {name: definition(name) for name in dict.fromkeys(candidates)}
    used: set[str] = set()
    added = found.keys() & read
    while added:
        used |= added
        added = {other for name in added for other in found.keys() & found[name].reads} - used
    return [each for name, each in found.items() if name in used]
