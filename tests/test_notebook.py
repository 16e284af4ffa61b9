"""Nets in notebooks: what Jupyter shows of them, and the cell magic, in a shell of IPython."""

import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

import archdsl
from archdsl.diagram.render.engines import CannotRender

NET = """model Net(classes = 10) {
  input image: 1x12x12
  c1: conv(4, 5) -> relu -> maxpool(2)
  flatten -> out: linear(classes)
}
"""
WRONG = NET.replace("relu", "rellu")


@pytest.fixture(scope="module")
def shell() -> Iterator[Any]:
    made = InteractiveShell.instance()
    with capture_output():
        assert made.run_cell("%load_ext archdsl").success
    yield made
    InteractiveShell.clear_instance()


def run(shell: Any, cell: str) -> tuple[Any, str, str, list[dict[str, Any]]]:
    with capture_output() as captured:
        result = shell.run_cell(cell)
    return result, captured.stdout, captured.stderr, [output.data for output in captured.outputs]


def is_drawing(svg: str | None) -> bool:
    assert svg is not None
    root = ElementTree.fromstring(svg)
    return svg.startswith("<svg") and root.get("role") == "img"


def test_graphs_and_results_show_their_drawing() -> None:
    compiled: Any = archdsl.compile("net", text=NET)
    assert is_drawing(compiled._repr_svg_()) and is_drawing(compiled.models[0]._repr_svg_())
    page = compiled._repr_html_()
    assert "Net: 754 parameters" in page and page.count("<svg") == 1


def test_a_result_with_errors_shows_them_and_no_drawing() -> None:
    wrong: Any = archdsl.compile("<net>", text=WRONG.replace("image", "image_with_a_<b>_"))
    assert wrong._repr_svg_() is None
    page = wrong._repr_html_()
    assert "error[E" in page and "<svg" not in page and "<b>" not in page


def test_what_shows_itself_is_a_checked_graph_like_any_other() -> None:
    compiled = archdsl.compile("lenet5")
    assert compiled.ok and compiled.models[0].params == 61_706
    assert len(compiled.models[0].nodes) == 12


def test_where_nothing_draws_the_text_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise CannotRender("no Graphviz", "install one")

    monkeypatch.setattr("archdsl.python.display.draw", none)
    compiled: Any = archdsl.compile("net", text=NET)
    assert compiled.models[0]._repr_svg_() is None
    assert "parameters" in compiled._repr_html_()


def test_a_loaded_model_shows_its_drawing_and_can_be_pickled() -> None:
    net: Any = archdsl.load("lenet5")
    assert is_drawing(net._repr_svg_())
    assert "LeNet5(" in repr(pickle.loads(pickle.dumps(net)))


def test_a_cell_is_checked_drawn_and_defined(shell: Any) -> None:
    result, _, stderr, shown = run(shell, f"%%arch\n{NET}")
    assert result.success and not stderr
    (data,) = shown
    assert is_drawing(data["image/svg+xml"])
    result, _, _, _ = run(shell, "y = Net(classes=3)(torch.zeros(2, 1, 12, 12))")
    assert not result.success  # torch is not imported there
    run(shell, "import torch\ny = Net(classes=3)(torch.zeros(2, 1, 12, 12))")
    assert tuple(shell.user_ns["y"].shape) == (2, 3)
    assert isinstance(shell.user_ns["Net"](), torch.nn.Module)


def test_a_cell_with_errors_shows_them_and_defines_nothing(shell: Any) -> None:
    result, stdout, stderr, shown = run(shell, f"%%arch\n{WRONG.replace('Net', 'Other')}")
    assert result.success and not shown
    assert "error[E0101]" in stderr and "did you mean `relu`?" in stderr
    assert re.search(r"--> <cell \d+>:3:", stderr)
    assert "Traceback" not in stdout + stderr
    assert "Other" not in shell.user_ns


def test_a_cell_takes_a_model_and_settings(shell: Any) -> None:
    two = NET + NET.replace("Net", "Second")
    _, _, _, shown = run(shell, f"%%arch --model Net --set classes=7 --no-draw\n{two}")
    assert not shown
    assert shell.user_ns["Net"]().out.out_features == 7
    assert "Second" not in shell.user_ns
    run(shell, f"%%arch --no-draw\n{two}")
    assert "Second" in shell.user_ns


@pytest.mark.parametrize(("options", "words"), [("--set colour=3", "colour"), ("--st", "--st"), ("--set x", "x")])
def test_wrong_options_are_one_sentence(shell: Any, options: str, words: str) -> None:
    _, stdout, stderr, _ = run(shell, f"%%arch {options}\n{NET}")
    assert words in stdout + stderr
    assert "Traceback" not in stdout + stderr


def test_a_cell_may_import_a_file(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.arch").write_text("block Part(n) = c: conv(n, 3) -> relu\n")
    cell = 'from "parts.arch" import Part\nmodel Imported { input x: 1x8x8\n p: Part(2)\n}\n'
    result, _, stderr, shown = run(shell, f"%%arch\n{cell}")
    assert result.success and not stderr and len(shown) == 1
    assert "Imported" in shell.user_ns
