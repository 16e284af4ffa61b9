"""Drawings: boxes and their texts, DOT, themes, layout without overlaps, and Graphviz engines."""

import cProfile
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from archdsl.base.source import Source
from archdsl.diagram import LIGHT, THEMES, Detail, Diagram, Look, Theme, diagram, to_dot, wording
from archdsl.diagram.render import engines as render
from archdsl.diagram.render.dot_text import Statements, literal
from archdsl.diagram.render.engines import CannotRender, Engine, draw
from archdsl.diagram.render.theme import DARK, Paint
from archdsl.diagram.spec import Box, Cluster, EdgeKind, Form, Style, Tag
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph
from archdsl.ops.base import FAMILIES
from archdsl.syntax.loader import read

ROOT = Path(__file__).parent.parent
SVG = "{http://www.w3.org/2000/svg}"
ENGINES = ("graphviz-pure", "dot", "pygraphviz")

VGG = """
model VGG(classes = 1000) {
  input image: 3x224x224
  set conv(kernel = 3, padding = half)
  features: [
    (conv(64) -> batchnorm -> relu) * 2 -> maxpool(2)
    (conv(128) -> batchnorm -> relu) * 2 -> maxpool(2)
    (conv(256) -> batchnorm -> relu) * 3 -> maxpool(2)
    (conv(512) -> batchnorm -> relu) * 3 -> maxpool(2)
    (conv(512) -> batchnorm -> relu) * 3 -> maxpool(2)
  ]
  flatten
  classifier: {
    fc1: linear(4096) -> relu -> dropout
    fc2: linear(4096) -> relu -> dropout -> fc3: linear(classes)
  }
}
"""
NESTED = """
block Pair(c) = d: conv(c, 1) -> e: conv(c, 1)

## A <b>bold</b> & "quoted" claim \\N \\G --> ]]> \\
model Nested {
  input image: 3x16x16
  a_stage_with_a_name_that_is_much_longer_than_its_boxes: [
    { c: conv(8, 3, padding = half) -> n: batchnorm -> maxpool(2) -> f: Pair(8) }
    Pair(8)
  ]
  relu -> p: batchnorm -> maxpool(2)
}
"""


def graph(text: str) -> CheckedGraph:
    compiled = compile_source(Source("nets/net.arch", text))
    assert compiled.models, compiled.diagnostics
    return compiled.models[0]


def drawn(text: str, *, fold: bool | None = None) -> Diagram:
    return diagram(graph(text), detail=Detail(fold=fold), look=Look(macs=False), columns=1)


def lenet(*, legend: bool = True) -> Diagram:
    return diagram(compile_source(read("lenet5")).models[0], look=Look(legend=legend, macs=False), columns=1)


def net(steps: str, *, input: str = "3x8x8", head: str = "Net") -> Diagram:
    return drawn(f"model {head} {{\n  input x: {input}\n  {steps}\n}}")


def labels(drawing: Diagram) -> list[str]:
    return [edge.label for edge in drawing.edges]


# Boxes and their texts


def test_every_operator_of_lenet_is_in_a_box_with_its_activation() -> None:
    boxes = [(box.title, "".join(box.lines), [tag.text for tag in box.tags]) for box in lenet().boxes]
    assert boxes == [
        ("Input", "1×32×32", []),
        ("Conv 5×5, 6", "156 params", ["Tanh"]),
        ("AvgPool 2×2, /2", "", []),
        ("Conv 5×5, 16", "2.42 k params", ["Tanh"]),
        ("AvgPool 2×2, /2", "", []),
        ("Conv 5×5, 120", "48.1 k params", ["Tanh"]),
        ("Flatten", "", []),
        ("Linear 84", "10.2 k params", ["Tanh"]),
        ("Linear 10", "850 params", []),
        ("Output", "10 classes", []),
    ]


def test_tags_come_in_the_order_of_execution_and_count_with_their_box() -> None:
    box = net("a: conv(4, 3, bias = false) -> b: batchnorm -> relu -> tanh").boxes[1]
    assert box.tags == (Tag("BN", "normalisation"), Tag("ReLU", "activation"), Tag("Tanh", "activation"))
    assert box.lines == ("116 params",)


