"""Texts keep the length of their layout with any substitute for Arial."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from browser import Browser

from archdsl.diagram import diagram
from archdsl.diagram.arial import advance
from archdsl.diagram.render.engines import _pure, draw
from archdsl.gallery.entries import graphs
from archdsl.views.arrange import scene
from archdsl.views.volumes import figure
from archdsl.views.volumes_svg import to_svg

NETS = ("resnet50", "googlenet", "alexnet_2012")
# A seventh wider than Arial; a browser without it uses another substitute.
WIDE = "DejaVu Sans, Verdana, monospace"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("svg")
    made = {name: draw(diagram(graphs([name])[name]), "svg") for name in NETS}
    made["volumes"] = to_svg(scene(figure(graphs(["lenet5"])["lenet5"]))).encode()
    found = {}
    for name, svg in made.items():
        found[name] = folder / f"{name}.svg"
        found[name].write_bytes(re.sub(rb'(<svg[^>]* font-family=")[^"]*', rb"\1" + WIDE.encode(), svg, count=1))
    return found


def test_widths_are_those_of_the_layout() -> None:
    program = _pure()
    if program is None:
        pytest.skip("graphviz-pure is not installed")
    words = ["Conv 3×3, 64", "1×1, 256 → 1×1, 1024", "216 k params · 668 M MACs", "".join(map(chr, range(48, 123)))]
    for bold in (False, True):
        texts = (word.replace("<", "&lt;").replace(">", "&gt;").replace("\\", r"\\") for word in words)
        labels = ";".join(f"{n}[label=<{'<B>' * bold}{text}{'</B>' * bold}>]" for n, text in enumerate(texts))
        dot = f"digraph {{ node [fontname=Arial, fontsize=10] {labels} }}"
        made = subprocess.run([program, "-q", "-Txdot"], input=dot, capture_output=True, text=True, check=True).stdout
        widths = [float(each) for each in re.findall(r" T \S+ \S+ \S+ (\S+) \d+ -", re.sub(r"\\\n", "", made))]
        assert widths == pytest.approx([advance(word, 10, bold=bold) for word in words], rel=0.005)


def test_every_text_says_how_long_it_is(files: dict[str, Path]) -> None:
    for file in files.values():
        texts = list(ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}text"))
        assert texts and all(float(text.get("textLength", "0")) > 0 for text in texts)


@pytest.mark.parametrize("name", [*NETS, "volumes"])
def test_in_a_wider_face_no_text_covers_another_or_leaves_its_box(
    tab: Browser, files: dict[str, Path], name: str
) -> None:
    tab.open(files[name])
    faults = tab.run(
        """[...document.querySelectorAll('g.node, g.volume')].flatMap((group) => {
          const texts = [...group.querySelectorAll('text')].map((each) => [each.textContent, each.getBBox()]);
          const shapes = [...group.querySelectorAll('path, polygon, ellipse')].map((each) => each.getBBox());
          const left = Math.min(...shapes.map((each) => each.x));
          const right = Math.max(...shapes.map((each) => each.x + each.width));
          const out = group.matches('.node') ? texts.filter(([, a]) => a.x < left || a.x + a.width > right) : [];
          // In one line: what stands one below the other may touch.
          const over = texts.filter(([, a], i) => texts.slice(i + 1).some(([, b]) =>
            Math.abs(a.y - b.y) < 4 && a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1));
          return [...out, ...over].map(([words]) => [group.id, words]);
        })"""
    )
    assert faults == []
