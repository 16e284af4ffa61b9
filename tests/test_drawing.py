"""Drawings of branched nets: closed submodules, folded copies, shortcuts, and the surroundings of a submodule."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.diagram import FULL, Detail, Diagram, Look, NoSuchPart, diagram
from archdsl.diagram.spec import Box, EdgeKind, Form
from archdsl.driver import compile_source
from archdsl.gallery.entries import graphs
from archdsl.ir.graph import CheckedGraph


def graph(text: str) -> CheckedGraph:
    compiled = compile_source(Source("net.arch", text))
    assert compiled.models, compiled.diagnostics
    return compiled.models[0]


@cache
def named(name: str) -> CheckedGraph:
    return graphs([name])[name]


def drawn(name: str, **options: object) -> Diagram:
    return diagram(named(name), detail=Detail(**options), columns=1)  # type: ignore[arg-type]


def box(drawing: Diagram, id: str) -> Box:
    return next(box for box in drawing.boxes if box.id == id)


def ways(drawing: Diagram) -> dict[str, str]:
    return {edge.id: edge.kind.value for edge in drawing.edges}


# Levels


def test_depth_0_is_one_box_between_the_ends() -> None:
    drawing = drawn("resnet50", depth=0)
    assert [box.form for box in drawing.boxes] == [Form.TERMINAL, Form.BLOCK, Form.TERMINAL]
    assert drawing.boxes[1].title == "ResNet50" and "25.6 M params · 4.09 G MACs" in drawing.boxes[1].lines[-1]


def test_depth_1_closes_all_submodules_and_says_what_is_in_them() -> None:
    drawing = drawn("resnet50", depth=1)
    assert not drawing.clusters
    stages = [(box.title, box.count, box.lines) for box in drawing.boxes if box.form is Form.BLOCK]
    assert stages == [
        (
            "layer1  Bottleneck",
            3,
            ("1×1, 64 → 3×3, 64 → 1×1, 256", "216 k params · 668 M MACs in all · first block projects"),
        ),
        (
            "layer2  Bottleneck",
            4,
            ("1×1, 128 → 3×3, 128 → 1×1, 512", "1.22 M params · 1.03 G MACs in all · first block /2"),
        ),
        (
            "layer3  Bottleneck",
            6,
            ("1×1, 256 → 3×3, 256 → 1×1, 1024", "7.10 M params · 1.46 G MACs in all · first block /2"),
        ),
        (
            "layer4  Bottleneck",
            3,
            ("1×1, 512 → 3×3, 512 → 1×1, 2048", "15.0 M params · 809 M MACs in all · first block /2"),
        ),
    ]


def test_a_closed_merge_says_the_channels_that_it_puts_together() -> None:
    assert box(drawn("googlenet", depth=1), "inception3a").lines[0] == "64 + 128 + 32 + 32 = 256"


@pytest.mark.parametrize(
    ("name", "id", "words"),
    [
        ("squeezenet1_0", "features.3", "1×1, 16 → 1×1, 64 + 3×3, 64"),
        ("mobilenet_v3_small", "features.1", "DW 3×3, 16, /2 → SE 8 → 1×1, 16"),
        ("se_resnet50", "layer1.0", "1×1, 64 → 3×3, 64 → 1×1, 256 → SE 16"),
        ("efficientnet_b0", "features.6.0", "1×1, 672 → DW 5×5, 672, /2 → SE 28 → 1×1, 192"),
        ("xception", "middle.0", "3 × (DW 3×3, 728 → 1×1, 728)"),
        ("shufflenetv2_x1_0", "stage2.0", "(DW 3×3, 24, /2 → 1×1, 58) +"),
        ("inception_resnet_v2", "residuals_a", "32 + 32 + 64 → 1×1, 320"),
        ("fractalnet20", "block2", "7 Conv 3×3, 128 · longest path 4"),
    ],
)
def test_a_closed_submodule_says_what_reads_what(name: str, id: str, words: str) -> None:
    assert box(diagram(named(name)), id).lines[0] == words


def test_equal_blocks_fold_though_they_drop_at_other_rates_and_the_box_says_which() -> None:
    folded = box(diagram(named("efficientnet_b0")), "features.6.1")
    assert (folded.count, folded.lines[-1]) == (3, "drop path 0.15 to 0.175")
    assert box(diagram(named("mobilenetv1")), "blocks.6").count == 5


def test_a_shortcut_of_nothing_but_identity_is_an_edge() -> None:
    drawing = drawn("densenet121", only="denselayer2")
    assert not any(box.title == "Identity" for box in drawing.boxes)
    part = "features.denseblock1.denselayer2"
    assert ways(drawing)[f"{part}--fork--{part}.concat-0"] == "skip"


def test_a_stub_says_all_that_goes_there_and_from_which_device() -> None:
    drawing = drawn("alexnet_2012", only="tower0")
    stubs = [each.lines for each in drawing.boxes if each.title == "tower1"]
    assert stubs == [("128×13×13", "4608", "2048")] * 2
    assert Counter(ways(drawing).values())["cross-device"] == 6


def test_counts_of_several_are_of_each_or_of_all() -> None:
    sizes, dropping = box(drawn("convnext_tiny", depth=2), "features.1").lines[-2:]
    assert (sizes, dropping) == ("238 k params · 738 M MACs in all", "drop path 0 to 0.0118")
    assert box(diagram(named("resnet50")), "layer1.1").lines[-1] == "70.4 k params · 218 M MACs each"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("googlenet", "6.62 M parameters (13.0 M in training) · 1.50 G MACs"),
        ("char_lstm", "edge labels: L×C"),
        ("vit_b_16", "edge labels: C×H×W or L×C"),
    ],
)
def test_the_caption_says_what_the_numbers_are(name: str, words: str) -> None:
    assert words in diagram(named(name)).caption[0]


def test_a_long_name_has_a_line_of_the_caption_for_itself() -> None:
    drawing = drawn("regnety_400mf", only="block2_0")
    assert drawing.caption[0] == "trunk_output.block2.block2_0 of RegNetY_400MF"
    assert drawing.caption[1].startswith("31.7 k parameters")


def test_several_inputs_have_their_names() -> None:
    two = graph("model Net {\n  input left: 3x8x8\n  input right: 3x8x8\n  add { @left; @right }\n}")
    assert [each.title for each in diagram(two).boxes if each.id.startswith("input")] == ["Input left", "Input right"]


def test_full_depth_shows_every_operator() -> None:
    net = named("googlenet")
    drawing = diagram(net, detail=Detail(depth=FULL))
    shown = Counter(line.partition(":")[0] for box in drawing.boxes for line in box.tooltip.split(" | "))
    assert [node.path for node in net.nodes if shown[".".join(node.path)] != 1] == []
    assert all(box.count == 1 for box in drawing.boxes)


def test_each_level_shows_more() -> None:
    sizes = [len(drawn("resnet50", depth=depth).boxes) for depth in (0, 1, 2, 3, FULL)]
    assert sizes == sorted(set(sizes))


def test_equal_neighbours_fold_to_one_with_a_count_at_every_level() -> None:
    net = named("resnet152")
    assert [(box.id, box.count) for box in diagram(net, detail=Detail(depth=2)).boxes if box.form is Form.BLOCK] == [
        ("layer1.0", 1), ("layer1.1", 2), ("layer2.0", 1), ("layer2.1", 7), ("layer3.0", 1), ("layer3.1", 35),
        ("layer4.0", 1), ("layer4.1", 2),
    ]  # fmt: skip
    opened = diagram(net, detail=Detail(depth=3), columns=1)
    assert [(frame.id, frame.count) for frame in opened.clusters if frame.count > 1] == [
        ("layer1.1", 2), ("layer2.1", 7), ("layer3.1", 35), ("layer4.1", 2),
    ]  # fmt: skip
    assert "layer3.1.add--layer4.0--fork" in ways(opened), "what the last one makes leaves the first"


def test_one_that_another_reads_is_not_folded_into_its_neighbours() -> None:
    steps = " -> ".join(f"b{number}: B(4)" for number in range(5))
    text = f"""
    block B(c) = a: conv(c, 1) -> maxpool(1) -> b: conv(c, 1)
    model Net {{{{
      input x: 4x8x8
      {steps}
      concat {{{{ @{{read}}; identity }}}}
    }}}}
    """

    def counts(read: str) -> list[int]:
        drawing = diagram(graph(text.format(read=read)), detail=Detail(depth=1, fold=True))
        return [box.count for box in drawing.boxes if box.form is Form.BLOCK]

    assert counts("b1") == [2, 3]
    assert counts("b4") == [5]


# Names


def test_expand_opens_one_submodule_and_what_it_stands_in() -> None:
    drawing = drawn("resnet50", depth=1, expand=("layer3",))
    assert [frame.id for frame in drawing.clusters] == ["layer3"]
    drawing = drawn("resnet50", depth=1, expand=("layer3.2",))
    assert [frame.id for frame in drawing.clusters] == ["layer3", "layer3.2"]
    assert [(box.id, box.count) for box in drawing.boxes if box.form is Form.BLOCK and box.id.startswith("layer3")] == [
        ("layer3.0", 1), ("layer3.1", 1), ("layer3.3", 3),
    ]  # fmt: skip


def test_a_name_may_be_the_end_of_a_path_or_a_block() -> None:
    assert [frame.id for frame in drawn("gpt2", depth=1, expand=("h.3",)).clusters][-1].endswith("h.3")
    opened = {frame.id for frame in drawn("googlenet", depth=1, expand=("Inception",)).clusters}
    assert len(opened) == 9


def test_collapse_closes_one_submodule() -> None:
    drawing = drawn("resnet18", depth=FULL, collapse=("layer2",))
    assert box(drawing, "layer2").form is Form.BLOCK
    assert "layer1" in {frame.id for frame in drawing.clusters}


def test_names_that_mean_nothing_are_refused_with_a_way_out() -> None:
    with pytest.raises(NoSuchPart) as refused:
        drawn("resnet18", only="layer9")
    assert str(refused.value) == "the model has no submodule `layer9`"
    assert refused.value.help.startswith("did you mean `layer")


def test_only_draws_a_part_between_stubs_of_its_surroundings() -> None:
    drawing = drawn("googlenet", only="inception4a")
    assert drawing.name == "inception4a of GoogLeNet"
    stubs = [(box.title, box.lines) for box in drawing.boxes if box.form is Form.STUB]
    assert stubs == [("MaxPool 3×3, /2", ("480×14×14",)), ("inception4b", ("512×14×14",)), ("aux1", ("512×14×14",))]
    assert "365 k parameters" in drawing.caption[0]
    ends = {box.id for box in drawing.boxes}
    assert all({edge.source, edge.target} <= ends for edge in drawing.edges)
    assert [frame.id for frame in drawing.clusters] == ["inception4a"]


@pytest.mark.parametrize(("name", "part"), [("resnet50", "layer2"), ("unet", "up2"), ("alexnet_2012", "tower1")])
def test_every_end_of_an_edge_is_drawn(name: str, part: str) -> None:
    drawing = drawn(name, only=part)
    ends = {box.id for box in drawing.boxes}
    assert drawing.edges and all({edge.source, edge.target} <= ends for edge in drawing.edges)


# Edges


def test_shortcuts_are_told_from_projections_and_from_the_stream() -> None:
    kinds = ways(drawn("resnet50", only="layer2", depth=FULL))
    assert kinds["layer2.0--fork--layer2.0.conv1"] == "data"
    assert kinds["layer2.0--fork--layer2.0.downsample.0"] == "skip projection"
    assert kinds["layer2.0.downsample.0--layer2.0.add"] == "skip projection"
    assert kinds["layer2.1--fork--layer2.1.add"] == "skip"
    assert Counter(kinds.values())["skip"] == 3


def test_paths_part_at_a_dot_within_the_innermost_frame_that_holds_all_of_them() -> None:
    drawing = drawn("resnet50", depth=FULL)
    forks = [box.id for box in drawing.boxes if box.form is Form.FORK]
    assert forks == [f"layer{n + 1}.{i}--fork" for n, count in enumerate((3, 4, 6, 3)) for i in range(count)]


def test_branches_enter_a_merge_in_the_order_of_the_source() -> None:
    drawing = drawn("googlenet", only="inception3a")
    into = sorted((edge.segment or 0, edge.source) for edge in drawing.edges if edge.target == "inception3a.concat")
    branches = [f"inception3a.{name}.conv" for name in ("branch1", "branch2.1", "branch3.1", "branch4.1")]
    assert into == list(enumerate(branches))
    assert box(drawing, "inception3a.concat").segments == ("64", "128", "32", "32")
    leaving = [edge.target for edge in drawing.edges if edge.source == "inception3a--fork"]
    firsts = ("branch1.conv", "branch2.0.conv", "branch3.0.conv", "branch4.0")
    assert leaving == [f"inception3a.{name}" for name in firsts]


def test_what_only_the_training_computes_stands_aside() -> None:
    drawing = drawn("googlenet")
    kinds = ways(drawing)
    assert kinds["inception4a--aux1"] == kinds["inception4d--aux2"] == "aux"
    assert [box.id for box in drawing.boxes if box.training] == ["aux1", "aux2", "output-of-aux_logits1",
                                                                 "output-of-aux_logits2"]  # fmt: skip
    assert box(drawing, "aux1").group == "" and box(drawing, "inception4b").group == "main"


# Texts


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Look(), "9.54 k params · 118 M MACs"),
        (Look(macs=False), "9.54 k params"),
        (Look(params=False), "118 M MACs"),
        (Look(params=False, macs=False), ""),
    ],
)
def test_counts_in_boxes_can_be_turned_off(look: Look, words: str) -> None:
    assert "".join(box(diagram(named("resnet50"), look=look), "conv1").lines) == words


def test_shapes_stand_where_they_change_everywhere_or_nowhere() -> None:
    count = {
        shapes: sum(bool(edge.label) for edge in diagram(named("lenet5"), look=Look(shapes=shapes)).edges)  # type: ignore[arg-type]
        for shapes in ("change", "all", "none")
    }
    assert count == {"change": 8, "all": 9, "none": 0}


# The command


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--only", "layer9"], 2, "the model has no submodule `layer9`; did you mean `layer"),
        (["--depth", "deep"], 2, "deep is neither a number of levels nor `full`"),
        (["--depth", "1", "--no-macs", "--no-legend"], 0, "out.dot: ResNet50"),
        (["--theme", "auto"], 2, "a .dot has one theme: --theme auto is for .svg and .html"),
        (["--style", "volumes", "--title", "Net"], 2, "--style volumes has no --theme auto, --title or --alt"),
    ],
)
def test_draw_says_what_is_wrong(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    out = str(tmp_path / "out.dot")
    done = CliRunner().invoke(cli, ["draw", "resnet50", "-o", out, *arguments])
    assert done.exit_code == code and words in done.output


def test_a_drawing_can_have_a_title_and_say_what_it_shows(tmp_path: Path) -> None:
    out = tmp_path / "out.svg"
    done = CliRunner().invoke(cli, ["draw", "lenet5", "-o", str(out), "--title", "Digits & more", "--alt"])
    wrote, alt = done.output.splitlines()
    assert wrote == f"wrote {out}: Digits & more" and alt.startswith("Architecture of LeNet5: 12 operators")
    svg = out.read_text()
    assert "<title>Digits &amp; more</title>" in svg and f"<desc>{alt}</desc>" in svg
    assert ">Digits &amp; more · 61.7 k parameters" in svg


def test_a_drawing_can_follow_the_theme_of_the_system(tmp_path: Path) -> None:
    light, auto = tmp_path / "light.svg", tmp_path / "auto.svg"
    for out, theme in ((light, "light"), (auto, "auto")):
        assert CliRunner().invoke(cli, ["draw", "lenet5", "-o", str(out), "--theme", theme]).exit_code == 0
    start, _, rest = auto.read_text().partition("<style>@media (prefers-color-scheme: dark) {")
    rules, _, end = rest.partition("}</style>\n")
    assert start + end == light.read_text()
    assert '.archdsl [fill="#aec6ec" i]{fill:#304a71}' in rules


# What drawings state


EXCHANGE = """
block S = group t{0..1} { a: conv(2, 1) -> relu -> exchange -> b: conv(2, 1) } -> add
model Net {
  input x: 2x4x4
  s: S
}
"""


@pytest.mark.parametrize("depth", range(4))
def test_towers_that_exchange_streams_are_drawn_at_every_depth(depth: int) -> None:
    # The towers are lanes of one block, whose operators read each other.
    drawing = diagram(graph(EXCHANGE), detail=Detail(depth=depth))
    assert drawing.edges[0].source == "input-x" and drawing.edges[-1].target == "output-stream"


def test_an_output_leaves_the_step_that_it_returns() -> None:
    tap = graph("model Tap {\n  input x: 8\n  a: linear(8) -> relu -> b: linear(8)\n  output raw: @a\n}")
    drawing = diagram(tap)
    assert {"a--relu", "a--output-of-raw", "relu--b"} <= ways(drawing).keys()
    assert not box(drawing, "a").tags
    plain = diagram(graph("model M {\n  input x: 8\n  a: linear(8) -> relu -> b: linear(8)\n}"))
    assert [tag.text for tag in box(plain, "a").tags] == ["ReLU"]


def test_an_identity_that_moves_its_value_has_a_box() -> None:
    moved = graph("""