def test_a_tag_does_not_leave_a_frame() -> None:
    boxes = net("a: { b: conv(4, 3) -> maxpool(2) -> c: conv(4, 1) } -> relu").boxes
    assert [(box.title, len(box.tags)) for box in boxes[3:5]] == [("Conv 1×1, 4", 0), ("ReLU", 0)]


def test_an_activation_fuses_into_a_submodule_of_one_box_unless_that_is_drawn_apart() -> None:
    text = "model Net {\n  input x: 3x8x8\n  a: { b: conv(4, 3) -> n: batchnorm } -> relu\n}"
    assert [tag.text for tag in drawn(text).boxes[1].tags] == ["BN", "ReLU"]
    for detail in (Detail(collapse=("a",)), Detail(only="a")):
        boxes = diagram(graph(text), detail=detail, columns=1).boxes
        assert [box.title for box in boxes if "ReLU" in (box.title, *(tag.text for tag in box.tags))] == ["ReLU"]


def test_only_layers_of_weights_take_tags() -> None:
    boxes = net("maxpool(2) -> relu -> n: batchnorm -> tanh").boxes
    assert [box.form for box in boxes[1:-1]] == [Form.OPERATOR, Form.PILL, Form.OPERATOR, Form.PILL]
    assert not any(box.tags for box in boxes)


def test_what_has_no_weights_and_is_no_pool_is_a_pill() -> None:
    forms = {box.title: box.form for box in net("flatten -> dropout -> identity -> a: linear(4)").boxes}
    assert [forms[title] for title in ("Flatten", "Dropout 0.5", "Identity")] == [Form.PILL] * 3
    assert forms["Linear 4"] is Form.OPERATOR


def test_a_shape_stands_on_an_edge_only_where_it_changed() -> None:
    drawing = net("a: conv(8, 3, padding = half) -> relu -> b: conv(8, 1) -> maxpool(2) -> c: conv(8, 1)")
    assert labels(drawing) == ["", "8×8×8", "", "8×4×4", ""]


def test_every_shape_of_lenet_stands_on_an_edge_once() -> None:
    shapes = ["", "6×28×28", "6×14×14", "16×10×10", "16×5×5", "120×1×1", "120", "84", "10"]
    assert labels(lenet()) == shapes


@pytest.mark.parametrize(
    ("head", "steps", "detail", "label"),
    [
        ("Net(classes = 7)", "flatten -> a: linear(classes)", "7 classes", "7"),
        ("Net(classes = 1)", "flatten -> a: linear(classes)", "1 class", "1"),
        ("Net(classes = 7)", "flatten -> a: linear(classes + 1)", "8", ""),
        ("Net(kinds = 7)", "flatten -> a: linear(kinds)", "7", ""),
        ("Net(classes = 7)", "a: conv(classes, 1)", "7×8×8", ""),
    ],
)
def test_the_output_tells_classes_where_there_are_any_and_else_its_shape(
    head: str, steps: str, detail: str, label: str
) -> None:
    drawing = net(steps, head=head)
    assert drawing.boxes[-1].lines == (detail,)
    assert drawing.edges[-1].label == label


def test_labelled_submodules_become_stages_and_blocks_within() -> None:
    found = [(cluster.id, cluster.style, cluster.title, cluster.details) for cluster in drawn(NESTED).clusters]
    long = "a_stage_with_a_name_that_is_much_longer_than_its_boxes"
    assert found == [
        (long, Style.TOP_LEVEL, long, ("528 params",)),
        (f"{long}.0", Style.NESTED, f"{long}.0", ()),
        (f"{long}.0.f", Style.NESTED, "f", ()),
        (f"{long}.1", Style.NESTED, f"{long}.1", ()),
    ]


def test_vgg_is_drawn_whole_in_one_stream() -> None:
    drawing = drawn(VGG)
    assert len(drawing.boxes) == 13 + 5 + 1 + 5 + 2
    assert all(box.count == 1 for box in drawing.boxes)
    ids = [box.id for box in drawing.boxes]
    assert [(edge.source, edge.target) for edge in drawing.edges] == list(pairwise(ids))


