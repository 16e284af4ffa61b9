"""Support definitions: classes and functions that torch lacks, copied into modules that need them."""

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from archdsl.base.resources import resource
from archdsl.emit.imports import Import

# Definitions that no operator declares: of numbers, for several devices, and for several processes.
NUMBERS = ("make_divisible",)
PLACING = ("device_pool", "factories")
PIPELINE = ("ContiguousGradient", "receive_hook", "sendable", "send_hook", "pipeline_stage", "pipeline")
TOWERS = ("own_tower",)
# What users of a module call; other definitions are parts of these.
PUBLIC = frozenset(("pipeline_stage", "pipeline", "own_tower", "fused_state"))


@dataclass(frozen=True, slots=True)
class Definition:
    """A file of templates/support.

    Attributes:
        name: The name of the class or function.
        source: Its source, without imports.
        imports: The imports of the file.
        bases: The base classes, as they are written: `nn.Linear`.
        calls: The functions and classes that the definition calls, as they are written.
        reads: The names that the definition reads.
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

    Other statements declare constants that the generated module has.
    """
    is_alias = isinstance(part, ast.AnnAssign) and isinstance(part.annotation, ast.Name)
    return isinstance(part, ast.ClassDef | ast.FunctionDef) or is_alias


def _imports(part: ast.stmt) -> list[Import]:
    """Return the imports of a statement."""
    if isinstance(part, ast.Import):
        return [Import(alias.name, "", alias.asname or "") for alias in part.names]
    if isinstance(part, ast.ImportFrom):
        return [Import(part.module or "", alias.name, alias.asname or "") for alias in part.names]
    return []


def needed(candidates: Iterable[str], read: Collection[str]) -> list[Definition]:
    """Return the candidates that code reads, and further candidates that these read, in the order of candidates."""
    found = {name: definition(name) for name in dict.fromkeys(candidates)}
    used: set[str] = set()
    added = found.keys() & read
    while added:
        used |= added
        added = {other for name in added for other in found.keys() & found[name].reads} - used
    return [each for name, each in found.items() if name in used]
