"""The imports of a generated module."""

from collections.abc import Iterable
from dataclasses import dataclass

from archdsl.base.pyprint import INDENT, WIDTH


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """`import module as alias`, or with a name `from module import name`."""

    module: str
    name: str = ""
    alias: str = ""

    @property
    def bound(self) -> str:
        """The name that code uses."""
        return self.alias or self.name or self.module.partition(".")[0]


# Every generated module has these.
_ALWAYS = (Import("torch"), Import("torch", "Tensor"), Import("torch", "nn"))
# Those that generated code may need. Support definitions have their own imports.
_POSSIBLE = (
    Import("collections", "OrderedDict"),
    Import("collections.abc", "Callable"),
    Import("functools", "partial"),
    Import("math"),
    Import("typing", "Any"),
    Import("typing", "Final"),
    Import("typing", "NamedTuple"),
    Import("torch.distributed", alias="dist"),
    Import("torch.nn.functional", alias="F"),
)


def imports_of(names: Iterable[str], others: Iterable[Import]) -> list[str]:
    """Return the import lines of a module, sorted as isort sorts them.

    Args:
        names: The names that generated code reads.
        others: The imports of support definitions.
    """
    read = frozenset(names)
    found = {*_ALWAYS, *(each for each in _POSSIBLE if each.bound in read), *others}
    standard = {each for each in found if each.module.partition(".")[0] != "torch"}
    lines = _section(standard)
    return [*lines, *([""] if lines else []), *_section(found - standard)]


def _section(imports: set[Import]) -> list[str]:
    whole = sorted(each for each in imports if not each.name)
    names: dict[str, list[str]] = {}
    for each in sorted(imports - {*whole}):
        names.setdefault(each.module, []).append(each.name)
    found = [f"import {each.module}" + (f" as {each.alias}" if each.alias else "") for each in whole]
    return found + [line for module, some in names.items() for line in _from(module, some)]


def _from(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"from {module} import (", *(f"{' ' * INDENT}{name}," for name in names), ")"]
