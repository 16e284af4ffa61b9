"""Charts of a comparison as SVG, drawn with matplotlib.

Every mark has a label, so that no information depends on colour alone.
"""

import io
import re
from collections.abc import Callable, Sequence
from math import log10
from typing import Any

from archdsl.compare.facts import winners
from archdsl.compare.table import Compared

_THEMES = {
    "light": {"ink": "#1f2328", "paper": "#ffffff", "grid": "#d0d7de", "mark": "#2f6fb0", "other": "#b35900"},
    "dark": {"ink": "#e6edf3", "paper": "#0d1117", "grid": "#30363d", "mark": "#6cb6ff", "other": "#f0a35e"},
}


# The files of a comparison whose nets have accuracies.
FILES = tuple(
    f"{name}-{theme}.svg" for theme in _THEMES for name in ("balls", "parameters", "macs", "memory", "depth", "winners")
)


def charts(nets: Sequence[Compared]) -> dict[str, bytes]:
    """Return SVG files by their names, each in a light and a dark variant.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib

    matplotlib.use("svg")
    found = {}
    for theme, colours in _THEMES.items():
        for name, draw in _drawings(nets).items():
            found[f"{name}-{theme}.svg"] = _drawn(draw, colours)
    return found


def words(chart: str) -> list[str]:
    """Return the texts of a chart, which do not depend on the layout of a version of matplotlib."""
    texts = re.findall(r"<text\b[^>]*>(.*?)</text>", chart, re.DOTALL)
    return ["".join(re.sub(r"<[^>]*>", "", text).split()) for text in texts]


_Draw = Callable[[Any, dict[str, str]], None]


def _drawings(nets: Sequence[Compared]) -> dict[str, _Draw]:
    drawings: dict[str, _Draw] = {
        "parameters": _bars(nets, "million parameters", lambda net: net.params / 1e6),
        "macs": _bars(nets, "thousand million multiply-accumulates", lambda net: net.macs / 1e9),
        "memory": _bars(nets, "MiB kept for the training of one sample, float32", lambda net: net.saved / 2**20),
        "depth": _bars(nets, "layers with weights on the longest path", lambda net: net.depth),
        "winners": _winners,
    }
    if any(net.accuracy and net.accuracy.top1 for net in nets):
        drawings = {"balls": lambda axes, colours: _balls(axes, colours, nets), **drawings}
    return drawings


def _drawn(draw: _Draw, colours: dict[str, str]) -> bytes:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: Any = {
        "svg.hashsalt": "archdsl",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "text.color": colours["ink"],
        "axes.labelcolor": colours["ink"],
        "axes.edgecolor": colours["grid"],
        "axes.facecolor": colours["paper"],
        "xtick.color": colours["ink"],
        "ytick.color": colours["ink"],
        "grid.color": colours["grid"],
    }
    with rc_context(style):
        figure = Figure(figsize=(8, 5), facecolor=colours["paper"], layout="constrained")
        axes = figure.add_subplot()
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        draw(axes, colours)
        size = figure.get_size_inches()
        bars = len(axes.patches)
        figure.set_size_inches(size[0], max(size[1], 0.2 * bars + 1) if bars > 20 else size[1])
        text = io.BytesIO()
        figure.savefig(text, format="svg", facecolor=colours["paper"], metadata={"Date": None, "Creator": "archdsl"})
    return text.getvalue()


def _balls(axes: Any, colours: dict[str, str], nets: Sequence[Compared]) -> None:
    """Draw accuracy against operations; the area of a bubble shows the number of parameters."""
    known = [(net, net.accuracy.top1) for net in nets if net.accuracy and net.accuracy.top1]
    known.sort(key=lambda each: -each[0].params)
    largest = max(net.params for net, _ in known)
    for net, top1 in known:
        area = max(1800 * net.params / largest, 12)
        axes.scatter(
            net.macs / 1e9, top1, s=area, facecolor=colours["mark"], edgecolor=colours["ink"], alpha=0.35, linewidth=0.8
        )
    for net, place in _apart([(net, log10(net.macs / 1e9), top1) for net, top1 in known]):
        axes.annotate(
            net.name, (net.macs / 1e9, place), xytext=(4, 3), textcoords="offset points", fontsize=6.5,
            color=colours["ink"],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("thousand million multiply-accumulates for one image, logarithmic")
    axes.set_ylabel("top-1 accuracy in percent")
    group = known[0][0].accuracy.group if known[0][0].accuracy else ""
    axes.set_title(f"Area: parameters, up to {largest / 1e6:,.0f} million. Accuracies: {group}", fontsize=9)
    axes.grid(visible=True, linewidth=0.5)


def _apart(names: list[tuple[Compared, float, float]]) -> list[tuple[Compared, float]]:
    """Return the heights of labels in percent: the height of the mark, or lower where labels would overlap."""
    width, height = 0.4, 0.62
    placed: list[tuple[float, float]] = []
    found = []
    for net, x, y in sorted(names, key=lambda each: (-each[2], each[1])):
        while any(abs(x - other) < width and abs(y - above) < height for other, above in placed):
            y -= 0.1
        placed.append((x, y))
        found.append((net, y))
    return found


def _bars(nets: Sequence[Compared], words: str, value: Callable[[Compared], float]) -> _Draw:
    """Return a bar chart, the largest bar at the top, each labelled with its value."""
    ordered = sorted(nets, key=lambda net: (value(net), net.name))

    def draw(axes: Any, colours: dict[str, str]) -> None:
        heights = [value(net) for net in ordered]
        axes.barh([net.name for net in ordered], heights, color=colours["mark"], height=0.7)
        for number, height in enumerate(heights):
            axes.annotate(
                f"{height:,.3g}" if height < 1000 else f"{height:,.0f}", (height, number), xytext=(3, 0),
                textcoords="offset points", va="center", fontsize=7, color=colours["ink"],
            )  # fmt: skip
        axes.set_xlabel(words)
        axes.tick_params(axis="y", labelsize=7)
        axes.margins(y=0.01)

    return draw


def _winners(axes: Any, colours: dict[str, str]) -> None:
    """Draw the errors of the winners by year, and those of human annotators as lines."""
    entries = [each for each in winners() if each.year is not None]
    names = [f"{each.year}  {each.entry}" for each in entries]
    shades = [colours["mark"] if each.kind == "winner" else colours["paper"] for each in entries]
    axes.barh(names, [each.top5_error for each in entries], color=shades, edgecolor=colours["mark"], height=0.7)
    for number, each in enumerate(entries):
        kind = "" if each.kind == "winner" else f", {each.kind}"
        axes.annotate(
            f"{each.top5_error:g}{kind}", (each.top5_error, number), xytext=(3, 0), textcoords="offset points",
            va="center", fontsize=8, color=colours["ink"],
        )  # fmt: skip
    for person in (each for each in winners() if each.year is None):
        axes.axvline(person.top5_error, color=colours["other"], linestyle="--", linewidth=1)
        axes.annotate(
            f"{person.entry}: {person.top5_error:g}", (person.top5_error, len(entries) - 0.6), xytext=(4, 0),
            textcoords="offset points", fontsize=8, color=colours["ink"],
        )  # fmt: skip
    axes.invert_yaxis()
    axes.set_xlabel("top-5 error in percent on the test set of the ImageNet challenge (ILSVRC)")
