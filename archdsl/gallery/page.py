"""The page docs/gallery.md: every net with its drawing, paper, counts, source and published model."""

import re
from functools import cache
from itertools import groupby

from archdsl.diagram import Diagram, diagram
from archdsl.gallery.entries import Entry, entries, graphs
from archdsl.syntax.loader import read
from archdsl.verify.references import Reference, references

_NUMBER = re.compile(r"\d+(\.\d+)?( [kMG]\b)?")
_INTRODUCTION = """This page lists the nets that are installed with archdsl. Commands accept their names:
`archdsl build resnet50`. The name of a file (`resnet`) selects its last net, which is drawn here, together with the
nets of the file that differ from it in more than numbers. `archdsl draw resnet -o resnet.html` writes an interactive
drawing. Parameters and multiply-accumulates (MACs) are those of inference for one sample.

A net with an entry under "equal to" loads the weights of that model. The tests and `archdsl gallery --verify` compare
the two: keys of the `state_dict` with their order, shapes and types, all counts, the constants of normalisations and
dropouts, and the outputs, which differ by less than 1e-8 of their size in float64.
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
        lines = ["| name | description | paper | input | parameters | MACs | equal to |"]
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
