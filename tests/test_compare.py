"""Nets beside each other: depth, accuracies that are not mixed, charts that are the same each time."""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from archdsl.cli.main import cli
from archdsl.compare import accuracies, compared, winners
from archdsl.compare.page import page
from archdsl.compare.plots import FILES, words
from archdsl.compare.table import depth
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph
from archdsl.syntax.loader import gallery, gallery_models, locate


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["compare", *arguments])


def net(name: str) -> CheckedGraph:
    found = locate(name)
    return compile_source(found.source, model=found.model).models[-1]


@pytest.mark.parametrize(
    ("name", "layers"), [("lenet5", 5), ("alexnet", 8), ("vgg16", 16), ("googlenet_2014", 22), ("resnet18", 18)]
)
def test_depth_is_that_in_the_names_of_nets(name: str, layers: int) -> None:
    assert depth(net(name)) == layers


def test_accuracies_speak_of_nets_that_exist_and_name_their_source() -> None:
    known = {*gallery_models(), *gallery()}
    for each in accuracies():
        assert each.model in known
        assert each.source and each.dataset and each.group
        assert all(share is None or 50 < share < 100 for share in (each.top1, each.top5))
    pairs = [(each.model, each.group) for each in accuracies() if each.group != "other"]
    assert len(pairs) == len(set(pairs))


def test_accuracies_of_different_protocols_are_not_mixed() -> None:
    data = json.loads(run("resnet50", "vgg16", "--json").stdout)
    assert {each["group"] for each in data["nets"][0]["published"]} >= {"torchvision V1", "torchvision V2", "keras"}
    text = run("resnet50", "vgg16", "--accuracies", "torchvision V2").stdout
    assert "80.9" in text and "71.6" not in text
    assert text.count("Accuracies: ") == 1 and "IMAGENET1K_V2" in text


def test_families_and_files_are_compared(tmp_path: Path) -> None:
    file = tmp_path / "two.arch"
    file.write_text("model VGG16 {\n  input x: 4\n  fc: linear(2)\n}\nmodel B {\n  input x: 4\n  fc: linear(3)\n}\n")
    data = json.loads(run("squeezenet", str(file), "alexnet", "--sort", "parameters", "--json").stdout)
    names = [each["name"] for each in data["nets"]]
    assert names == ["VGG16", "B", "squeezenet1_1", "squeezenet1_0", "alexnet"]
    # A net of one's own has no published accuracy, whatever its name is.
    assert data["nets"][0]["published"] == []
    assert "| squeezenet1_1 | 3x224x224 | 1,235,496 |" in run("squeezenet", "--markdown").stdout
    assert run("nonsense").exit_code == 3
    assert run().exit_code == 2


def test_winners_are_in_the_order_of_years() -> None:
    years = [each.year for each in winners() if each.year is not None]
    assert years == sorted(years)
    assert {each.entry: each.top5_error for each in winners()}["ResNet (MSRA)"] == 3.57


def test_charts_are_written_and_the_same_twice(tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run("lenet5", "squeezenet", "alexnet", "--plots", str(tmp_path / name)).exit_code == 0
    files = sorted(file.name for file in (tmp_path / "a").iterdir())
    assert files == sorted(FILES)
    for name in files:
        text = (tmp_path / "a" / name).read_bytes()
        assert text == (tmp_path / "b" / name).read_bytes()
        parts = ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")
        found = ["".join("".join(part.itertext()).split()) for part in parts]
        assert words(text.decode()) == found
        assert name.startswith("winners") or found.count("squeezenet1_1") == 1


def test_the_page_shows_every_chart_and_source() -> None:
    text = page(compared([("alexnet", net("alexnet"))], "torchvision V1"), "comparison")
    assert text.count("<picture>") == 6
    assert "IMAGENET1K_V1" in text and "| 2012 | SuperVision (AlexNet) | 16.4 | winner |" in text


def test_a_comparison_imports_no_torch() -> None:
    code = (
        "import sys\nfrom archdsl.cli.main import cli\ntry: cli(['compare', 'lenet5', 'alexnet'])\n"
        "except SystemExit as end: assert not end.code\nassert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