def test_boxes_are_called_by_their_path_and_tell_all_facts_in_the_tooltip() -> None:
    box = drawn(VGG).boxes[1]
    assert box.id == "features.0"
    assert box.tooltip == (
        "features.0: conv(64, 3, padding = half) with stride = 1, dilation = 1, groups = 1, bias = true"
        " | features.1: batchnorm with eps = 1e-05, momentum = 0.1, affine = true | features.2: relu"
        " | 3×224×224 → 64×224×224 | 1,920 parameters | 86,704,128 MACs | receptive field 3×3, stride 1×1"
        " | net.arch line 6 | Convolve the map with learned kernels: `nn.Conv1d`, `nn.Conv2d` or `nn.Conv3d`,"
        " by the rank of the input."
    )


def test_a_submodule_tells_its_facts_too() -> None:
    two = drawn(
        """
    ## Looks at both.
    block Pair(c) = d: conv(c, 3) -> e: conv(c, 3, 2)
    model Net {
      input left: 3x16x16
      input right: 3x16x16
      concat { @left -> p: Pair(4); @right -> q: conv(4, 5, 2) } -> r: conv(8, 3) -> flatten -> out: linear(2)
    }
    """.replace("; ", "\n")
    )
    tooltips = {member.id: member.tooltip for member in (*two.boxes, *two.clusters)}
    assert tooltips["p"] == (
        "p: Pair(in_channels = 3, c = 4) | 3×16×16 → 4×6×6 | 260 parameters | 26,352 MACs"
        " | receptive field 5×5 of left, stride 2×2 | net.arch line 7 | Looks at both."
    )
    assert "receptive field 9×9 of left, stride 2×2; 9×9 of right, stride 2×2" in tooltips["r"]
    assert "receptive field 15×15 of left; 15×15 of right" in tooltips["out"]


def test_the_svg_says_the_facts_where_every_browser_shows_them(engine: str) -> None:
    drawing = diagram(graph(NESTED), look=Look(links=True), columns=1)
    titles = {group.get("id"): group.findtext(f"{SVG}title") for group in parsed(drawing, engine).iter(f"{SVG}g")}
    for each in (*drawing.boxes, *drawing.clusters, *drawing.edges):
        assert titles[each.id] == each.tooltip


def test_the_legend_explains_only_what_is_there() -> None:
    assert lenet().families == ("convolution", "linear", "pooling", "activation")
    assert net("dropout -> identity").families == ()
    assert lenet(legend=False).families == ()


def test_the_caption_has_the_totals_and_says_what_the_labels_mean() -> None:
    assert lenet().caption == ("LeNet5 · 61.7 k parameters · 417 k MACs · edge labels: C×H×W",)
    assert net("a: linear(5) -> b: linear(3)", input="4").caption == ("Net · 43 parameters · 35 MACs",)


def test_the_description_is_one_sentence() -> None:
    expected = "Architecture of LeNet5: 12 operators in sequence from 1×32×32 to 10, with 61,706 parameters and "
    assert lenet().description == expected + "416,520 MACs per sample."


