"""Generated files: `python -m archdsl.dev write` makes them, `check` says whether they are current.

They are the parser's tables, docs/operators.md, docs/errors.md and docs/lenet5.svg, the drawing that the README shows.
Only developers run this; it needs a checkout.
"""

import sys
from collections.abc import Callable
from inspect import cleandoc
from pathlib import Path

from archdsl.console import default
from archdsl.diag.codes import CATALOGUE
from archdsl.ops import all_ops
from archdsl.ops.base import FAMILIES, Op
from archdsl.ops.declared import Declared
from archdsl.ops.initialisers import Initialiser, all_initialisers
from archdsl.output import write as write_file

ROOT = Path(__file__).parent.parent
_MADE = "<!-- Made by `python -m archdsl.dev write`; do not edit. -->\n"


def operators() -> str:
    """Return docs/operators.md: every operator with its arguments and examples."""
    parts = ["# Operators\n", _MADE, "What stands between `->`. The first arguments of an operator need no name.\n"]
    for family in FAMILIES:
        found = [op for op in all_ops() if op.family == family]
        if found:
            parts.append(f"## {family.capitalize()}\n")
            parts += [_operator(op) for op in found]
    about = "What the arguments `init` and `bias_init` take: the functions of `torch.nn.init`, without their last `_`."
    return "\n".join([*parts, "## Initialisers\n", about + "\n", *map(_initialiser, all_initialisers())])


def _initialiser(found: type[Initialiser]) -> str:
    return "\n".join([f"### `{found.name}`\n", cleandoc(found.__doc__ or "") + "\n", *_arguments(found)])


def _arguments(declared: type[Declared]) -> list[str]:
    """Return the table of arguments, with an empty line below it; nothing where there are none."""
    if not declared.arguments:
        return []
    lines = ["| argument | default | takes | what it is |", "| --- | --- | --- | --- |"]
    for number, (name, argument) in enumerate(declared.arguments.items()):
        place = f" ({number + 1})" if number < declared.positional else ""
        value = default(argument)
        lines.append(
            f"| `{name}`{place} | {value if argument.required else f'`{value}`'} "
            f"| {argument.kind.title} | {argument.help} |"
        )
    return [*lines, ""]


def _operator(op: type[Op]) -> str:
    lines = [f"### `{op.name}`\n", cleandoc(op.__doc__ or "") + "\n", *_arguments(op)]
    lines += ["| example | input | output | parameters | MACs |", "| --- | --- | --- | ---: | ---: |"]
    for example in op.examples:
        counts = f"{example.params:,} | {example.macs:,}"
        lines.append(f"| `{example.call}` | {example.input} | {example.output} | {counts} |")
    return "\n".join([*lines, ""])


def errors() -> str:
    """Return docs/errors.md: every code with its explanation."""
    parts = ["# Errors and warnings\n", _MADE]
    parts.append("`E` stops a build, `W` does not. `archdsl explain E0302` prints one of these.\n")
    for code in sorted(CATALOGUE.values(), key=lambda code: code.id):
        parts.append(f"## {code.id}: {code.title}\n\n{code.explanation}\n")
    return "\n".join(parts)


def _tables() -> str:
    from archdsl.syntax.compile_grammar import tables

    return tables()


def _lenet5() -> str:
    from archdsl.diagram import diagram
    from archdsl.driver import compile_source
    from archdsl.loader import read
    from archdsl.render import draw

    graph = compile_source(read("lenet5")).models[0]
    return draw(diagram(graph), "svg", engine="graphviz-pure").decode()


PAGES: dict[str, Callable[[], str]] = {
    "archdsl/syntax/tables.py": _tables,
    "docs/operators.md": operators,
    "docs/errors.md": errors,
    "docs/lenet5.svg": _lenet5,
}


def stale() -> list[str]:
    """Return the generated files that are not what they would be now."""
    files = ((name, ROOT / name, make) for name, make in PAGES.items())
    return [name for name, file, make in files if not file.exists() or file.read_text(encoding="utf-8") != make()]


def main(arguments: list[str]) -> int:
    """Write the generated files, or check them; return the exit code."""
    if arguments == ["write"]:
        for name in stale():
            write_file(ROOT / name, PAGES[name]().encode())
            print(f"wrote {name}")
        return 0
    if arguments == ["check"]:
        for name in (found := stale()):
            print(f"{name} is not current: run `python -m archdsl.dev write`")
        return 1 if found else 0
    print("usage: python -m archdsl.dev write|check")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
