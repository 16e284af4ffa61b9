"""Comparisons of two models, lanes and columns: positions and marks."""

from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from measure import crossings, measured, picture

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.diagram import FULL, LIGHT, Detail, Diagram, compared, diagram, to_dot
from archdsl.diagram.render.engines import draw
from archdsl.diagram.spec import Direction, EdgeKind, Form, Style
from archdsl.driver import compile_source
from archdsl.gallery.entries import graphs
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.crossings import crossings as transfers

TWO = """
model Old {
  input x: 3x8x8
  a: conv(4, 3) -> relu -> gone: conv(4, 1) -> b: conv(8, 3) -> flatten
}
model New {
  input x: 3x8x8
  a: conv(4, 3) -> relu -> fresh: conv(4, 3, padding = half) -> b: conv(16, 3) -> flatten
}
"""


def pair(text: str = TWO) -> Diagram:
    return compared(*compile_source(Source("net.arch", text), every=True).models)


def test_what_is_new_gone_and_changed_is_marked_in_words_and_by_its_frame() -> None:
    drawing = pair()
    assert {box.id: box.mark for box in drawing.boxes if box.mark} == {
        "fresh": "added", "gone": "removed", "b": "changed", "flatten": "changed",
    }  # fmt: skip
    b = next(box for box in drawing.boxes if box.id == "b")
    assert b.title == "Conv 3×3, 16" and b.lines[-1] == "before: Conv 3×3, 8"
    assert drawing.caption[-1] == "1 added, 1 removed, 2 changed"
    dot = to_dot(drawing)
    assert all(f"<B>{word}</B>" in dot for word in ("added", "removed", "changed"))
    assert 'style="filled,dashed"' in dot and 'class="op conv added"' in dot


def test_what_only_sees_more_than_before_is_not_changed() -> None:
    text = """
    model {name} {{
      devices a, b
      input x: 3x8x8
      on a {{ one: conv(4, {kernel}, padding = half) }}
      on b {{ two: conv(4, 3) -> flatten -> fc: linear(2) }}
    }}
    """
    drawing = pair(text.format(name="Old", kernel=1) + text.format(name="New", kernel=3))
    assert {box.id: box.mark for box in drawing.boxes if box.mark} == {"one": "changed"}
    assert "receptive field 5×5" in next(box.tooltip for box in drawing.boxes if box.id == "two")


def test_edges_that_came_and_went_are_told_apart_by_width_and_dashes() -> None:
    kinds = {edge.id: edge.kind for edge in pair().edges}
    assert kinds["a--fresh"] is EdgeKind.ADDED and kinds["a--gone"] is EdgeKind.REMOVED
    assert kinds["input-x--a"] is EdgeKind.DATA


def test_equal_models_show_no_difference_and_no_operator_twice() -> None:
    net = graphs(["resnet18"])["resnet18"]
    drawing = compared(net, net)
    assert not any(box.mark for box in drawing.boxes) and drawing.caption[-1] == "nothing differs"
    assert [box.form for box in drawing.boxes].count(Form.BLOCK) == 4


def test_submodules_that_differ_in_part_are_open_and_others_closed() -> None:
    nets = graphs(["resnet18", "resnet34"])
    drawing = compared(nets["resnet18"], nets["resnet34"])
    assert [frame.id for frame in drawing.clusters] == ["layer1", "layer2", "layer3", "layer4"]
    added = [box.id for box in drawing.boxes if box.mark == "added"]
    assert added == ["layer1.2", "layer2.2", "layer3.2", "layer4.2"]
    counts = {box.id: box.count for box in drawing.boxes if box.mark}
    assert counts == {"layer1.2": 1, "layer2.2": 2, "layer3.2": 4, "layer4.2": 1}
    assert drawing.caption[-1] == "8 added"


STEPS = """
model Old {
  input image: 1x32x32
  c1: conv(6, 5) -> tanh -> avgpool(2)
  c3: conv(16, 5) -> tanh -> avgpool(2)
  c5: conv(120, 5) -> flatten -> out: linear(10)
}
model New {
  input picture: 1x32x32
  c1: conv(6, 5) -> relu -> maxpool(2)
  c3: conv(16, 5) -> batchnorm -> tanh -> avgpool(2)
  c5: conv(120, 5) -> flatten -> out: linear(10)
}
"""


def test_steps_without_names_are_matched_by_their_place_in_the_order() -> None:
    drawing = pair(STEPS)
    marks = {box.id: (box.mark, box.lines[-1]) for box in drawing.boxes if box.mark}
    assert marks == {
        "c1": ("changed", "before: Tanh"),
        "maxpool": ("changed", "before: AvgPool 2×2, /2"),
        "c3": ("changed", "before: no BN"),
    }
    assert not [edge for edge in drawing.edges if edge.kind in (EdgeKind.ADDED, EdgeKind.REMOVED)]
    assert drawing.boxes[0].id == "input-picture"


