"""The page of a model, tested in a browser: drawing, unfolding, search, facts, no network, keyboard control."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from browser import Browser
from click.testing import CliRunner

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.diagram import LIGHT
from archdsl.diagram.render.dark import colours
from archdsl.diagram.render.engines import draw
from archdsl.diagram.render.theme import DARK
from archdsl.driver import compile_source
from archdsl.syntax.loader import locate
from archdsl.views.page import Start, page

NETS = ("resnet50", "googlenet", "unet", "alexnet_2012")
HOSTILE = """
## Says </script><script>document.title = "taken"</script> & <b>
model Hostile {
  input x: 3x8x8
  a: { b: conv(4, 3) -> relu
       c: conv(4, 3) }
}
"""


def made(source: Source, model: str | None = None, start: Start = Start()) -> str:  # noqa: B008
    graph = compile_source(source, model=model).models[-1]
    return page(graph, lambda diagrams: [draw(diagram, "svg") for diagram in diagrams], start)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    files = {}
    for name in NETS:
        found = locate(name)
        files[name] = folder / f"{name}.html"
        files[name].write_text(made(found.source, found.model), encoding="utf-8")
    files["hostile"] = folder / "hostile.html"
    files["hostile"].write_text(made(Source("<b>.arch", HOSTILE)), encoding="utf-8")
    return files


def data(file: Path) -> Any:
    text = re.search(r'type="application/json">(.*?)</script>', file.read_text(encoding="utf-8"), re.S)
    assert text
    return json.loads(text.group(1))


def shown(tab: Browser) -> list[str]:
    found: list[str] = tab.run("[...document.querySelectorAll('#canvas [data-path]')].map((e) => e.dataset.path)")
    return found


def panel(tab: Browser) -> str:
    text: str = tab.run("document.getElementById('details').innerText")
    return text


# Contents of the file


def test_the_page_has_every_part_with_its_facts(pages: dict[str, Path]) -> None:
    found = {fact["path"]: fact for fact in data(pages["resnet50"])["facts"]}
    assert len(found) == len(data(pages["resnet50"])["facts"])
    conv = found["layer2.0.conv2"]
    assert conv["call"] == "conv(128, 3, 2, padding = half, bias = false)"
    assert conv["defaults"] == "dilation = 1, groups = 1"
    assert (conv["input"], conv["output"]) == ("128×56×56", "128×28×28")
    assert (conv["parameters"], conv["macs"]) == ("147,456", "115,605,504")
    assert conv["source"].startswith("resnet.arch line ") and conv["code"].startswith("conv2: conv(inner, 3, stride")
    assert conv["doc"].startswith("Convolve the map with learned kernels")
    # The first layer sees 7 pixels, the pool 4 more, three windows that are 4 pixels apart 24 more, this one 8 more.
    assert conv["receptive field"] == "43×43, stride 8×8"
    assert found["layer1"]["receptive field"] == "35×35, stride 4×4"
    assert found["fc"]["receptive field"] == "the whole input"
    assert conv["fused_ops"] == ["layer2.0.bn2", "layer2.0.relu_1"]
    assert found["layer2.0"]["call"].startswith("Bottleneck(")
    assert found["layer2.0"]["doc"].startswith("A bottleneck: a 3x3 convolution between two 1x1 convolutions")
    assert found[""]["parameters"] == "25,557,032"


def test_parts_are_explained_with_their_sums(pages: dict[str, Path]) -> None:
    """The page shows the same explanations as `archdsl explain`."""
    found = {fact["path"]: fact for fact in data(pages["resnet50"])["facts"]}
    lines = {section["title"]: section["lines"] for section in found["conv1"]["sections"]}
    assert "(224 + 2*3 - 7)/2 + 1 = 112.5, rounded down to 112" in lines["Shape"]
    assert lines["Parameters"][0].startswith("7*7*3*64 = 9,408")


def test_the_panel_shows_the_sums(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["resnet50"])
    tab.click("group('conv1')")
    assert "7*7*3*64 = 9,408" in panel(tab)


def test_levels_are_made_once_for_equal_neighbours(pages: dict[str, Path]) -> None:
    levels = data(pages["resnet50"])["levels"]
    assert {"", "layer1", "layer1.0", "layer1.1", "layer4.1"} <= set(levels)
    assert "layer1.2" not in levels


def test_no_light_colour_stands_for_two_dark_ones() -> None:
    found = colours(LIGHT, DARK)
    assert found[LIGHT.crossing.lower()] == DARK.crossing.lower()
    paints = {name: (LIGHT.families[name], DARK.families[name]) for name in LIGHT.families}
    paints |= {f"device {n}": pair for n, pair in enumerate(zip(LIGHT.devices, DARK.devices, strict=True))}
    for name, (light, dark) in paints.items():
        for part in ("fill", "stroke", "ink"):
            assert found[getattr(light, part).lower()] == getattr(dark, part).lower(), (name, part)


def test_shapes_get_the_sign_of_drawings_and_names_keep_their_letters() -> None:
    text = """
