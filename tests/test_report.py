"""What reports say, held against what PyTorch counts; and the forms in which they say it."""

import csv
import io
import json
import re
import shlex
from contextlib import chdir
from dataclasses import fields
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
import torch
from built import module, net, sample
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary as torchinfo_summary

from archdsl.cli.main import cli
from archdsl.compare.table import COLUMNS
from archdsl.driver import compile_source
from archdsl.gallery.entries import graphs
from archdsl.ir.graph import only_in_training
from archdsl.ops import all_ops
from archdsl.ops.base import Trait
from archdsl.report import formats
from archdsl.report.columns import TEXT, Column
from archdsl.report.rows import Counts, Row, report

COUNTED = [
    "alexnet", "alexnet_2012", "googlenet_2014", "resnet50", "densenet121", "mobilenet_v3_large", "shufflenet",
    "fcn_8s", "convnext_tiny", "vit_b_16", "regnety_400mf", "lenet5_1998", "dcgan_generator", "unet",
]  # fmt: skip


def counts_agree(name: str) -> None:
    """Hold parameters, fixed numbers, operations and results of all steps against the module, without computing."""
    graph = net(name)
    found = report(graph)
    made = module(graph, device="meta").eval()
    assert found.params == sum(weight.numel() for weight in made.parameters())
    kept = dict(made.state_dict())
    assert found.totals.fixed == sum(tensor.numel() for tensor in kept.values()) - found.params
    # PyTorch does not count through a connection table.
    if any("connect" in node.op.values and node.op.values["connect"] for node in graph.nodes):
        return
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        made(*sample(graph, device="meta"))
    assert found.totals.flops == counter.get_total_flops()


@pytest.mark.parametrize("name", COUNTED)
def test_counts_are_those_of_pytorch(name: str) -> None:
    counts_agree(name)


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "mobilenet_v2", "densenet121"])
def test_counts_and_activations_are_those_of_torchinfo(name: str) -> None:
    graph = net(name)
    made = module(graph, device="meta").eval()
    seen_by_it = torchinfo_summary(made, input_data=sample(graph, 2, "meta"), device="meta", verbose=0)
    found = report(graph, batch=2)
    assert found.params == seen_by_it.trainable_params
    # torchinfo takes a bias for a multiplication at each position, and a normalisation for one with each parameter.
    biases = sum(node.shape.volume * 2 for node in graph.nodes if node.macs and node.op.values.get("bias") is True)
    scales = sum(2 * node.params for node in graph.nodes if node.params and not node.macs)
    difference = seen_by_it.total_mult_adds - found.macs
    assert difference == biases + scales > 0
    # It adds up the results of modules with weights only, twice: for the way there and back.
    weighed = sum(2 * node.shape.volume * 4 for node in graph.nodes if node.params)
    assert seen_by_it.total_output_bytes == 2 * weighed


PUBLISHED = [  # thousand millions of multiply-accumulates, as torchvision 0.28 states them for its weights
    ("alexnet", 2, 0.71), ("vgg16", 1, 15.5), ("googlenet_noaux", 1, 1.5), ("resnet50", 1, 4.1), ("resnet152", 1, 11.5),
    ("densenet121", 1, 2.8),
]  # fmt: skip


