"""Tensors to scale: the selection, sizes, texts without overlaps, and LaTeX output that compiles."""

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from latex import compiled, needs_latex

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.diagram.render.theme import DARK, LIGHT, MONO, Theme
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph
from archdsl.syntax.loader import locate
from archdsl.views.arrange import scene
from archdsl.views.scene import DrawnVolume, Face, Scene, Text, width
from archdsl.views.volume_chain import Volume
from archdsl.views.volumes import figure
from archdsl.views.volumes_svg import shaded, to_svg
from archdsl.views.volumes_tikz import to_tikz

SVG = "{http://www.w3.org/2000/svg}"
NETS = ("lenet5", "lenet5_1998", "alexnet_2012", "vgg16", "googlenet", "resnet152", "unet", "vit_b_16", "char_lstm")
ODD = """
model Odd {
  input a_name_that_is_long_and_has_no_end_that_anybody_could_wish_for: 2x9x9
  input sequence: 7x5
  <c>: conv(3, 3)
}
""".replace("<c>", "c" * 60)


def graph(name: str) -> CheckedGraph:
    found = locate(name)
    return compile_source(found.source, model=found.model).models[-1]


def shown(name: str) -> list[tuple[str, str, int]]:
    return [(volume.title, volume.label, volume.count) for volume in figure(graph(name)).volumes]


def net(body: str) -> CheckedGraph:
    compiled = compile_source(Source("net.arch", body))
    assert compiled.ok, compiled.diagnostics
    return compiled.models[-1]


def part(picture: Scene, id: str) -> DrawnVolume:
    return next(part for part in picture.volumes if part.id == id)


def size(face: Face) -> tuple[float, float]:
    xs, ys = zip(*face.points, strict=True)
    return max(xs) - min(xs), max(ys) - min(ys)


def test_lenet_has_the_tensors_of_its_figure() -> None:
    # LeCun et al. 1998, figure 2.
    assert shown("lenet5_1998") == [
        ("Input", "1×32×32", 1), ("c1", "6×28×28", 1), ("s2", "6×14×14", 1), ("c3", "16×10×10", 1),
        ("s4", "16×5×5", 1), ("c5", "120", 1), ("f6", "84", 1), ("output_units", "10", 1),
    ]  # fmt: skip


def test_vgg_has_the_tensors_of_table_1() -> None:
    # Simonyan and Zisserman 2015, configuration D: 2, 2, 3, 3 and 3 convolutions, a pool after each.
    found = [(label, count) for _, label, count in shown("vgg16")]
    sides = [(64, 2, 224), (128, 2, 112), (256, 3, 56), (512, 3, 28), (512, 3, 14)]
    expected = [("3×224×224", 1)]
    for maps, count, side in sides:
        expected += [(f"{maps}×{side}×{side}", count), (f"{maps}×{side // 2}×{side // 2}", 1)]
    assert found == [*expected, ("4096", 2), ("1000", 1)]


def test_rows_of_blocks_are_one_tensor() -> None:
    volumes: dict[str, Volume] = {volume.id: volume for volume in figure(graph("resnet152")).volumes}
    assert volumes["layer3"].steps == ("Bottleneck ×36",)
    assert volumes["layer3"].label == "1024×14×14"
    assert len(volumes) == 9


def test_the_caption_tells_scales_apart_and_what_is_not_drawn() -> None:
    assert "4 skip connections not drawn" in figure(graph("unet")).caption
    caption = figure(graph("resnet152")).caption
    assert "skip" not in caption and "vectors to their own scale" in caption
    assert "6.62 M parameters (13.0 M in training)" in figure(graph("googlenet")).caption
    assert "sequences to scale" in figure(graph("char_lstm")).caption


def test_what_has_no_common_scale_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["draw", "--style", "volumes", "gpt2", "-o", str(tmp_path / "x.svg")])
    assert done.exit_code == 2
    assert "sequences with sides from 768 to 50257 have no common scale" in done.output
    assert not list(tmp_path.iterdir())


