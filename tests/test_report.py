"""What reports say, held against what PyTorch counts; and the forms in which they say it."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from built import module, net, sample
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary as torchinfo_summary

from archdsl.cli.main import cli
from archdsl.driver import compile_source
from archdsl.gallery.entries import graphs
from archdsl.ir.graph import only_in_training
from archdsl.ops import all_ops
from archdsl.ops.base import Trait
from archdsl.report.rows import report

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
            assert len(sight.axes) in (0, len(made.input.map)), op.name
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