model M {
  input x: 3x8x8
  a: conv(3, 3, padding = 1)
  conv1x1: conv(3, 1) -> share @conv1x1
}
"""
    (graph,) = compile_source(Source("net.arch", text)).models
    made = page(graph, lambda diagrams: [b"<?xml?><svg/>" for _ in diagrams])
    assert "shares those of conv1x1" in made and "conv1×1" not in made
    assert "3×3 pixels, 1×1 between neighbours" in made and "3×8×8" in made


def test_the_page_is_the_same_twice(pages: dict[str, Path]) -> None:
    found = locate("unet")
    assert made(found.source, found.model) == pages["unet"].read_text(encoding="utf-8")


def test_the_command_writes_a_page(tmp_path: Path) -> None:
    file = tmp_path / "net.html"
    done = CliRunner().invoke(cli, ["draw", "lenet5", "-o", str(file)])
    assert done.output == f"wrote {file}: LeNet5\n"
    assert "<title>LeNet5</title>" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--direction", "LR"], "a page is drawn downwards, in one column: leave out --direction LR"),
        (["--columns", "2"], "leave out --columns"),
        (["--no-fold"], "a page draws equal neighbours once: leave out --no-fold"),
        (["--theme", "mono"], "a page is light or dark: leave out --theme mono"),
        (["--only", "layer9"], "the model has no submodule `layer9`; did you mean `layer"),
    ],
)
def test_what_a_page_cannot_follow_is_refused(arguments: list[str], words: str, tmp_path: Path) -> None:
    file = tmp_path / "net.html"
    done = CliRunner().invoke(cli, ["draw", "resnet18", "-o", str(file), *arguments])
    assert done.exit_code == 2 and words in done.output
    assert not file.exists()


def test_where_nothing_draws_the_command_says_so(tmp_path: Path) -> None:
    file = tmp_path / "net.html"
    done = CliRunner().invoke(cli, ["draw", "lenet5", "-o", str(file), "--engine", "no-such-dot"])
    assert done.exit_code == 3 and "no-such-dot" in done.output
    assert not file.exists()


# In the browser


@pytest.mark.parametrize("name", [*NETS, "hostile"])
def test_it_opens_without_errors_and_asks_for_nothing(tab: Browser, pages: dict[str, Path], name: str) -> None:
    tab.open(pages[name])
    assert tab.problems == []
    assert tab.requests == [pages[name].as_uri()]
    assert tab.run("document.title") != "taken"
    assert len(shown(tab)) >= 3


def test_what_the_author_wrote_is_text(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["hostile"])
    assert "</script><script>document.title" in panel(tab)
    assert tab.run("document.querySelectorAll('#details b').length") == 0


def test_a_click_unfolds_and_another_folds(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["resnet50"])
    folded = shown(tab)
    assert "layer1" in folded and "layer1.0" not in folded
    assert tab.run("group('layer1').getAttribute('aria-expanded')") == "false"
    tab.click("group('layer1')")
    assert {"layer1", "layer1.0", "layer1.1"} <= set(shown(tab))
    assert tab.run("group('layer1').getAttribute('aria-expanded')") == "true"
    tab.click("group('layer1.0')")
    assert {"layer1.0.conv1", "layer1.0.downsample.0", "layer1.0.add"} <= set(shown(tab))
    tab.click("group('layer1')")
    assert shown(tab) == folded
    assert tab.problems == []


@pytest.mark.parametrize("name", NETS)
def test_unfolded_nothing_overlaps_and_everything_is_in_its_frame(
    tab: Browser, pages: dict[str, Path], name: str
) -> None:
    tab.open(pages[name])
    tab.run("all(true)")
    tab.run("fit()")
    assert set(shown(tab)) >= {path for path in data(pages[name])["levels"] if path}
    faults = tab.run(
        """(() => {
          const rect = (e) => e.querySelector('.ring').getBoundingClientRect();
          const all = [...document.querySelectorAll('#canvas [data-path]')].map((e) => [e.dataset.path, rect(e), e]);
          const boxes = all.filter(([, , e]) => !e.matches('.cluster')), faults = [];
          const page = document.getElementById('canvas').getBoundingClientRect();
          boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
            if (Math.min(a.right, b.right) - Math.max(a.x, b.x) > 2 * viewport.scale * 3
              && Math.min(a.bottom, b.bottom) - Math.max(a.y, b.y) > 2 * viewport.scale * 3) faults.push([one, other]);
          }));
          for (const [frame, a, e] of all) {
            if (!e.matches('.cluster')) continue;
            for (const [path, b] of boxes) {
              if (!path.startsWith(frame + '.')) continue;
              if (b.x < a.x - 5 || b.y < a.y - 5 || b.right > a.right + 5 || b.bottom > a.bottom + 5) {
                faults.push(['out of', frame, path]);
              }
            }
          }
          for (const [path, a] of all) if (a.x < page.x || a.right > page.right || a.bottom > page.bottom) {
            faults.push(['cut', path]);
          }
          return faults;
        })()"""
    )
    assert faults == []


def test_edges_end_at_their_boxes_when_neighbours_are_unfolded(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["googlenet"])
    gaps = """(() => {
      const near = (x, y, r) => Math.hypot(Math.max(r.x - x, 0, x - r.right), Math.max(r.y - y, 0, y - r.bottom));
      const ends = [...document.querySelectorAll('#canvas .ring, #canvas .fork')];
      const rings = ends.map((e) => e.getBoundingClientRect());
      return Math.max(...[...document.querySelectorAll('#canvas .edge polygon')].map((head) => {
        const r = head.getBoundingClientRect();
        return Math.min(...rings.map((ring) => near(r.x + r.width / 2, r.y + r.height / 2, ring))) / viewport.scale;
      }));
    })()"""
    assert tab.run(gaps) <= 5
    tab.run("all(true)")
    assert tab.run(gaps) <= 9  # The ring of a frame is drawn a little within it.


@pytest.mark.parametrize(
    ("arguments", "there", "missing"),
    [
        ([], {"layer1", "layer2"}, {"layer1.0"}),
        (["--depth", "2"], {"layer1.0", "layer1.1", "layer4.0"}, {"layer1.0.conv1"}),
        (["--depth", "full"], {"layer1.0.conv1", "layer4.1.add"}, set()),
        (["--expand", "layer2.0"], {"layer1", "layer2.0.conv1", "layer2.1"}, {"layer1.0", "layer2.1.conv1"}),
        (["--depth", "2", "--collapse", "layer3"], {"layer2.0", "layer3"}, {"layer3.0"}),
        (["--only", "layer2"], {"layer2", "layer2.0", "layer2.1"}, {"layer1", "conv1", "layer2.0.conv1"}),
    ],
)
def test_it_opens_as_the_command_says(
    tab: Browser, tmp_path: Path, arguments: list[str], there: set[str], missing: set[str]
) -> None:
    file = tmp_path / "net.html"
    done = CliRunner().invoke(cli, ["draw", "resnet50", "-o", str(file), "--theme", "dark", *arguments])
    assert done.exit_code == 0, done.output
    tab.open(file)
    found = set(shown(tab))
    assert there <= found and not missing & found
    assert tab.run("document.documentElement.classList.contains('dark')") is True
    tab.run("all(true)")
    assert "layer2.0.conv1" in shown(tab)
    assert tab.problems == []


def test_an_unfolded_repeat_keeps_its_number(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["resnet50"])
    tab.run("all(true)")
    title = "[...group('layer3.1').querySelectorAll('text')].map((e) => e.textContent.trim())"
    assert tab.run(title) == ["layer3.1", "×5", "1.12 M params", "218 M MACs each"]
    assert "×3" not in tab.run(title.replace("layer3.1", "layer1"))


def test_search_finds_by_name_and_by_operator(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["resnet50"])
    tab.run("canvas.focus()")
    tab.press("/")
    assert tab.run("document.activeElement.id") == "search"
    tab.type("layer3.0 downsample")
    assert tab.run("found.children.length") == 3
    tab.press("ArrowDown")
    tab.press("Enter")
    assert "layer3.0.downsample.0" in shown(tab)
    assert "layer3.0.downsample.0" in panel(tab) and "524,288" in panel(tab)
    assert tab.run("document.activeElement.dataset.path") == "layer3.0.downsample.0"


@pytest.mark.parametrize("name", ["googlenet", "resnet50"])
def test_small_texts_can_be_read_at_first_unfolded_and_where_something_is_found(
    tab: Browser, pages: dict[str, Path], name: str
) -> None:
    tab.open(pages[name], width=1400, height=900)
    smallest = "8 * viewport.scale"
    assert tab.run(smallest) >= 9
    assert tab.run("camera.getBoundingClientRect().y") == pytest.approx(
        tab.run("canvas.getBoundingClientRect().y"), abs=20
    )
    tab.run("all(true)")
    assert tab.run(smallest) >= 9
    tab.run("fit()")
    assert tab.run(smallest) < 9
    part = "layer4.0.conv2" if name == "resnet50" else "inception5b"
    tab.run(f"reveal('{part}')")
    seen, room = (tab.run(f"{each}.getBoundingClientRect().toJSON()") for each in (f"group('{part}')", "canvas"))
    assert tab.run(smallest) >= 9 or seen["height"] >= room["height"] - 50
    assert room["top"] <= seen["top"] and seen["bottom"] <= room["bottom"]


def test_unfolded_repeats_keep_their_badges(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["resnet50"])
    tab.run("all(true)")
    words = "(path) => [...group(path).querySelectorAll('text')].map((e) => e.textContent)"
    assert [f"×{count}" in tab.run(f"({words})('layer{n}.1')") for n, count in enumerate((2, 3, 5, 2), 1)] == [True] * 4
    assert not any("×" in word for word in tab.run(f"({words})('layer1.0')"))


def test_the_stream_goes_straight_through_what_is_unfolded(tab: Browser, pages: dict[str, Path]) -> None:
    """Each frame is centred on its incoming stream, so that edges between boxes of one column are straight."""
    tab.open(pages["resnet50"])
    tab.run("all(true)")
    bends = tab.run(
        """[...document.querySelectorAll('#canvas .edge.data:not(.skip) path')].map((line) => {
          const points = pairs(line.getAttribute('d'));
          return Math.max(...points.map((p) => p[0])) - Math.min(...points.map((p) => p[0]));
        }).filter((wide) => wide > 2)"""
    )
    assert bends == []


def test_what_leaves_twice_leaves_at_one_place_and_shortcuts_stay_bold(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["unet"])
    lines = "[...document.querySelectorAll('#canvas .edge path')]"
    bold = f"{lines}.filter((e) => Number(e.getAttribute('stroke-width')) > 1.5).length"
    assert tab.run(bold) == 4
    tab.run("all(true)")
    assert tab.run("Object.values(Object.fromEntries(build('inc').ends.out)).every((x, _, all) => x === all[0])")
    assert tab.run(bold) == 8  # Outside of the four frames, and within.


def test_search_shows_what_another_is_drawn_for(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["resnet50"])
    tab.run("reveal('layer3.4.conv2')")
    assert "layer3.1.conv2" in shown(tab)
    assert "layer3.4.conv2" in panel(tab) and "Drawn as layer3.1.conv2, which is equal." in panel(tab)


def test_the_keyboard_alone_reaches_everything(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["resnet50"])
    tab.run("canvas.focus()")
    seen = []
    for _ in range(5):
        tab.press("Tab")
        seen.append(tab.run("document.activeElement.dataset.path"))
    assert seen == ["input-image", "conv1", "maxpool", "layer1", "layer2"]
    assert "layer2" in panel(tab)
    tab.press("Enter")
    assert "layer2.0" in shown(tab)
    assert tab.run("document.activeElement.dataset.path") == "layer2"
    tab.press(" ")
    assert "layer2.0" not in shown(tab)
    scale = tab.run("viewport.scale")
    tab.press("+")
    assert tab.run("viewport.scale") > scale
    x = tab.run("viewport.x")
    tab.press("ArrowLeft")
    assert tab.run("viewport.x") == x + 60
    tab.press("0")
    assert tab.run("viewport.scale") < scale
    assert tab.run("camera.getBoundingClientRect().bottom <= canvas.getBoundingClientRect().bottom")


def test_mouse_and_wheel_move_the_drawing(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["unet"])
    before = tab.run("({...viewport})")
    tab.drag((30, 300), (90, 340))
    after = tab.run("({...viewport})")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((60, 40))
    tab.wheel(200, 300, -200)
    assert tab.run("viewport.scale") > after["scale"]
    assert tab.problems == []


def test_both_themes_have_contrast(tab: Browser, pages: dict[str, Path]) -> None:
    contrast = """(() => {
      const light = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
        .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const back = (e) => {
        for (; e; e = e.parentElement) {
          const colour = getComputedStyle(e).backgroundColor;
          if (!/, 0\\)$/.test(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
      };
      return Math.min(...[...document.querySelectorAll('header *, #details *')].filter((e) => e.textContent.trim())
        .map((e) => [light(getComputedStyle(e).color), light(back(e))].sort((a, b) => b - a))
        .map(([a, b]) => (a + 0.05) / (b + 0.05)));
    })()"""
    for dark in (False, True):
        tab.open(pages["resnet50"], dark=dark)
        assert tab.run("document.documentElement.classList.contains('dark')") is dark
        tab.run("search.value = 'conv'; list()")
        assert tab.run("found.children.length") > 3
        assert tab.run(contrast) >= 4.5
        fill = tab.run("getComputedStyle(group('conv1').querySelector('path')).fill")
        wanted = (DARK if dark else LIGHT).families["convolution"].fill
        assert fill == f"rgb({', '.join(str(int(wanted[at : at + 2], 16)) for at in (1, 3, 5))})"


def test_every_control_has_a_name_and_parts_say_what_they_are(tab: Browser, pages: dict[str, Path]) -> None:
    tab.open(pages["unet"])
    unnamed = tab.run(
        "[...document.querySelectorAll('button, input, [role=button]')].filter((e) => "
        "!(e.getAttribute('aria-label') || e.textContent.trim())).length"
    )
    assert unnamed == 0
    label = tab.run("group('up3').getAttribute('aria-label')")
    assert label == "up3: Up, 128×256×256"
    assert tab.run("new Set([...document.querySelectorAll('[id]')].map((e) => e.id)).size") == tab.run(
        "document.querySelectorAll('[id]').length"
    )