def test_links_lead_to_the_line_and_only_to_files() -> None:
    source = Source("/home/me/javascript:alert(1).arch", "model A {\n  input x: 4\n  a: linear(2)\n}")
    compiled = compile_source(source).models[0]
    linked = diagram(compiled, look=Look(links=True))
    assert linked.boxes[1].link == "javascript%3Aalert%281%29.arch#L3"
    assert "/home/me" not in to_dot(linked)
    assert "URL=" in to_dot(linked) and "URL=" not in to_dot(diagram(compiled))
    stdin = compile_source(Source("<stdin>", source.text)).models[0]
    assert [box.link for box in diagram(stdin, look=Look(links=True)).boxes] == [None] * 3


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (156, "156"), (999, "999"), (1000, "1.00 k"), (2416, "2.42 k"), (61_706, "61.7 k"),
        (416_520, "417 k"), (999_499, "999 k"), (999_500, "1.00 M"), (25_557_032, "25.6 M"), (4_089_184_256, "4.09 G"),
        (10**30, "1000000 Y"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits_and_a_suffix(number: int, text: str) -> None:
    assert wording.short(number) == text


# Folding

REPEATED = "s: [ { c: conv(4, 3, padding = half) -> relu } * 3 -> conv(4, 1) * 2 ] -> flatten"


def test_equal_neighbours_fold_to_one_with_a_count() -> None:
    whole, folded = net(REPEATED, input="4x8x8"), drawn(f"model Net {{\n  input x: 4x8x8\n  {REPEATED}\n}}", fold=True)
    assert [box.id for box in whole.boxes] == [
        "input-x",
        "s.0.c",
        "s.1.c",
        "s.2.c",
        "s.3",
        "s.4",
        "flatten",
        "output-stream",
    ]
    assert [(box.id, box.count) for box in folded.boxes[1:4]] == [("s.0.c", 3), ("s.3", 2), ("flatten", 1)]
    assert [(cluster.id, cluster.count) for cluster in folded.clusters] == [("s", 1)]
    ends = [(edge.source, edge.target) for edge in folded.edges]
    assert ends == [("input-x", "s.0.c"), ("s.0.c", "s.3"), ("s.3", "flatten"), ("flatten", "output-stream")]
    assert folded.boxes[2].lines == ("20 params each",) and "the last is s.4" in folded.boxes[2].tooltip


def test_neighbours_that_differ_in_width_or_shape_do_not_fold() -> None:
    steps = "a: conv(4, 3) -> b: conv(4, 3) -> c: conv(8, 3)"
    folded = drawn(f"model Net {{\n  input x: 4x9x9\n  {steps}\n}}", fold=True)
    assert [box.id for box in folded.boxes[1:-1]] == ["a", "b", "c"]


def test_a_net_of_hundreds_of_operators_folds_unasked() -> None:
    assert len(net("s: [ conv(3, 1) * 200 ]").boxes) == 3
    assert len(net("s: [ conv(3, 1) * 20 ]").boxes) == 22


# DOT


def test_the_same_net_gives_the_same_bytes_in_every_process() -> None:
    script = (
        "from archdsl.diagram import diagram, to_dot; from archdsl.driver import compile_source;"
        "from archdsl.syntax.loader import read; print(to_dot(diagram(compile_source(read('lenet5')).models[0])))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {to_dot(diagram(compile_source(read("lenet5")).models[0])).encode() + b"\n"}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_dot_has_no_colour_but_those_of_its_theme(theme: Theme) -> None:
    used = set(re.findall(r"#[0-9A-Fa-f]{6}\b", to_dot(drawn(VGG), theme)))
    assert used <= _colours(theme)
    assert theme.families["convolution"].fill in used and theme.page in used


def test_directions_turn_the_drawing() -> None:
    assert "rankdir=TB" in to_dot(lenet())
    assert "rankdir=LR" in to_dot(diagram(graph(VGG), direction="LR"))


def test_drawing_loads_neither_torch_nor_graphviz() -> None:
    script = (
        "import sys, archdsl.diagram, archdsl.diagram.render.engines\n"
        "from archdsl.driver import compile_source; from archdsl.syntax.loader import read\n"
        "made = archdsl.diagram.diagram(compile_source(read('lenet5')).models[0])\n"
        "assert archdsl.diagram.render.engines.draw(made, 'svg')\n"
        "assert not {'graphviz', 'torch'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "text",
    ["", "a", "a.b", "node", "Edge", "-4.2", "1.", ".5", "a b", "<b>", "p0:n", "\\N", 'a "b"', "\\", 'a\\"', "ä"],
)
def test_texts_are_quoted_as_the_dot_language_asks(text: str) -> None:
    quoting = pytest.importorskip("graphviz.quoting")
    made = Statements()
    made.node(literal(text), {"label": f"<{text}>", "tooltip": literal(text), "color": "#ffffff", "penwidth": "1.1"})
    name = quoting.quote(quoting.escape(text))
    (line,) = made.lines
    assert line == f'\t{name} [label=<{text}> color="#ffffff" penwidth=1.1 tooltip={name}]\n'


def test_a_value_that_all_later_steps_read_is_drawn_in_linear_time() -> None:
    def calls(count: int) -> int:
        """Return how many functions a drawing with a value for `count` readers calls."""
        body = "".join(f"c{number}: conv(3, 1); add {{ identity; @a }}\n" for number in range(count))
        net = graph(f"model M {{\n  input x: 3x4x4\n  a: conv(3, 1)\n{body}}}\n")
        profile = cProfile.Profile()
        made = profile.runcall(diagram, net)
        assert sum(edge.kind is EdgeKind.SKIP for edge in made.edges) == count
        return sum(each.callcount for each in profile.getstats())

    small, large = calls(30), calls(120)
    assert large < 5 * small


# Themes


def _colours(theme: Theme) -> set[str]:
    paints = [value for field in fields(theme) if isinstance(value := getattr(theme, field.name), Paint)]
    single = {value for field in fields(theme) if isinstance(value := getattr(theme, field.name), str)}
    return single - {theme.name} | {
        colour for paint in (*paints, *theme.families.values()) for colour in (paint.fill, paint.stroke, paint.ink)
    }


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_measured_as_in_wcag() -> None:
    assert _contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert _contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_can_be_read_on_every_fill(theme: Theme) -> None:
    paints = {**theme.families, "top level": theme.top_level, "nested": theme.nested, "badge": theme.badge}
    pairs = {name: _contrast(paint.ink, paint.fill) for name, paint in paints.items()}
    on_light = {name: paint for name, paint in paints.items() if name not in ("merge", "badge")}
    pairs |= {f"small on {name}": _contrast(theme.small, paint.fill) for name, paint in on_light.items()}
    for number, lane in enumerate(theme.devices):
        pairs |= {
            f"lane {number}": _contrast(lane.ink, lane.fill),
            f"small on {number}": _contrast(theme.small, lane.fill),
        }
    pairs["segment"] = _contrast(theme.families["merge"].ink, theme.segment)
    pairs["crossing on page"] = _contrast(theme.crossing, theme.page)
    pairs |= {"ink on page": _contrast(theme.ink, theme.page), "small on page": _contrast(theme.small, theme.page)}
    assert {name: ratio for name, ratio in pairs.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_boxes_and_edges_stand_out_from_what_is_behind_them(theme: Theme) -> None:
    grounds = {"page": theme.page, "top level": theme.top_level.fill, "nested": theme.nested.fill}
    grounds |= {f"lane {number}": lane.fill for number, lane in enumerate(theme.devices)}
    marks = {"edge": theme.edge, "shortcut": theme.ink, "crossing": theme.crossing}
    marks |= {name: paint.stroke for name, paint in theme.families.items()}
    ratios = {(mark, ground): _contrast(one, other) for mark, one in marks.items() for ground, other in grounds.items()}
    ratios |= {
        (f"frame {number}", "page"): _contrast(lane.stroke, theme.page) for number, lane in enumerate(theme.devices)
    }
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
@pytest.mark.parametrize("name", ["alexnet_2012", "googlenet", "resnet50"])
def test_text_can_be_read_where_it_stands(name: str, theme: Theme) -> None:
    root = ElementTree.fromstring(draw(diagram(compile_source(read(name)).models[-1]), "svg", theme=theme))
    painted: list[tuple[_Area, str]] = []
    poor = {}
    for element in root.iter():
        fill = element.get("fill", "none")
        if element.tag == f"{SVG}text":
            x, y = float(element.get("x", "")), float(element.get("y", "")) - 2
            x += {"start": 2, "middle": 0, "end": -2}[element.get("text-anchor", "start")]
            ground = next(paint for (a, b, c, d), paint in reversed(painted) if a < x < c and b < y < d)
            if (ratio := _contrast(_hex(fill), _hex(ground))) < 4.5:
                poor[element.text] = ratio
        elif fill != "none" and (outline := element.get("d") or element.get("points")):
            numbers = list(map(float, re.findall(r"-?\d+\.?\d*", outline)))
            painted.append(((min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])), fill))
    assert len(painted) > 20 and poor == {}


def _hex(colour: str) -> str:
    return {"white": "#ffffff", "black": "#000000"}.get(colour, colour)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_every_family_has_a_paint_and_every_colour_six_digits(theme: Theme) -> None:
    assert set(theme.families) == {*FAMILIES, "io", "block"}
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in _colours(theme))


