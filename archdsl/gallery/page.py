"""The page docs/gallery.md: every net with its drawing, paper, counts, source and published model."""

import re
from functools import cache
from itertools import groupby

from archdsl.diagram import Diagram, diagram
from archdsl.gallery.entries import Entry, entries, graphs
from archdsl.syntax.loader import read
from archdsl.verify.references import Reference, references

_NUMBER = re.compile(r"\d+(\.\d+)?( [kMG]\b)?")
_INTRODUCTION = """The nets that come with archdsl, by the names that commands take: `archdsl build resnet50`. The name
of a file (`resnet`) stands for its last net, which is drawn here; so are those that differ in more than numbers.
`archdsl draw resnet -o resnet.html` makes a page that unfolds it. Parameters and multiply-accumulates (MACs) are those
of one evaluation of one sample of the input.

A net with an entry under "equal to" is held against the model of that name, whose weights load into it: the keys of the
`state_dict`, their order, shapes and types, all counts, the constants of normalisations and dropouts, and the results,
which differ by less than 1e-8 of their size in float64. `archdsl gallery --verify` shows it, and the tests do.
"""


@cache
def drawings() -> dict[str, dict[str, Diagram]]:
    """Return for each file the drawings of its nets by the names of the pictures, the last net first.

    Nets whose drawings differ only in numbers share one.
    """
    found: dict[str, dict[str, Diagram]] = {}
    for family, nets in groupby(graphs().items(), key=lambda item: item[1].source.name.removesuffix(".arch")):
        seen: list[list[str]] = []
        for name, graph in reversed(list(nets)):
            drawn = diagram(graph)
            says = [_NUMBER.sub("", f"{box.form} {box.title} {box.lines} {len(box.tags)}") for box in drawn.boxes]
            if says not in seen:
                found.setdefault(family, {})[name if seen else family] = drawn
            seen.append(says)
    return found


def page(made: str) -> str:
    """Return the page in Markdown; `made` is the line that names the command that wrote it."""
    known = references()
    parts = ["# Gallery\n", made, _INTRODUCTION]
    for family, nets in groupby(entries(), key=lambda entry: entry.family):
        first, *others = drawings()[family]
        parts += [f"## [{family}.arch](../architectures/{family}.arch)\n", f"{_picture(first)}\n"]
        lines = ["| name | what it is | paper | input | parameters | MACs | equal to |"]
        lines.append("| --- | --- | --- | --- | ---: | ---: | --- |")
        parts.append("\n".join([*lines, *(_net(net, known.get(net.name)) for net in nets), ""]))
        parts += [f"<details><summary>{name}</summary>\n\n{_picture(name)}\n\n</details>\n" for name in others]
        parts.append(f"<details><summary>Source</summary>\n\n```text\n{read(family).text}```\n\n</details>\n")
    return "\n".join(parts)


def _picture(name: str) -> str:
    return f'<img src="gallery/{name}.svg" alt="{name}, drawn by archdsl">'


def _net(net: Entry, reference: Reference | None) -> str:
    paper = f"{net.paper.authors}: {net.paper.title}, {net.paper.year}" if net.paper else ""
    counts = f"{net.params:,} | {net.macs:,}"
    source = f"{reference.source}, `{reference.name}`" if reference else ""
    return f"| `{net.name}` | {net.title} | {paper} | {', '.join(net.inputs)} | {counts} | {source} |"
