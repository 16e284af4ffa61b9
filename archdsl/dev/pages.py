"""Generated files, which `python -m archdsl.dev` writes and checks.

They are the parser's tables, docs/operators.md, docs/errors.md, docs/gallery.md, docs/lengths.md, docs/lecture.md,
docs/comparison.md with its charts, the drawings in docs/gallery, docs/lenet5.svg, docs/readme.svg, docs/tutorial.svg,
docs/inception4a.svg and docs/lenet5_volumes.svg. Of the charts only words and numbers are checked, because outlines
differ between versions of matplotlib. The commands need a checkout.
"""

from collections.abc import Callable
from functools import cache, partial
from inspect import cleandoc
from pathlib import Path

from archdsl.base.atomic_write import write as write_file
from archdsl.cli.operators import default
from archdsl.compare import Compared
from archdsl.compare.plots import FILES as CHART_FILES
from archdsl.compare.plots import words
from archdsl.dev import lecture
from archdsl.diag.codes import CATALOGUE
from archdsl.diagram import Detail, Diagram, diagram
from archdsl.gallery import page as gallery_page
from archdsl.gallery.entries import graphs
from archdsl.ops import all_ops
from archdsl.ops.base import FAMILIES, Op
from archdsl.ops.declared import Declared
from archdsl.ops.initialisers import Initialiser, all_initialisers
from archdsl.verify.references import condensed

ROOT = Path(__file__).parent.parent.parent
_MADE = "<!-- Made by `python -m archdsl.dev write`; do not edit. -->\n"


def operators() -> str:
    """Return docs/operators.md: every operator with its arguments and examples."""
    parts = ["# Operators\n", _MADE, "The operators of a chain. A number in parentheses is the position of an argument that needs no name.\n"]
    for family in FAMILIES:
        found = [op for op in all_ops() if op.family == family]
        if found:
            parts.append(f"## {family.capitalize()}\n")
            parts += [_operator(op) for op in found]
    about = "Values of the arguments `init` and `bias_init`: the functions of `torch.nn.init`, without the final `_`."
    return "\n".join([*parts, "## Initialisers\n", about + "\n", *map(_initialiser, all_initialisers())])


def _initialiser(found: type[Initialiser]) -> str:
    return "\n".join([f"### `{found.name}`\n", cleandoc(found.__doc__ or "") + "\n", *_arguments(found)])


def _arguments(declared: type[Declared]) -> list[str]:
    """Return the table of arguments, with an empty line below it; nothing where there are none."""
    if not declared.arguments:
        return []
    lines = ["| argument | default | type | description |", "| --- | --- | --- | --- |"]
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
    parts.append("A code with `E` is an error and stops a build; `W` is a warning. `archdsl explain E0302` prints an entry.\n")
    for code in sorted(CATALOGUE.values(), key=lambda code: code.id):
        parts.append(f"## {code.id}: {code.title}\n\n{code.explanation}\n")
    return "\n".join(parts)


def lengths() -> str:
    """Return docs/lengths.md: how long nets are, here and elsewhere."""
    from archdsl.gallery.lengths import page

    return f"""# How long nets are

{_MADE}
This page counts the non-blank lines that define a net: the model, and the blocks and defaults of its file that it
uses. Comments are not counted. Documentation and assertions, which the other code does not have, are counted in a
separate column. The last columns count torchvision's classes for the same net (0.28) and CNNArchLang's file.

{page()}"""


def _tables() -> str:
    from archdsl.syntax.compile_grammar import tables

    return tables()


def _drawing(drawn: Diagram) -> str:
    from archdsl.diagram.render.engines import draw

    return draw(drawn, "svg", engine="graphviz-pure").decode()


def _inception4a() -> str:
    return _drawing(diagram(graphs(["googlenet"])["googlenet"], detail=Detail(only="inception4a")))


def _documented(page: str, file: str) -> str:
    """Return the drawing of a file that a page defines in a block, which begins with the name of the file."""
    from archdsl.base.source import Source
    from archdsl.driver import compile_source

    text = (ROOT / page).read_text(encoding="utf-8")
    block = text[text.index(f"```arch\n# {file}\n") + len("```arch\n") :]
    return _drawing(diagram(compile_source(Source(file, block[: block.index("```")])).models[0]))


def _lenet5_volumes() -> str:
    from archdsl.driver import compile_source
    from archdsl.syntax.loader import read
    from archdsl.views.arrange import scene
    from archdsl.views.volumes import figure
    from archdsl.views.volumes_svg import to_svg

    return to_svg(scene(figure(compile_source(read("lenet5")).models[0])))


@cache
def _compared() -> tuple[Compared, ...]:
    from archdsl.compare.page import gallery_nets

    return gallery_nets()


def _comparison() -> str:
    from archdsl.compare.page import page

    return page(_compared(), "comparison")


@cache
def _charts() -> dict[str, bytes]:
    from archdsl.compare.plots import charts

    return charts(_compared())


def _chart(name: str) -> str:
    return _charts()[name].decode()


PAGES: dict[str, Callable[[], str]] = {
    "archdsl/syntax/tables.py": _tables,
    "docs/operators.md": operators,
    "docs/errors.md": errors,
    "docs/gallery.md": partial(gallery_page.page, _MADE),
    "docs/lengths.md": lengths,
    "docs/comparison.md": _comparison,
    "docs/lecture.md": partial(lecture.page, _MADE),
    "docs/lenet5.svg": lambda: _drawing(gallery_page.drawings()["lenet5"]["lenet5"]),
    "docs/inception4a.svg": _inception4a,
    "docs/lenet5_volumes.svg": _lenet5_volumes,
    "docs/readme.svg": partial(_documented, "README.md", "net.arch"),
    "docs/tutorial.svg": partial(_documented, "docs/tutorial.md", "resnet.arch"),
}
CHARTS = {f"docs/comparison/{name}": partial(_chart, name) for name in CHART_FILES}
PAGES |= CHARTS


@cache
def pages() -> dict[str, Callable[[], str]]:
    """Return what makes each file."""
    named = [pair for family in gallery_page.drawings().values() for pair in family.items()]
    return PAGES | {f"docs/gallery/{name}.svg": partial(_drawing, drawn) for name, drawn in named}


def stale() -> list[str]:
    """Return the generated files that are not what they would be now, and drawings of nets that are gone."""
    drawings = (file for folder in ("gallery", "comparison") for file in (ROOT / "docs" / folder).glob("*"))
    gone = sorted(name for file in drawings if (name := str(file.relative_to(ROOT).as_posix())) not in pages())
    return gone + [name for name, make in pages().items() if not _is_current(name, make())]


def _is_current(name: str, made: str) -> bool:
    file = ROOT / name
    if not file.exists():
        return False
    text = file.read_text(encoding="utf-8")
    return words(text) == words(made) if name in CHARTS else text == made


def renew(name: str) -> str:
    """Write a generated file, or remove one that is no longer generated; return a sentence about it."""
    if name not in pages():
        (ROOT / name).unlink()
        return f"removed {name}"
    (ROOT / name).parent.mkdir(exist_ok=True)
    write_file(ROOT / name, pages()[name]().encode())
    return f"wrote {name}"


def write_references(folder: Path) -> str:
    """Condense a folder's descriptions of published models to a file of references; return a sentence about it."""
    files = sorted(folder.glob("*.json"))
    target = ROOT / "architectures" / "references" / f"{folder.name}.json"
    write_file(target, condensed(files).encode())
    return f"wrote {target.relative_to(ROOT)}: {len(files)} models"