def test_every_light_colour_has_one_dark_colour() -> None:
    pairs = {(paint.fill, DARK.families[name].fill) for name, paint in LIGHT.families.items()}
    pairs.add((LIGHT.page, DARK.page))
    pairs |= {(LIGHT.top_level.fill, DARK.top_level.fill), (LIGHT.nested.fill, DARK.nested.fill)}
    assert len(pairs) == len({light for light, _ in pairs})


def test_no_other_module_knows_a_colour() -> None:
    modules = [path for name in ("diagram", "views") for path in (ROOT / "archdsl" / name).rglob("*.py")]
    coloured = [path.name for path in modules if re.search("#[0-9A-Fa-f]{6}", path.read_text(encoding="utf-8"))]
    assert coloured == ["theme.py"]


# SVG of every installed engine


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name not in {found.name for found in render.engines("svg")}:
        pytest.skip(f"{name} is not here")
    return name


def parsed(drawing: Diagram, engine: str) -> ElementTree.Element:
    return ElementTree.fromstring(draw(drawing, "svg", engine=engine))


def test_an_svg_is_an_image_with_title_and_description(engine: str) -> None:
    drawing = lenet()
    root = parsed(drawing, engine)
    assert root.get("role") == "img"
    assert [(child.tag, child.text) for child in root[:2]] == [
        (f"{SVG}title", "LeNet5"),
        (f"{SVG}desc", drawing.description),
    ]
    assert '"Liberation Sans"' in root.get("font-family", "")