@pytest.mark.parametrize("names", [("squeezenet1_0", "squeezenet1_1"), ("vgg11", "vgg16"), ("resnet18", "resnet34")])
def test_what_was_leads_the_way_that_it_led(names: tuple[str, str]) -> None:
    """No edge of a removed box points backwards, and every changed box shows its old properties."""
    nets = graphs(list(names))
    drawing = compared(nets[names[0]], nets[names[1]])
    after: dict[str, set[str]] = {}
    for edge in drawing.edges:
        after.setdefault(edge.source, set()).add(edge.target)

    def reached(box: str) -> set[str]:
        seen: set[str] = set()
        waiting = [box]
        while waiting:
            new = after.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        return seen

    assert not [box.id for box in drawing.boxes if box.id in reached(box.id)]
    for box in drawing.boxes:
        if box.mark == "changed":
            assert box.lines[-1].removeprefix("before: ") not in (box.title, *box.lines[:-1], "other settings")


def test_pools_that_moved_came_and_went() -> None:
    nets = graphs(["squeezenet1_0", "squeezenet1_1"])
    drawing = compared(nets["squeezenet1_0"], nets["squeezenet1_1"])
    assert {"MaxPool 3×3, /2"} <= {box.title for box in drawing.boxes if box.mark == "removed"}
    assert not [box for box in drawing.boxes if box.family == "pooling" and any("Fire" in line for line in box.lines)]
    assert not any("before" in box.title for box in drawing.boxes)


def test_lanes_stay_open() -> None:
    nets = graphs(["alexnet", "alexnet_2012"])
    drawing = compared(nets["alexnet"], nets["alexnet_2012"])
    assert not {"tower0", "tower1"} & {box.id for box in drawing.boxes}
    assert {edge.kind for edge in drawing.edges} == {EdgeKind.ADDED, EdgeKind.REMOVED, EdgeKind.CROSSING}


