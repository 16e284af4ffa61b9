"""The comparison page: tables and charts of the gallery's nets that have an accuracy of one group."""

from collections.abc import Sequence

from archdsl.compare.facts import accuracies, winners
from archdsl.compare.table import Compared, compared, markdown
from archdsl.driver import compile_source
from archdsl.syntax.loader import locate

PAGE = "docs/comparison.md"
COMMAND = "archdsl compare --gallery"
GROUP = "torchvision V1"

_CHARTS = {
    "balls": "Accuracy against operations; the area of a bubble shows the number of parameters",
    "parameters": "Parameters",
    "macs": "Multiply-accumulates for one image",
    "memory": "Memory kept for the backward pass, for one image",
    "depth": "Depth: layers with weights on the longest path from the input to the output",
}


def gallery_nets(group: str = GROUP) -> tuple[Compared, ...]:
    """Return the nets of the gallery with an accuracy in this group, ordered by their operations."""
    found = [(name, locate(name)) for name in sorted({each.model for each in accuracies() if each.group == group})]
    graphs = [(name, compile_source(each.source, model=each.model).models[-1]) for name, each in found]
    return tuple(sorted(compared(graphs, group), key=lambda net: net.macs))


def page(nets: Sequence[Compared], folder: str) -> str:
    """Return the page in Markdown; `folder` is the path of the charts, relative to the page."""
    parts = ["# Comparison", f"<!-- Made by `{COMMAND}`; do not edit. -->"]
    parts.append(
        "This page compares the nets of the gallery for which torchvision has weights. archdsl computes counts, memory\n"
        "and depth; [reports.md](reports.md) defines them. Accuracies are published results. The chart and the first\n"
        "table show accuracies of one source and protocol only."
    )
    parts += [f"## {words}\n\n{_picture(folder, name, words)}" for name, words in _CHARTS.items()]
    parts += ["## Table", markdown(nets).rstrip()]
    parts += ["## Winners of the ImageNet challenge", _picture(folder, "winners", "Top-5 errors by year"), _won()]
    parts += ["## All published accuracies", "In percent. Numbers of different protocols are not comparable.", _all()]
    return "\n\n".join(parts) + "\n"


def _picture(folder: str, name: str, words: str) -> str:
    dark = f'<source media="(prefers-color-scheme: dark)" srcset="{folder}/{name}-dark.svg">'
    return f'<picture>{dark}<img src="{folder}/{name}-light.svg" alt="{words}"></picture>'


def _won() -> str:
    lines = ["| year | entry | top-5 error | | note | source |", "| --- | --- | ---: | --- | --- | --- |"]
    lines += [
        f"| {each.year or ''} | {each.entry} | {each.top5_error:g} | {each.kind} | {each.note} | {each.source} |"
        for each in winners()
    ]
    return "\n".join(lines)


def _all() -> str:
    lines = ["| net | top 1 | top 5 | data | protocol | source |", "| --- | ---: | ---: | --- | --- | --- |"]
    for each in sorted(accuracies(), key=lambda each: (each.model, each.group)):
        shares = (f"{share:g}" if share is not None else "" for share in (each.top1, each.top5))
        lines.append(f"| `{each.model}` | {' | '.join(shares)} | {each.dataset} | {each.protocol} | {each.source} |")
    return "\n".join(lines)