def test_an_svg_has_unique_ids_and_all_parts_have_one(engine: str) -> None:
    text = NESTED.replace("relu ->", "a_p: relu -> graph0: relu -> node1: relu -> edge1: relu ->")
    drawing = drawn(text)
    ids = Counter(element.get("id") for element in parsed(drawing, engine).iter() if element.get("id"))
    assert ids.most_common(1)[0][1] == 1
    parts = {member.id for member in (*drawing.boxes, *drawing.clusters)}
    assert parts | {f"{edge.source}--{edge.target}" for edge in drawing.edges} | {"model-Nested"} == set(ids)


def test_parts_have_the_classes_of_their_kind(engine: str) -> None:
    classes = {element.get("id"): element.get("class") for element in parsed(drawn(VGG), engine).iter()}
    assert classes["features.0"] == "node op conv"
    assert classes["features.6"] == "node op pool"
    assert classes["classifier"] == "cluster stage"
    assert classes["input-image"] == "node io"
    assert classes["features.0--features.3"] == "edge data"


def test_an_svg_has_no_comments_and_no_version_and_is_the_same_twice(engine: str) -> None:
    made = draw(lenet(), "svg", engine=engine)
    assert b"<!--" not in made and b"raphviz" not in made
    assert made == draw(lenet(), "svg", engine=engine)


HOSTILE = "<b>&\"\\N \\G \\l ' &lt; --> é\x07"
SEEN = HOSTILE.replace("\x07", " ")


def _hostile() -> Diagram:
    drawing = net("s: { c: conv(4, 3) -> relu -> maxpool(2) }")
    start, stage, end = drawing.members
    assert isinstance(stage, Cluster) and isinstance(stage.members[0], Box)
    inner = replace(stage.members[0], title=HOSTILE, tooltip=HOSTILE, tags=(Tag(HOSTILE, "activation"),))
    outer = replace(stage, details=(HOSTILE,), tooltip=HOSTILE, members=(inner, *stage.members[1:]))
    edges = tuple(replace(edge, label=HOSTILE, tooltip=HOSTILE) for edge in drawing.edges)
    return replace(drawing, members=(start, outer, end), edges=edges, caption=(HOSTILE,), doc=HOSTILE)


def test_hostile_text_stays_text_everywhere(engine: str) -> None:
    root = parsed(_hostile(), engine)
    texts = Counter((element.text or "").strip("\xa0 ") for element in root.iter(f"{SVG}text"))
    assert texts[SEEN.strip()] == 7  # title, tag, cluster, caption, three edges
    tooltips = {element.text for element in root.iter(f"{SVG}title")}
    assert {SEEN, f"Net: {SEEN}"} <= tooltips