def test_maps_are_drawn_to_scale() -> None:
    picture = scene(figure(graph("lenet5")))
    unit = size(part(picture, "input-image").faces[0])[0] / 32
    for id, channels, side in (("c1", 6, 28), ("avgpool", 6, 14), ("c3", 16, 10), ("avgpool_1", 16, 5)):
        faces = part(picture, id).faces
        assert len(faces) == channels
        assert size(faces[0]) == pytest.approx((side * unit, side * unit))


def test_boxes_are_drawn_to_scale() -> None:
    picture = scene(figure(graph("vgg16")))
    fronts = {id: size(part(picture, id).faces[2]) for id in ("features.0", "features.5", "features.10")}
    thick = fronts["features.0"][0] / 64
    high = fronts["features.0"][1] / 224
    assert fronts["features.5"] == pytest.approx((128 * thick, 112 * high))
    assert fronts["features.10"] == pytest.approx((256 * thick, 56 * high))
    assert len(part(picture, "features.10").faces) == 3 * 3


def boxes(picture: Scene) -> list[tuple[str, float, float, float, float]]:
    texts = [text for part in picture.volumes for text in part.texts]
    texts += [each for each in picture.legend if isinstance(each, Text)]
    return [
        (text.words, text.x - w / 2, text.y - 0.75 * text.size, text.x + w / 2, text.y + 0.2 * text.size)
        for text in texts
        for w in [width(text.words, text.size, bold=text.bold)]
    ]


@pytest.mark.parametrize("name", [*NETS, "odd"])
def test_no_text_is_cut_or_covered(name: str) -> None:
    picture = scene(figure(net(ODD) if name == "odd" else graph(name)))
    texts = boxes(picture)
    assert len(texts) > 3 and picture.volumes
    for words, left, top, right, bottom in texts:
        assert left >= 0 and top >= 0 and right <= picture.width and bottom <= picture.height, words
    for one, other in combinations(texts, 2):
        assert one[3] <= other[1] or other[3] <= one[1] or one[4] <= other[2] or other[4] <= one[2], (one, other)
    for part in picture.volumes:
        for face in part.faces:
            left, right = min(x for x, _ in face.points), max(x for x, _ in face.points)
            top, bottom = min(y for _, y in face.points), max(y for _, y in face.points)
            assert left >= 0 and right <= picture.width and top >= 0 and bottom <= picture.height
            for words, x1, y1, x2, y2 in texts:
                assert x2 <= left or right <= x1 or y2 <= top or bottom <= y1, (words, part.id)


def test_estimated_widths_allow_for_the_font() -> None:
    fonts = Path("/usr/share/fonts/truetype/liberation")
    if not fonts.exists():
        pytest.skip("Liberation Sans, which is as wide as Arial, is not installed")
    from PIL import ImageFont

    for bold in (False, True):
        font = ImageFont.truetype(fonts / f"LiberationSans-{'Bold' if bold else 'Regular'}.ttf", 100)
        for words in ("64×224×224", "InvertedResidual ×12", "inception4a–inception4c", "Conv 3×3, /2", "mmmWWW@%"):
            assert font.getlength(words) <= width(words, 100, bold=bold)


@pytest.mark.parametrize("theme", [LIGHT, DARK, MONO], ids=lambda theme: theme.name)
def test_the_svg_is_an_image_with_words(theme: Theme) -> None:
    root = ElementTree.fromstring(to_svg(scene(figure(graph("lenet5"))), theme))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "LeNet5"
    counts = "with 61,706 parameters and 416,520 MACs per sample."
    assert root.findtext(f"{SVG}desc") == f"Tensors of LeNet5, from 1×32×32 to 10, {counts}"
    ids = [group.get("id") for group in root.iter(f"{SVG}g") if group.get("class", "").startswith("volume ")]
    assert ids == ["input-image", "c1", "avgpool", "c3", "avgpool_1", "c5", "f6", "out"]
    facts = root.find(f"{SVG}g[@id='c3']/{SVG}title")
    assert facts is not None
    assert facts.text == "c3: conv(16, 5) | 16×10×10 | 2,416 parameters | 240,000 MACs | lenet5.arch line 5"


