"""The import graph of a package: its rooms, the arrows between them, layers, cycles and file sizes.

A room is a module or a package directly below the top of the package; an arrow is a pair of rooms, the first of which
imports the second. All import statements count, also those in functions and under `TYPE_CHECKING`. Names that are
passed to `import_module` do not. An `__init__.py` is a module with the name of its package, which is imported only by
statements that take a name from it: `from a.b import c` imports `a.b.c` if that is a module, and otherwise `a.b`.
"""

import ast
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from importlib.util import resolve_name
from pathlib import Path
from statistics import median
from typing import TypeAlias

Links: TypeAlias = Mapping[str, Set[str]]


@dataclass(frozen=True)
class Structure:
    """The modules of a package: what each one imports of the package, and how many lines it has."""

    package: str
    imports: Links
    lines: Mapping[str, int]

    def room(self, module: str) -> str:
        """Return the room of a module; `__init__` for the package itself."""
        return module.removeprefix(self.package).lstrip(".").split(".")[0] or "__init__"

    @cached_property
    def rooms(self) -> dict[str, set[str]]:
        """The rooms in alphabetical order, each with the other rooms that it imports."""
        found: dict[str, set[str]] = {self.room(module): set() for module in sorted(self.imports)}
        for module, imported in self.imports.items():
            found[self.room(module)] |= {self.room(each) for each in imported} - {self.room(module)}
        return found

    @property
    def top_modules(self) -> list[str]:
        """The rooms that are single modules."""
        packages = {self.room(module) for module in self.imports if module.count(".") > 1}
        return [room for room in self.rooms if room not in packages]

    @property
    def arrows(self) -> int:
        """The number of pairs of rooms, the first of which imports the second."""
        return sum(map(len, self.rooms.values()))

    @property
    def room_cycles(self) -> list[list[str]]:
        """Groups of rooms that import each other."""
        return [group for group in components(self.rooms) if len(group) > 1]

    @property
    def module_cycles(self) -> list[list[str]]:
        """Groups of modules that import each other."""
        return [group for group in components(self.imports) if len(group) > 1]

    @property
    def layers(self) -> list[list[str]]:
        """Rooms by height, the lowest first: a room stands one layer above the highest room that it imports."""
        height: dict[str, int] = {}
        for group in components(self.rooms):
            below = {room for member in group for room in self.rooms[member]} - set(group)
            height |= dict.fromkeys(group, 1 + max((height[room] for room in below), default=-1))
        top = max(height.values(), default=-1)
        return [[room for room in self.rooms if height[room] == layer] for layer in range(top + 1)]


def structure_of(folder: Path) -> Structure:
    """Read the sources of a package without importing them."""
    files = {_module(file, folder): file for file in sorted(folder.rglob("*.py"))}
    texts = {module: file.read_text(encoding="utf-8") for module, file in files.items()}
    imports = {}
    for module, text in texts.items():
        parent = module if files[module].name == "__init__.py" else module.rpartition(".")[0]
        imports[module] = set(_imported(ast.parse(text), parent, set(files))) - {module}
    return Structure(folder.name, imports, {module: text.count("\n") for module, text in texts.items()})


def _module(file: Path, folder: Path) -> str:
    parts = file.relative_to(folder.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.Module, parent: str, modules: Set[str]) -> Iterator[str]:
    """Yield the modules that a module of the package `parent` imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from modules & {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), parent)
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield from modules & {name if name in modules else source}


def components(links: Links) -> list[list[str]]:
    """Return the strongly connected components in reverse topological order, each sorted alphabetically.

    The algorithm is that of Tarjan: Depth-first search and linear graph algorithms, 1972.
    """
    number: dict[str, int] = {}
    least: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = least[node] = len(number)
        stack.append(node)
        for target in sorted(links[node]):
            if target not in number:
                visit(target)
            if target in stack:
                least[node] = min(least[node], least[target])
        if least[node] == number[node]:
            start = stack.index(node)
            found.append(sorted(stack[start:]))
            del stack[start:]

    for node in sorted(links):
        if node not in number:
            visit(node)
    return found


def report(structure: Structure) -> str:
    """Return the text that `python -m archdsl.dev structure` prints."""
    single, sizes = structure.top_modules, structure.lines
    largest = max(sizes, key=sizes.__getitem__)
    lines = [
        f"{len(structure.rooms)} rooms at the top of {structure.package}/: {len(single)} modules "
        f"({', '.join(single)}), {len(structure.rooms) - len(single)} packages",
        f"{structure.arrows} arrows between rooms",
        *(f"  {room} -> {', '.join(sorted(below))}" for room, below in structure.rooms.items() if below),
        f"{len(structure.layers)} layers",
        *(f"  {number:2}  {', '.join(layer)}" for number, layer in reversed([*enumerate(structure.layers, 1)])),
        *_listed("rooms", structure.room_cycles),
        *_listed("modules", structure.module_cycles),
        f"{len(sizes)} files: median {median(sizes.values()):g} lines, maximum {sizes[largest]:,} ({largest})",
    ]
    return "\n".join(lines)


def _listed(kind: str, cycles: list[list[str]]) -> list[str]:
    return [f"{len(cycles) or 'no'} import cycles of {kind}", *(f"  {', '.join(cycle)}" for cycle in cycles)]