def test_documentation_of_the_author_reaches_the_tooltip_as_written(engine: str) -> None:
    tooltips = {element.text for element in parsed(drawn(NESTED), engine).iter(f"{SVG}title")}
    assert 'Nested: A <b>bold</b> & "quoted" claim \\N \\G --> ]]> \\' in tooltips


# Positions in the SVG

_Area = tuple[float, float, float, float]


def _areas(root: ElementTree.Element, kind: str) -> Iterator[tuple[str, _Area, ElementTree.Element]]:
    for group in root.iter(f"{SVG}g"):
        if (group.get("class") or "").startswith(kind):
            outline = next(part for part in group.iter() if part.get("d") or part.get("points"))
            numbers = list(map(float, re.findall(r"-?\d+\.?\d*", outline.get("d") or outline.get("points") or "")))
            across, down = numbers[::2], numbers[1::2]
            yield str(group.get("id")), (min(across), min(down), max(across), max(down)), group


def _meet(one: _Area, other: _Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("text", [VGG, NESTED], ids=["vgg", "nested"])
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_boxes_do_not_overlap(text: str, direction: str, engine: str) -> None:
    root = parsed(diagram(graph(text), direction=direction, columns=1), engine)  # type: ignore[arg-type]
    boxes = [(name, area) for name, area, _ in _areas(root, "node")]
    assert len(boxes) > 5
    assert [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if _meet(one, other)] == []


def _length(text: ElementTree.Element) -> float:
    """Estimate the width of a text in bold Arial."""
    letters = sum(0.33 if char in "fijlrt.,:;' " else 0.6 for char in text.text or "")
    return float(text.get("font-size", "")) * letters


@pytest.mark.parametrize("text", [VGG, NESTED], ids=["vgg", "nested"])
def test_no_edge_crosses_the_title_of_a_cluster(text: str, engine: str) -> None:
    root = parsed(drawn(text), engine)
    middle = {area[0] for _, area, _ in _areas(root, "edge")}
    assert max(middle) - min(middle) < 1, "the stream is straight"
    titles = [title for _, _, group in _areas(root, "cluster") for title in group.iter(f"{SVG}text")]
    assert len(titles) >= 4
    ends = {title.text: float(title.get("x", "")) + _length(title) for title in titles}
    assert {text: end for text, end in ends.items() if end > min(middle)} == {}


def test_a_stream_from_left_to_right_is_straight(engine: str) -> None:
    root = parsed(diagram(graph(VGG), direction="LR", columns=1), engine)
    heights = [(area[1] + area[3]) / 2 for _, area, _ in _areas(root, "edge")]
    assert max(heights) - min(heights) < 1


def test_titles_break_between_words_and_keep_their_end() -> None:
    from archdsl.diagram.text import title_lines as lines

    assert lines("Conv 3×3, 64") == ["Conv 3×3, 64"]
    assert lines("expand_the_channels_a_lot", 20) == ["expand_the_channels_", "a_lot"]
    assert lines("stage_" + "x" * 40 + ".7", 12) == ["stage_xxxxxx", "xxxxx…xxxx.7"]
    assert all(len(line) <= 20 for line in lines("a" * 500, 20))


# Engines


def _script(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def _draws(word: str) -> str:
    return f"cat > /dev/null; echo '<svg xmlns=\"http://www.w3.org/2000/svg\"><text>{word}</text></svg>'"


DOT = "digraph { a -> b }"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Set PATH to an empty folder and hide the Python packages with engines."""
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + "/bin")
    monkeypatch.delenv(render.VARIABLE, raising=False)
    monkeypatch.setattr(render, "_pure", lambda: None)
    monkeypatch.setattr(render, "_has_pygraphviz", lambda: False)
    real = render.shutil.which
    monkeypatch.setattr(render.shutil, "which", lambda name: real(name, path=str(tmp_path)))
    return tmp_path


def test_the_pure_engine_comes_first_then_dot_then_pygraphviz(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_pure", lambda: "/pure")
    monkeypatch.setattr(render, "_has_pygraphviz", lambda: True)
    dot = _script(only, "dot", "")
    assert [found.name for found in render.engines("svg")] == ["graphviz-pure", "dot", "pygraphviz"]
    assert [found.name for found in render.engines("pdf")] == ["dot", "pygraphviz"]
    assert [found.command for found in render.engines("png")][:2] == [("/pure", "-q"), (dot, "-q")]


def test_an_engine_that_is_named_comes_before_the_variable_and_that_before_all(
    only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _script(only, "dot", _draws("dot"))
    assert b">dot<" in render.render(DOT, "svg")
    monkeypatch.setenv(render.VARIABLE, _script(only, "mine", _draws("variable")))
    assert b">variable<" in render.render(DOT, "svg")
    assert b">named<" in render.render(DOT, "svg", engine=_script(only, "other", _draws("named")))


def test_the_program_of_graphviz_pure_is_found_off_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    monkeypatch.setattr(render.sysconfig, "get_path", lambda name: str(scripts))
    monkeypatch.setattr("importlib.metadata.files", lambda name: [])
    assert render._pure() is None
    assert render._pure() != (found := _script(scripts, "graphviz-pure", ""))
    assert render._pure() == found


def test_an_engine_that_fails_leaves_the_next_one_to_draw(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_pure", lambda: _script(only, "pure", "echo broken >&2; exit 3"))
    _script(only, "dot", _draws("dot"))
    assert b">dot<" in render.render(DOT, "svg")


def test_without_any_engine_the_help_says_what_to_install(only: Path) -> None:
    with pytest.raises(CannotRender) as failure:
        render.render(DOT, "svg")
    assert failure.value.message == "no Graphviz engine for SVG is installed"
    assert "pip install graphviz-pure" in failure.value.help
    with pytest.raises(CannotRender) as failure:
        render.render(DOT, "pdf")
    assert "archdsl[pdf]" in failure.value.help


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo 'no such\tfont' >&2; exit 3", "{} failed with status 3: no suchfont"),
        ("cat > /dev/null", "{} wrote no SVG"),
        ("cat > /dev/null; echo '<svg><g></svg>'", "Graphviz wrote invalid SVG: mismatched tag: line 1, column 10"),
        ("cat > /dev/null; echo '<svg/>'", "Graphviz wrote invalid SVG: the root is svg"),
    ],
)
def test_what_goes_wrong_in_an_engine_is_reported(only: Path, body: str, message: str) -> None:
    engine = _script(only, "engine", body)
    with pytest.raises(CannotRender) as failure:
        render.render(DOT, "svg", engine=engine)
    assert failure.value.message == message.format(engine)
    assert failure.value.help


def test_an_engine_that_cannot_start_is_reported(only: Path) -> None:
    engine = only / "engine"
    engine.write_bytes(b"\x7fELF nonsense")
    engine.chmod(0o755)
    with pytest.raises(CannotRender, match="did not start"):
        render.render(DOT, "svg", engine=str(engine))
    with pytest.raises(CannotRender, match="the engine `nowhere` is not found"):
        render.render(DOT, "svg", engine="nowhere")


def test_layout_ends_in_bounded_time(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "SECONDS", 0.3)
    engine = _script(only, "engine", "exec sleep 30")
    with pytest.raises(CannotRender, match=r"within 0\.3 seconds"):
        render.render(DOT, "svg", engine=engine)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(CannotRender, match="`gif`"):
        render.render(DOT, "gif")


def test_broken_dot_is_reported(engine: str) -> None:
    with pytest.raises(CannotRender, match=f"{engine} failed with status"):
        render.render("digraph {", "svg", engine=engine)


@pytest.mark.parametrize(("format", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pictures_and_pdfs_are_the_same_twice(format: str, start: bytes) -> None:
    if not any(render.engines(format)):
        pytest.skip(f"no engine here draws {format}")
    made = draw(lenet(), format)
    assert made.startswith(start)
    assert b"CreationDate" not in made or b"(D:20000101000000" in made
    assert made == draw(lenet(), format)


def test_pictures_have_twice_the_points_of_a_screen() -> None:
    assert Engine("dot", ("dot", "-q")).arguments("png") == ["dot", "-q", "-Tpng", "-Gdpi=192"]
    assert Engine("dot", ("dot", "-q")).arguments("svg") == ["dot", "-q", "-Tsvg"]