model Moves {
  devices gpu0, gpu1
  input x: 8
  a: linear(8)
  add {
    identity
    on gpu1 { identity }
  }
}
""")
    drawing = diagram(moved, detail=Detail(depth=FULL))
    found = {edge.id: edge.kind for edge in drawing.edges}
    assert found["a--identity_1"] is found["identity_1--add"] is EdgeKind.CROSSING


def test_an_identity_before_another_device_is_drawn_as_the_value_that_it_passes_on() -> None:
    passed = graph("""
model Passes {
  devices gpu0, gpu1
  input x: 8
  a: linear(8) -> identity -> on gpu1 { c: linear(8) } -> concat { identity; @a }
}
""")
    crossing = [edge for edge in diagram(passed, detail=Detail(depth=FULL)).edges if edge.kind is EdgeKind.CROSSING]
    assert {edge.source for edge in crossing} == {"a"} and "32 bytes" in crossing[0].tooltip


def test_a_frame_of_equal_ones_has_the_path_that_repeats() -> None:
    nested = graph("""
block Unit { residual { conv: conv(channels, 3, padding = 1) -> bn: batchnorm } }
block Stage(width, depth) {
  if channels != width { downsample: conv(width, 3, 2, padding = 1) }
  blocks: [Unit * depth]
}
model A {
  input image: 8x32x32
  stages: [Stage(8, 4) -> Stage(16, 4)]
  global_avgpool -> flatten -> fc: linear(10)
}
""")
    frames = {cluster.id: (cluster.title, cluster.count) for cluster in diagram(nested).clusters}
    assert frames["stages.0.blocks.0"] == ("stages.0.blocks.0", 4)
    assert frames["stages.1.blocks.0"] == ("blocks.0", 4)


SHARED = """
block B(c) { conv: conv(c, 3, padding = 1) -> bn: batchnorm -> relu }
model Shared {
  input a: 4x16x16
  c: conv(4, 3, padding = 1)
  b: B(4)
  share @c -> share @b
  t: { u: B(4) -> v: B(4) }
  share @t
}
"""


def test_shared_weights_are_marked_once() -> None:
    drawing = diagram(graph(SHARED))
    assert box(drawing, "c@2").lines == ("weights of c · 36.9 k MACs",)
    assert box(drawing, "b@2.conv").lines == ("weights of b · 36.9 k MACs",)
    frame = next(cluster for cluster in drawing.clusters if cluster.id == "t@2")
    assert frame.details == ("weights of t", "73.7 k MACs")
    assert not any("weights" in line for each in frame.boxes() for line in each.lines)
    closed = diagram(graph(SHARED), detail=Detail(depth=1))
    assert box(closed, "t@2").lines[-1] == "weights of t · 73.7 k MACs in all"


def test_branches_into_a_merge_keep_the_order_of_the_source() -> None:
    experts = graph("""
model Experts {
  input x: 9
  bank: stack { for i in range(4) { expert{i}: linear(5) } }
  mul { @bank; @x -> gate: linear(4) -> softmax -> reshape((4, 1)) } -> sum(0)
}
""")
    drawing = diagram(experts)
    assert box(drawing, "bank").ordering == "in"
    assert [edge.source for edge in drawing.edges if edge.target == "bank"] == [f"expert{i}" for i in range(4)]


def test_a_closed_submodule_on_several_devices_names_them() -> None:
    split = graph("""
model Split {
  devices gpu0, gpu1
  input x: 8
  a: {
    on gpu0 { b: linear(8) }
    on gpu1 { c: linear(8) }
  }
  on gpu0 { d: linear(8) }
}
""")
    drawing = diagram(split, detail=Detail(depth=1))
    assert box(drawing, "a").lines[-1] == "on gpu0, gpu1"
    assert [cluster.title for cluster in drawing.clusters] == ["gpu0"]
