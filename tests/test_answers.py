"""What `explain`, `diff` and `sizes` answer."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from nets import NETS, graph_of

from archdsl.cli.main import cli
from archdsl.driver import compile_source
from archdsl.emit.generate import generate
from archdsl.ir.graph import CheckedGraph
from archdsl.report.difference import difference, entries
from archdsl.report.explanation import explanation, explanations
from archdsl.syntax.loader import locate


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def net(name: str) -> CheckedGraph:
    found = locate(name)
    return compile_source(found.source, model=found.model).models[-1]


def test_a_step_is_explained_with_its_sums() -> None:
    text = run("explain", "alexnet_2012", "tower0.conv1").stdout
    for words in (
        "(227 + 2*0 - 11)/4 + 1 = 55",
        "11*11*3*48 + 48 = 17,472",
        "55*55 * 11*11*3*48 = 52,707,600",
        "11x11 pixels, 4x4 between neighbours, the first one centred at 5x5",
        "the unit at 27, 27 sees rows 108 to 118 of 227, columns 108 to 118 of 227 of image",
        "567.2 KiB for one sample: 48x55x55",
        "on gpu0",
    ):
        assert words in text


def test_a_step_of_another_input_and_batch_is_explained() -> None:
    data = json.loads(run("explain", "resnet18", "layer1", "--input", "3x64x64", "--batch", "4", "--json").stdout)
    sections = {section["title"]: section["lines"] for section in data["sections"]}
    assert sections["Shape"][0] == "64x16x16 -> 64x16x16"
    assert "for a batch of 4" in sections["Memory"][0]
    assert sections["Parameters"][0].startswith("147,968")


def test_every_part_of_a_net_is_explained() -> None:
    for text in NETS.values():
        for found in explanations(graph_of(text)):
            assert {"Shape", "Parameters", "Memory"} <= {title for title, _ in found.sections}
            assert found.as_text().startswith(f"{found.path}: {found.title}\n")


def test_what_is_not_there_is_said_with_what_is_near() -> None:
    result = run("explain", "resnet18", "layer1.0.conv3")
    assert result.exit_code == 2
    assert "layer1.0.conv2" in result.stderr or "layer1.0.conv1" in result.stderr
    assert "similar operators are conv" in run("explain", "convv").stderr
    assert "neither a code nor an operator" in run("explain", "zzz").stderr
    assert "scaled" in run("explain", "scaled_tanh").stdout
    assert json.loads(run("explain", "W0103", "--json").stdout)["code"] == "W0103"


def test_views_and_shared_weights_are_explained() -> None:
    assert "none of its own: the result is a view of the input" in explanation(net("lenet5"), "flatten").as_text()
    shared = graph_of(NETS["shared"])
    again = next(node for node in shared.nodes if node.weights)
    assert "shares those of" in explanation(shared, ".".join(again.path)).as_text()


@pytest.mark.parametrize("name", [*NETS, "alexnet_2012", "densenet121", "vit_b_16", "lenet5_1998", "char_lstm"])
def test_entries_are_those_of_the_state_dict(name: str) -> None:
    graph = graph_of(NETS[name]) if name in NETS else net(name)
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(generate(graph), scope)
    with torch.device("meta"):
        state = scope[graph.name]().state_dict()
    assert {key: tuple(tensor.shape) for key, tensor in state.items()} == {
        key: shape.dims for key, shape in entries(graph).items()
    }


OLD = """model Net(classes = 10) {
  input image: 3x32x32
  c1: conv(8, 3) -> bn1: batchnorm -> relu
  c2: conv(16, 3, padding = 1) -> relu -> global_avgpool -> flatten
  fc: linear(classes)
}
"""


def test_a_difference_says_what_changed_and_what_loads(tmp_path: Path) -> None:
    old, new = tmp_path / "old.arch", tmp_path / "new.arch"
    old.write_text(OLD)
    new.write_text(
        OLD.replace("conv(16, 3, padding = 1)", "conv(24, 3, padding = 1)").replace(
            "relu -> global", "d: dropout -> global"
        )
    )
    data = json.loads(run("diff", str(old), str(new), "--json").stdout)
    signs = {step["path"]: step["sign"] for step in data["steps"]}
    assert signs["c2"] == "~" and signs["d"] == "+" and signs["relu_1"] == "-"
    assert set(data["weights"]["load"]) == {
        "c1.weight", "c1.bias", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
        "bn1.num_batches_tracked", "fc.bias",
    }  # fmt: skip
    assert data["weights"]["misfit"]["fc.weight"] == {"old": "10x16", "new": "10x24"}
    text = run("diff", str(old), str(new)).stdout
    assert "~ c2: Conv 3×3, 16 became Conv 3×3, 24; 8x30x30 -> 16x30x30 became 8x30x30 -> 24x30x30" in text
    assert "8 of 11 entries" in text
    assert "nothing changed" in run("diff", str(old), str(old)).stdout


def test_weights_that_a_difference_lets_load_do_load() -> None:
    old, new = net("resnet18"), net("resnet34")
    found = difference(old, new)
    assert found.loads and found.missing and not found.unexpected and not found.misfits
    assert set(found.loads) == set(entries(old))
    assert not difference(old, old).changes


def test_sizes_find_the_one_that_fits() -> None:
    result = run("sizes", "alexnet_2012", "--input", "3x224x224", "--around", "8")
    assert "The nearest one is 3x227x227." in result.stdout
    assert "tower0.conv1 leaves 1" in result.stdout
    data = json.loads(run("sizes", "lenet5", "--around", "12", "--json").stdout)
    valid = {size["input"][1]: size["valid"] for size in data["sizes"]}
    assert valid[32] and valid[44]
    # The last window of 5 needs 5 pixels behind two pools: 4 * 5 + 12 = 32.
    assert not any(valid[side] for side in range(20, 32))
    printed = run("sizes", "lenet5", "--around", "12").stdout
    assert "Sides 28 to 31 are not valid: line 6: kernel 5x5 on a 4x4 map" in printed
    assert run("sizes", "gpt2").exit_code == 1


@pytest.mark.parametrize(
    ("steps", "small", "large"),
    [
        ("conv(8, 5)", [8, 1, 1], [8, 2, 2]),
        ("conv(8, 5) -> conv(9, 1)", [9, 1, 1], [9, 2, 2]),
        ("conv(8, 4) -> global_avgpool -> conv(9, 1) -> flatten", [8, 2, 2], [8, 3, 3]),
        ("conv(8, 5) -> mean(1x2, keepdim = true)", [8, 1, 1], [8, 2, 2]),
        ("conv(8, 5) -> mul { identity; global_avgpool -> sigmoid }", [8, 1, 1], [8, 2, 2]),
        ("global_avgpool -> flatten -> linear(4) -> reshape(4x1x1)", None, None),
        ("conv(8, 5, padding = 2) -> adaptive_avgpool(3)", [8, 3, 3], [8, 3, 3]),
    ],
)
def test_the_last_map_may_have_one_pixel(
    steps: str, small: list[int] | None, large: list[int] | None, tmp_path: Path
) -> None:
    file = tmp_path / "net.arch"
    file.write_text(f"model M {{\n  input image: 3x5x5\n  {steps}\n}}\n")
    data = json.loads(run("sizes", str(file), "--around", "1", "--json").stdout)
    found = {size["input"][1]: size["last_map"] for size in data["sizes"]}
    assert (found[5], found[6]) == (small, large)


ODD = """
model Odd {
  input image: 3x30x30
  d: conv(4, 3, 2, padding = 1) -> conv(8, 3, 2, padding = 1) -> upsample(2) -> concat { @d; identity } -> e: conv(2, 1)
}
"""
# Dai et al. 2017, table 1: M5.
AUDIO = """
model M5(stride = 16, width = 32) {
  input wave: 1x8000
  conv1: conv(width, 80, stride) -> relu -> maxpool(4)
  conv2: conv(width, 3) -> relu -> maxpool(4)
  conv3: conv(2 * width, 3) -> relu -> maxpool(4)
  conv4: conv(2 * width, 3) -> relu -> maxpool(4) -> mean -> fc1: linear(35)
}
"""


def test_sizes_are_found_although_the_current_one_is_not_valid(tmp_path: Path) -> None:
    file = tmp_path / "odd.arch"
    file.write_text(ODD.replace("d: conv", "conv").replace("-> conv(8", "-> d: relu -> conv(8"))
    result = run("sizes", str(file), "--around", "5")
    assert result.exit_code == 0, result.output
    assert "Odd has an input of 3x30x30, which is not valid: line 4: " in result.stdout
    data = json.loads(run("sizes", str(file), "--around", "5", "--json").stdout)
    assert [size["input"][1] for size in data["sizes"] if size["valid"]] == [27, 28, 31, 32, 35]
    file.write_text("model M {\n  input x: 3x30x30\n  conv(4, 3, foo = 2)\n}\n")
    result = run("sizes", str(file), "--around", "2")
    assert result.exit_code == 1 and "no such argument" in result.stderr
    assert "M is not valid for any size from 3x28x28 to 3x32x32" in result.stderr


def test_whole_sizes_are_found_outside_of_the_range(tmp_path: Path) -> None:
    file = tmp_path / "audio.arch"
    file.write_text(AUDIO)
    data = json.loads(run("sizes", str(file), "--around", "4", "--json").stdout)
    assert [size["input"] for size in data["beyond"]] == [[1, 6848], [1, 10944]]
    assert "The nearest one is 1x6848." in run("sizes", str(file), "--around", "4").stdout
    # 80 + 16 (n - 1) samples for n windows, and back through three convolutions and four pools: 4096 k + 2752.
    assert all((side - 2752) % 4096 == 0 for side in (6848, 10944))


def test_recurrent_layers_are_explained_with_their_sums(tmp_path: Path) -> None:
    file = tmp_path / "gru.arch"
    file.write_text("model G {\n  input x: 10x4\n  gru: gru(5, last = true)\n}\n")
    text = run("explain", str(file), "gru").stdout
    assert "3*(5*4 + 5*5 + 2*5) = 165" in text
    assert "10*3*(5*4 + 5*5) = 1,350 multiply-accumulates" in text
    assert "each of 3 gates has a matrix for the input, one for the hidden state and two biases" in text


@pytest.mark.parametrize(
    "arguments", [["explain", "lenet5", "c1"], ["diff", "lenet5", "lenet5_1998"], ["sizes", "lenet5", "--around", "2"]]
)
def test_answers_do_not_import_torch(arguments: list[str]) -> None:
    import subprocess
    import sys

    code = (
        f"import sys\nfrom archdsl.cli.main import cli\ntry: cli({arguments!r})\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