def test_what_differs_everywhere_is_closed_where_there_is_much() -> None:
    nets = graphs(["googlenet", "googlenet_2014"])
    drawing = compared(nets["googlenet"], nets["googlenet_2014"])
    assert len(drawing.boxes) <= 60
    assert next(box for box in drawing.boxes if box.id == "inception4a").form is Form.BLOCK


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "Old,New"], "Old → New"),
        ([], "--diff compares two nets: name two files, or one with --model OLD,NEW"),
        (["--model", "Old,New", "--depth", "1"], "leave out --depth"),
    ],
)
def test_two_models_of_a_file_are_compared(arguments: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text(TWO)
    command = ["draw", "--diff", str(tmp_path / "net.arch"), "-o", str(tmp_path / "out.dot"), *arguments]
    assert words in CliRunner().invoke(cli, command).output


# Lanes

LANES = """
model Group(classes = 10) {
  devices gpu0, gpu1
  input x: 3x16x16
  group tower{0..1} on gpu{0..1} {
    a: conv(8, 3) -> relu -> a2: conv(8, 3)
  } -> concat
  on gpu1 { flatten -> fc: linear(classes) }
}
model Chain(classes = 10) {
  devices gpu0, gpu1, gpu2
  input x: 3x16x16
  on gpu0 { a: conv(8, 3) -> relu }
  on gpu1 { b: conv(8, 3) -> relu }
  on gpu2 { c: conv(8, 3) -> relu }
  on gpu0 { d: conv(8, 3) -> flatten -> fc: linear(classes) }
}
model Zigzag(classes = 10) {
  devices left, right
  input x: 3x32x32
  on left { a: conv(8, 3) -> relu }
  on right { b: conv(8, 3) -> relu }
  on left { c: conv(8, 3) -> relu }
  on right { d: conv(8, 3) -> relu }
  on left { flatten -> fc: linear(classes) }
}
model Shortcut(classes = 10) {
  devices d0, d1
  input x: 8x16x16
  on d0 { a: conv(8, 3, padding = half) }
  residual {
    on d1 { b: conv(8, 3, padding = half) -> c: conv(8, 3, padding = half) }
  } -> relu
  on d1 { flatten -> fc: linear(classes) }
}
model Exchanged(classes = 10) {
  devices d0, d1
  input x: 3x16x16
  group tower{0..1} on d{0..1} {
    a: conv(8, 3) -> relu -> exchange -> b: conv(8, 3) -> relu -> c: conv(4, 3)
  } -> concat
  on d0 { flatten -> fc: linear(classes) }
}
model Two(classes = 10) {
  devices d0, d1
  input x: 3x16x16
  input y: 3x16x16
  concat {
    on d0 { @x -> a: conv(8, 3) }
    on d1 { @y -> b: conv(8, 3) -> b2: conv(8, 3, padding = 1) }
  }
  on d1 { flatten -> fc: linear(classes) }
}
"""


@cache
def on_devices() -> dict[str, CheckedGraph]:
    compiled = compile_source(Source("net.arch", LANES), every=True)
    assert not compiled.diagnostics
    return {graph.name: graph for graph in compiled.models}


@pytest.mark.parametrize("name", ["Group", "Chain", "Zigzag", "Shortcut", "Exchanged", "Two"])
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_what_one_lane_reads_from_another_comes_after_it(name: str, direction: Direction) -> None:
    found, wrong = measured(diagram(on_devices()[name], direction=direction))
    assert wrong == []
    assert [pair for pair in crossings(found) if not all("exchange" in edge for edge in pair)] == []


def test_devices_are_lanes_and_what_crosses_says_its_bytes() -> None:
    net = graphs(["alexnet_2012"])["alexnet_2012"]
    drawing = diagram(net)
    assert [frame.title for frame in drawing.clusters if frame.style is Style.DEVICE] == ["gpu0", "gpu1"]
    moves = [each for each in transfers(net) if each.start]
    assert sum(edge.kind is EdgeKind.CROSSING for edge in drawing.edges) == len(moves) == 7
    segments = {segment for box in drawing.boxes for segment in box.segments if "KiB" in segment}
    assert segments == {"128\n84.5 KiB", "4608\n18 KiB", "2048\n8 KiB"}
    total = sum(each.bytes for each in moves) / 1024
    assert drawing.caption[-1] == f"7 transfers between devices, {total:.0f} KiB for a sample in float32"
    assert LIGHT.crossing in to_dot(drawing)


# Columns


def test_long_nets_stand_in_columns_with_letters_where_they_break() -> None:
    net = graphs(["vgg16"])["vgg16"]
    drawing = diagram(net)
    letters = [box.title for box in drawing.boxes if box.form is Form.CONNECTOR]
    assert letters == ["A", "A"] and len(drawing.column_starts) == 2
    assert [frame.title for frame in drawing.clusters] == ["features", "features …", "classifier"]
    shown = [box.id for box in drawing.boxes if box.form is not Form.CONNECTOR]
    assert shown == [box.id for box in diagram(net, columns=1).boxes]
    found = picture(draw(drawing, "svg"))
    places = {box.id: box.area for box in found.boxes}
    head = places["column-A-head"]
    first, foot = places["features.0"], places["column-A-foot"]
    assert head[0] > max(first[2], foot[2]) and head[1] < first[1]


def test_columns_keep_the_shapes_on_their_edges() -> None:
    drawing = diagram(graphs(["vgg16"])["vgg16"])
    found = {text.text for edge in picture(draw(drawing, "svg")).edges for text in edge.texts}
    assert found == {edge.label for edge in drawing.edges if edge.label}


def test_one_column_is_one_column() -> None:
    assert diagram(graphs(["vgg16"])["vgg16"], columns=1).column_starts == ()
    assert len(diagram(graphs(["resnet18"])["resnet18"], detail=Detail(depth=FULL), columns=3).column_starts) == 3


def test_the_stream_goes_straight() -> None:
    """Edges do not bend around their labels, and a single stream enters the middle of a bar."""
    for name in ("googlenet", "alexnet_2012"):
        drawing = diagram(graphs([name])[name])
        found, _ = measured(drawing)
        middles = {box.id: (box.area[0] + box.area[2]) / 2 for box in found.boxes}
        lines = {edge.id: [x for x, _ in edge.line] for edge in found.edges}
        streams = [edge for edge in drawing.edges if edge.kind is EdgeKind.DATA]
        straight = [edge for edge in streams if abs(middles[edge.source] - middles[edge.target]) < 1]
        assert len(straight) > 15
        assert all(max(lines[edge.id]) - min(lines[edge.id]) < 1 for edge in straight)
    assert {round(middles[box.id]) for lane in drawing.clusters for box in lane.boxes()} == {
        round(middles[f"tower{number}.conv1"]) for number in (0, 1)
    }


def test_lanes_stand_in_the_order_of_the_devices() -> None:
    text = """model Towers {
      devices gpu0, gpu1
      input image: 3x32x32
      group tower{0..1} on gpu{0..1} { conv(16, 3) -> maxpool(2) -> exchange -> conv(32, 3) -> flatten } -> concat
      on gpu1 { fc: linear(10) }
    }"""
    found, wrong = measured(diagram(compile_source(Source("net.arch", text)).models[0]))
    assert wrong == []
    lefts = {frame.id: frame.area[0] for frame in found.frames}
    assert lefts["device-gpu0"] < lefts["device-gpu1"]