def test_shades_lie_between_their_colours() -> None:
    assert shaded("#102030", "#000000", "#FFFFFF", 0) == "#102030"
    assert shaded("#102030", "#000000", "#FFFFFF", 1) == "#FFFFFF"
    assert shaded("#102030", "#000000", "#FFFFFF", -0.5) == "#081018"


@needs_latex
@pytest.mark.parametrize("name", ["lenet5", "alexnet_2012"])
def test_tikz_compiles_on_one_page(name: str, tmp_path: Path) -> None:
    picture = to_tikz(scene(figure(graph(name))))
    pdf = compiled(picture, tmp_path)
    assert pdf.count(b"/Type /Page\n") <= 1
    assert "(1 page" in (tmp_path / "file.log").read_text(errors="replace")


@needs_latex
def test_a_paper_takes_the_picture(tmp_path: Path) -> None:
    (tmp_path / "net.tex").write_text(to_tikz(scene(figure(graph("lenet5")))), encoding="utf-8")
    body = r"\begin{document}\noindent\resizebox{\textwidth}{!}{\input{net}}\end{document}"
    paper = r"\documentclass{article}\usepackage{tikz,graphicx}" + body
    assert compiled(paper, tmp_path).startswith(b"%PDF")


def test_the_command_draws_volumes(tmp_path: Path) -> None:
    run = CliRunner().invoke
    for name, start in (("net.svg", "<svg"), ("net.tex", "% LeNet5, generated by archdsl")):
        done = run(cli, ["draw", "--style", "volumes", "lenet5", "-o", str(tmp_path / name)])
        assert done.output == f"wrote {tmp_path / name}: LeNet5\n"
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    dark = run(cli, ["draw", "--style", "volumes", "lenet5", "--theme", "dark", "-o", "-"])
    assert f'fill="{DARK.page}"' in dark.output
    two = run(cli, ["draw", "--style", "volumes", "lenet5", "vgg16"])
    assert two.exit_code == 2 and "one drawing shows one net" in two.output
    odd = run(cli, ["draw", "--style", "volumes", "lenet5", "-o", "net.png"])
    assert odd.exit_code == 2 and "must end in .svg or .tex" in odd.output


# Connections


def texts(body: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(volume.name, volume.steps) for volume in figure(net(body)).volumes]


def arrows(body: str) -> list[bool]:
    return [volume.arrow is not None for volume in scene(figure(net(body))).volumes]


def test_a_step_loses_its_channels_and_no_other_number() -> None:
    tail = "model Tail {\n  input image: 3x24x24\n  a: conv(16, 3, padding = 1)\n  b: conv(3, 3, padding = 1)\n}"
    assert texts(tail) == [("Input", ()), ("a", ("Conv 3×3",)), ("b", ("Conv 3×3",))]
    heads = "model M {\n  input x: sequence_of\n  a: attention(8)\n}".replace("sequence_of", "8x16")
    assert texts(heads)[-1] == ("a", ("Attention, 8 heads",))


TWO_INPUTS = """
model Fused {
  input picture: 3x100x100
  input facts: 9
  pool_in: avgpool(3, 3)
  flatten
  concat { identity; @facts } -> d3: linear(256) -> relu -> d4: linear(16)
}
"""


def test_a_second_input_is_named_where_it_is_read() -> None:
    assert texts(TWO_INPUTS) == [
        ("Input facts", ()), ("Input picture", ()), ("pool_in", ("AvgPool 3×3, /3",)),
        ("d3", ("with Input facts", "Linear", "ReLU")), ("d4", ("Linear",)),
    ]  # fmt: skip
    assert arrows(TWO_INPUTS) == [False, False, True, True, True]