# Counts of torchvision's modules, by hooks on their layers; activations are the results of convolutions and products.
COSTS = list(csv.DictReader((Path(__file__).parent / "model_costs.csv").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("costs", COSTS, ids=lambda costs: costs["model"])
def test_costs_of_published_nets_come_out_to_the_digit(costs: dict[str, str]) -> None:
    # Without the heads that only training needs, as torchvision counts them.
    name = costs["model"].replace("shufflenet_v2", "shufflenetv2")
    graph = net("googlenet_noaux" if name == "googlenet" else name)
    left_out = only_in_training(graph.graph)
    nodes = [node for node in graph.nodes if node.path not in left_out]
    weighing = [node for node in nodes if node.macs]
    windows = sum(Trait.SLIDES in node.op.traits for node in weighing)
    found = {
        "params": sum(node.params for node in nodes),
        "macs": report(graph).macs,
        "activations": sum(node.shape.volume for node in weighing),
        "convs": windows,
        "linears": len(weighing) - windows,
    }
    assert found == {name: int(costs[name]) for name in found}


@pytest.mark.parametrize(("name", "digits", "macs"), PUBLISHED)
def test_published_operations_come_out(name: str, digits: int, macs: float) -> None:
    assert round(report(net(name)).macs / 1e9, digits) == macs


def test_a_batch_and_a_type_scale_bytes() -> None:
    one, many = report(net("lenet5")), report(net("lenet5"), batch=32, dtype="float16")
    assert many.totals.activations == 16 * one.totals.activations
    assert many.macs == 32 * one.macs
    assert many.memory.weights == one.memory.weights // 2
    assert one.weight_bytes["float64"] == 8 * 61_706


def test_sums_cover_every_count() -> None:
    names = [each.name for each in fields(Counts)]
    one = Counts(**{name: number for number, name in enumerate(names, 1)})
    assert one + one == Counts(**{name: 2 * number for number, name in enumerate(names, 1)})


# Formats


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["summary", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_format_says_the_same() -> None:
    rows = list(csv.DictReader(io.StringIO(run("alexnet_2012", "--format", "csv"))))
    data = json.loads(run("alexnet_2012", "--json"))
    steps = [row for row in rows if row["is_submodule"] == "0"]
    assert [row["path"] for row in steps] == [step["path"] for step in data["steps"]]
    assert sum(int(row["parameters"]) for row in steps) == data["parameters"] == 60_965_224
    assert data["devices"].keys() == {"gpu0", "gpu1"}
    assert sum(device["macs"] for device in data["devices"].values()) == data["macs"] == 724_406_816
    assert sum(stage["kept_bytes"] for stage in data["stages"].values()) == data["kept_bytes"]
    table = run("alexnet_2012", "--format", "markdown")
    assert "| Device | Parameters |" in table
    assert "| 60,965,224 |" not in table and "- Parameters: 60,965,224" in table
    text = run("alexnet_2012", "--format", "latex")
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert r"Conv 11$\times$11" in text


# The tables that are kept, of nets in tests/reports. The first line of a net may hold flags: `# run: --depth 1`.
REPORTS = Path(__file__).parent / "reports"
KEPT = {
    "summary.txt": ("summary", "--format", "text"),
    "summary.md": ("summary", "--format", "markdown"),
    "summary.tex": ("summary", "--format", "latex"),
    "summary.csv": ("summary", "--format", "csv"),
    "summary.json": ("summary", "--format", "json"),
    "compare.txt": ("compare",),
    "compare.md": ("compare", "--markdown"),
    "compare.json": ("compare", "--json"),
}
CASES = sorted(file.parent for file in REPORTS.glob("*/net.arch"))


def written(case: Path, name: str) -> str:
    """Return what a command prints about the net of a case."""
    command, *form = KEPT[name]
    first = (case / "net.arch").read_text(encoding="utf-8").partition("\n")[0]
    flags = shlex.split(first.removeprefix("# run:")) if first.startswith("# run:") and command == "summary" else []
    with chdir(case):
        result = CliRunner().invoke(cli, [command, "net.arch", *form, *flags])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_report_is_the_one_that_is_kept(case: Path, name: str, *, regen: bool) -> None:
    found, kept = written(case, name), case / name
    if regen:
        kept.write_text(found, encoding="utf-8")
    before = kept.read_text(encoding="utf-8") if kept.exists() else ""
    changes = "\n".join(
        unified_diff(before.splitlines(), found.splitlines(), f"{name} (kept)", f"{name} (now)", lineterm="")
    )
    accept = f"to accept this: python -m pytest tests/test_report.py --regen -k '{case.name} and kept'"
    assert before == found, f"{changes}\n\n{accept}"


def test_every_kept_report_belongs_to_a_net() -> None:
    assert len(CASES) >= 5
    files = {path for path in REPORTS.rglob("*") if path.is_file()}
    assert files == {case / name for case in CASES for name in ("net.arch", *KEPT)}


def test_a_changed_report_fails_with_the_command_that_accepts_it(tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text("model A {\n  input x: 4\n  fc: linear(2)\n}\n")
    test_a_report_is_the_one_that_is_kept(tmp_path, "summary.csv", regen=True)
    test_a_report_is_the_one_that_is_kept(tmp_path, "summary.csv", regen=False)
    kept = tmp_path / "summary.csv"
    kept.write_text(kept.read_text().replace(",10,", ",11,"))
    with pytest.raises(AssertionError, match="--regen"):
        test_a_report_is_the_one_that_is_kept(tmp_path, "summary.csv", regen=False)


def cells(line: str, form: str) -> list[str]:
    """Return the cells of a line of a Markdown or LaTeX table."""
    if form == "latex":
        found = line.removesuffix(r" \\").split(" & ")
        return [re.sub(r"\\hspace\*{\d+em}", "", each).replace(r"$\times$", "×").replace("\\_", "_") for each in found]
    return [each.strip().replace("&emsp;", "") for each in line.strip("|").split(" | ")]


def table(net: str, form: str) -> list[dict[str, str]]:
    """Return the rows of the table of steps in Markdown or LaTeX, by their headings."""
    head, *lines = (line for line in run(net, "--format", form).splitlines() if line.startswith("| ") or " & " in line)
    count = len(run(net, "--format", "csv").splitlines()) - 1
    # In Markdown, a line of dashes follows the headings.
    rows = lines[1 : count + 1] if form == "markdown" else lines[:count]
    return [dict(zip(cells(head, form), cells(row, form), strict=True)) for row in rows]


FORMATTED = [str(case / "net.arch") for case in CASES if case.name != "folded"] + ["alexnet_2012", "char_lstm"]


@pytest.mark.parametrize("net", FORMATTED, ids=lambda net: net.removesuffix("/net.arch").rpartition("/")[2])
def test_all_formats_agree_on_every_cell(net: str) -> None:
    lines = list(csv.DictReader(io.StringIO(run(net, "--format", "csv"))))
    data = json.loads(run(net, "--format", "json"))
    records = {record["path"]: record for record in [*data["steps"], *data["submodules"]]}
    texts, latex, plain = table(net, "markdown"), table(net, "latex"), run(net).splitlines()
    assert len(lines) == len(records) == len(texts) == len(latex)
    assert set(lines[0]) - set(data["steps"][0]) == {"is_submodule", "field_stride", "field_centre"}
    for line, text, tex in zip(lines, texts, latex, strict=True):
        record = records[line["path"]]
        assert text == tex
        assert any(printed_in(row, list(text.values())) for row in plain), line["path"]
        for key in ("parameters", "not_trained", "macs", "flops", "activation_bytes", "kept_bytes", "line"):
            assert int(line[key]) == record[key]
        assert (line["operator"], line["device"]) == (record["operator"], record["device"] or "")
        assert line["output"] == "x".join(map(str, record["output"]))
        inputs = record["input"] if isinstance(record["input"][0], list) else [record["input"]]
        assert line["input"] == " + ".join("x".join(map(str, dims)) for dims in inputs)
        is_submodule = line["is_submodule"] == "1"
        assert text["Step"] == line["path"].rpartition(".")[2] and text["Operator"] == line["operator"]
        assert text["Output"] == ("" if is_submodule else line["output"])
        for header, key in (("Parameters", "parameters"), ("MACs", "macs"), ("Line", "line")):
            assert int(text[header].replace(",", "") or 0) == int(line[key])
        assert text.get("Device", "") == line["device"]
        if not is_submodule:
            assert (text["Field"], text["Stride"]) == (line["field"], line["field_stride"])
        field = record["field"]
        if field is None or field["everything"]:
            assert line["field"] == ("all" if field else "")
        else:
            assert line["field"] == "x".join(map(str, field["size"]))
            assert line["field_centre"] == "x".join(map(str, field["centre"]))


def printed_in(line: str, texts: list[str]) -> bool:
    """Return whether a line of a table for the terminal has these cells in their order."""
    place = 0
    for text in filter(None, texts):
        place = line.find(text, place)
        if place < 0:
            return False
        place += len(text)
    return True


def test_a_new_column_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    extra: Column[Row, str] = Column("extra", "Extra column", lambda row: f"<{row.path}>", TEXT)
    latex = run("lenet5", "--format", "latex")
    (alignment,) = re.findall(r"\\begin\{tabular\}\{(\w+)\}", latex)
    monkeypatch.setattr(formats, "STEPS", (*formats.STEPS, extra))
    for form in ("text", "markdown"):
        assert "Extra column" in run("lenet5", "--format", form) and "<c1>" in run("lenet5", "--format", form)
    latex = run("lenet5", "--format", "latex")
    assert "Line & Extra column" in latex and "$<$c1$>$" in latex
    assert rf"\begin{{tabular}}{{{alignment}l}}" in latex
    assert run("lenet5", "--format", "csv").splitlines()[0].endswith(",line,extra")
    assert json.loads(run("lenet5", "--json"))["steps"][0]["extra"] == "<c1>"


def test_a_heading_and_a_key_stand_for_one_column() -> None:
    for columns in (formats.STEPS, formats.COUNTS, COLUMNS):
        headers = [column.header for column in columns if column.header]
        keys = [column.key for column in columns]
        assert len(headers) == len(set(headers)) and len(keys) == len(set(keys))


def test_depth_folds_submodules() -> None:
    found = report(net("resnet18"))
    assert [row.name for row in found.to_depth(1) if row.is_container] == ["layer1", "layer2", "layer3", "layer4"]
    assert len(found.to_depth(1)) < len(found.to_depth(2)) < len(found.to_depth(None))
    assert "512x7x7" in run("resnet18", "--depth", "1")


def test_an_input_of_another_size_is_judged_anew() -> None:
    data = json.loads(run("resnet18", "--input", "3x320x320", "--json"))
    assert data["inputs"][0]["shape"] == [3, 320, 320]
    assert data["parameters"] == 11_689_512
    assert data["steps"][0]["output"] == [64, 160, 160]
    for wrong in ("3x0x3", "3x320", "picture=3x9x9", "x"):
        result = CliRunner().invoke(cli, ["summary", "resnet18", "--input", wrong])
        assert result.exit_code == 2, wrong
        assert "--input" in result.stderr


def test_every_operator_says_what_it_sees_and_keeps() -> None:
    for op in all_ops():
        for example in op.examples:
            made = compile_example(example.call, [example.input, *example.others])
            if made is None:
                continue
            inputs = tuple(shape.plain() for shape in made.inputs)
            sight = made.op.input_dependence(inputs, made.shape)
            assert [len(reading) for reading in sight] == [x.rank for x in made.inputs], op.name
            kept = made.op.saved_for_backward(inputs, made.shape)
            assert kept.values >= 0 and kept.integers >= 0, op.name
            sums = made.op.sums(made.input, made.shape)
            for text, number in ((sums.params, made.params), (sums.macs, made.macs)):
                assert not text or eval(text) == number, (op.name, text)


def compile_example(call: str, inputs: list[Any]) -> Any:
    if len(inputs) > 1:
        return None
    graph = compile_source(
        _source(f"model A {{\n  input x: [{', '.join(map(str, inputs[0].dims))}]\n  a: {call}\n}}\n")
    ).models[-1]
    return graph.nodes[0]


def _source(text: str) -> Any:
    from archdsl.base.source import Source

    return Source("net.arch", text)


def test_totals_are_those_of_the_graph() -> None:
    """And what the graph counts is what PyTorch does, as tests/test_torch.py holds."""
    for graph in (graph for graph in graphs().values() if len(graph.nodes) < 1000):
        found = report(graph)
        assert (found.params, found.totals.flops) == (graph.params, 2 * graph.macs)