TWO_BRANCHES = """
model TwoEyes {
  input photo: 3x64x64
  input depth: 1x32x32
  a: { conv1: conv(16, 3, 2, padding = 1) -> conv2: conv(32, 3, 2, padding = 1) }
  @depth -> b: { conv1: conv(16, 3, 2, padding = 1) } -> concat { @a; identity }
  head: conv(64, 3, padding = 1)
}
"""


def test_each_branch_begins_a_row_with_its_input() -> None:
    assert texts(TWO_BRANCHES) == [
        ("Input photo", ()), ("conv1", ("Conv 3×3, /2",)), ("conv2", ("Conv 3×3, /2",)),
        ("Input depth", ()), ("conv1", ("Conv 3×3, /2",)), ("head", ("with conv2", "Conv 3×3")),
    ]  # fmt: skip
    picture = scene(figure(net(TWO_BRANCHES)))
    rows = [max(y for face in volume.faces for _, y in face.points) for volume in picture.volumes]
    assert max(rows[:3]) < min(
        min(y for face in volume.faces for _, y in face.points) for volume in picture.volumes[3:]
    )


def test_an_equal_branch_of_the_same_source_is_not_joined_to_the_first() -> None:
    body = """
model M {
  input x: 3x8x8
  a: conv(4, 3)
  b: add { conv(4, 3); conv(4, 3) } -> c: conv(2, 1)
}
"""
    assert texts(body) == [
        ("Input", ()), ("a", ("Conv 3×3",)), ("conv", ("Conv 3×3",)), ("conv_1", ("from a", "Conv 3×3")),
        ("c", ("with conv", "Conv 1×1")),
    ]  # fmt: skip


def test_one_dimensional_maps_have_a_scale_for_length_and_one_for_channels() -> None:
    series = figure(net("model Series {\n  input x: 1x280\n  a: conv(32, 3) -> maxpool(2)\n}"))
    assert "width by length, height by channels, each to its own scale" in series.caption
    sizes = [size(volume.faces[0]) for volume in scene(series).volumes]
    assert sizes[1][0] / sizes[0][0] == pytest.approx(278 / 280)
    assert sizes[2][0] / sizes[0][0] == pytest.approx(139 / 280)
    assert sizes[1][1] == sizes[2][1] == pytest.approx(32 * sizes[0][1], rel=0.2)


@pytest.mark.parametrize(
    ("count", "first", "last"),
    [(count, first, last) for count in (1, 2, 3) for first in ("", "z: linear(16)\n") for last in ("", "e: linear(8)")],
)
def test_the_caption_counts_each_shortcut_once(count: int, first: str, last: str) -> None:
    blocks = "".join(f"residual {{ a{n}: linear(32) -> b{n}: linear(16) }}\n" for n in range(count))
    caption = figure(net(f"model R {{\ninput text: sequence 50x16\n{first}{blocks}{last}\n}}")).caption
    assert caption.endswith(f"{count} skip connection{'s' if count > 1 else ''} not drawn")


def test_the_caption_counts_no_branch_that_the_figure_names() -> None:
    for body in (TWO_INPUTS, TWO_BRANCHES):
        assert "skip" not in figure(net(body)).caption
    inputs = "model M {\n  input x: 3x8x8\n  input y: 3x8x8\n  add { @x; @y } -> conv(4, 3)\n}"
    assert texts(inputs)[-1][1] == ("with Input y", "Conv 3×3")
    assert "skip" not in figure(net(inputs)).caption
    inside = "model M {\n  input x: 4x8x8\n  a: conv(4, 1) -> add { identity; relu } -> b: conv(4, 1)\n}"
    assert "skip" not in figure(net(inside)).caption
