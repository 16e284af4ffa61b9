"""What reports say, held against what PyTorch does: counts, memory, and which part of an input a unit sees."""

import csv
import io
import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from nets import NETS, graph_of
from torch import Tensor, nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary as torchinfo_summary

from archdsl.cli import cli
from archdsl.driver import compile_source
from archdsl.emit.torch import generate
from archdsl.ir import CheckedGraph, dotted
from archdsl.loader import gallery_models, locate
from archdsl.ops import all_ops
from archdsl.passes.tree import with_nodes
from archdsl.report.fields import Sights, fields
from archdsl.report.memory import memory
from archdsl.report.rows import report


@cache
def net(name: str) -> CheckedGraph:
    found = locate(name)
    return compile_source(found.source, model=found.model).models[-1]


def module(graph: CheckedGraph, device: str = "cpu") -> nn.Module:
    """Return the generated module, all of it on one device."""
    root = with_nodes(graph.graph.root, lambda node: replace(node, device=None))
    alone = replace(graph, graph=replace(graph.graph, devices=(), root=root))
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(generate(alone), scope)
    made: nn.Module = scope[graph.name](device=device)
    return made


def sample(graph: CheckedGraph, batch: int = 1, device: str = "cpu") -> list[Tensor]:
    found = []
    for given in graph.inputs:
        sizes = (batch, *map(int, given.shape.dims))
        count = graph.indices(given)
        found.append(torch.rand(sizes, device=device) if count is None else torch.zeros(sizes, device=device).long())
    return found


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


@pytest.mark.parametrize(("name", "digits", "macs"), PUBLISHED)
def test_published_operations_come_out(name: str, digits: int, macs: float) -> None:
    assert round(report(net(name)).macs / 1e9, digits) == macs


def allocated(made: nn.Module, inputs: list[Tensor]) -> int:
    """Return the most bytes that a step of training has allocated at a time."""
    made.train()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        given = made(*inputs)
        sum(value.sum() for value in (given if isinstance(given, tuple) else (given,))).backward()
    alive = most = 0
    for event in recorded.profiler.kineto_results.events():
        if event.name() == "[memory]":
            alive += event.nbytes()
            most = max(most, alive)
    return most


@pytest.mark.parametrize(
    ("name", "batch"),
    [("alexnet", 4), ("resnet18", 2), ("squeezenet1_1", 4), ("mobilenet_v3_small", 4), ("nin", 8), ("googlenet", 2)],
)
def test_training_needs_the_memory_that_it_allocates(name: str, batch: int) -> None:
    graph = net(name)
    weights = graph.params * 4
    most = allocated(module(graph), sample(graph, batch))
    used = memory(graph, batch=batch)
    assert used.training == pytest.approx(most + weights, rel=0.05)
    # Without the weights, which are known exactly, the rest alone agrees as well.
    assert used.training - weights == pytest.approx(most, rel=0.06)


def test_an_evaluation_reuses_its_buffers() -> None:
    text = "model A {\n  input x: 2x8x8\n  a: conv(4, 1) -> relu -> b: conv(1, 1) -> flatten\n}\n"
    # 128 numbers come in, 256 come out of `a` and are rectified in place, 64 come out of `b` and are only viewed.
    assert memory(graph_of(text)).evaluation == 4 * (128 + 256)
    assert memory(graph_of(text), batch=3, width=2).evaluation == 3 * 2 * (128 + 256)


def test_a_batch_and_a_type_scale_bytes() -> None:
    one, many = report(net("lenet5")), report(net("lenet5"), batch=32, dtype="float16")
    assert many.totals.activations == 16 * one.totals.activations
    assert many.macs == 32 * one.macs
    assert many.memory.weights == one.memory.weights // 2
    assert one.weight_bytes["float64"] == 8 * 61_706


# Receptive fields


@pytest.fixture
def averaging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let maxima be means, so that a gradient reaches all that a window sees."""
    for axes in (1, 2, 3):
        monkeypatch.setattr(functional, f"max_pool{axes}d", _meaning(getattr(functional, f"avg_pool{axes}d")))
        adaptive = _meaning(getattr(functional, f"adaptive_avg_pool{axes}d"), 1)
        monkeypatch.setattr(functional, f"adaptive_max_pool{axes}d", adaptive)


def _meaning(mean: Any, count: int = 3) -> Any:
    def pool(x: Tensor, *sizes: Any, **more: Any) -> Tensor:
        known = {name: value for name, value in more.items() if name in ("stride", "padding", "ceil_mode")}
        result: Tensor = mean(x, *sizes[:count], **known)
        return result

    return pool


def smooth(made: nn.Module) -> nn.Module:
    """Let every layer take means, so that all numbers stay near 1 and no gradient vanishes by chance."""
    made.double().eval()
    with torch.no_grad():
        for name, weight in made.named_parameters():
            fan = weight[0].numel() if weight.dim() > 1 else 1
            weight.fill_(1 / fan if name.endswith("weight") else 0)
    return made


def supports(graph: CheckedGraph, made: nn.Module, wanted: set[str]) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return, for modules by name, what the unit in the middle of their result depends on along each axis."""
    inputs = [tensor.double().fill_(1).requires_grad_() for tensor in sample(graph)]
    results: dict[str, Tensor] = {}
    for name, child in made.named_modules():
        if name in wanted:
            child.register_forward_hook(lambda _m, _i, out, name=name: results.setdefault(name, out))
    made(*inputs)
    found = {}
    for name, result in results.items():
        middle = tuple(size // 2 for size in result.shape[2:])
        (gradient,) = torch.autograd.grad(result[(0, slice(None), *middle)].sum(), inputs[:1], retain_graph=True)
        places = gradient[0].abs().sum(0).nonzero()
        found[name] = tuple((int(axis.min()), int(axis.max())) for axis in places.T)
    return found


def sights_agree(graph: CheckedGraph, every: int = 1) -> int:
    """Hold what steps see against gradients; return how many steps were compared."""
    made = smooth(module(graph))
    paths = {dotted(node.path): node for node in graph.nodes if node.shape.rank == graph.inputs[0].shape.rank}
    names = [name for name, _ in made.named_modules() if name in paths]
    measured = supports(graph, made, set(names[::every]) | set(names[-1:]))
    forward = fields(graph)
    for name, support in measured.items():
        node = paths[name]
        assert Sights(graph).seen(node.path)[graph.inputs[0].name] == support, name
        field, sizes = forward[node.path], graph.inputs[0].shape.map
        for number, (axis, (first, last)) in enumerate(zip(field.axes, support, strict=True)):
            if not field.everything and axis.step.denominator == 1 and first > 0 and last < sizes[number] - 1:
                middle = node.shape.map[number] // 2
                assert (first, last) == (axis.step * middle + axis.first, axis.step * middle + axis.last), name
    return len(measured)


SEEN = ["lenet5", "alexnet", "nin", "googlenet_2014", "resnet18", "squeezenet1_1"]


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize("name", SEEN)
def test_a_receptive_field_is_the_support_of_the_gradient(name: str) -> None:
    assert sights_agree(net(name), every=9) >= 2


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize("name", ["padded", "decoder", "volume", "residuals", "pools", "shared"])
def test_operators_see_what_gradients_say(name: str) -> None:
    assert sights_agree(graph_of(NETS[name])) >= 1


def test_fields_of_published_nets_are_those_of_the_literature() -> None:
    # Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, 2019, table 1.
    for name, size in (("alexnet", 195), ("vgg16", 212), ("mobilenet_v1", 315)):
        last = [field for field in fields(net(name)).values() if not field.everything][-1]
        assert set(last.size) == {size}, name
        assert set(last.stride) == {32}, name


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
            sight = made.op.sight(inputs, made.shape)
            assert len(sight.axes) in (0, len(made.input.map)), op.name
            kept = made.op.kept(inputs, made.shape)
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
    from archdsl.source import Source

    return Source("net.arch", text)


@pytest.mark.slow
def test_all_of_the_gallery_counts_as_pytorch_does() -> None:
    names = [name for name in gallery_models() if not any(skipped in name for skipped in ("lstm", "gpt"))]
    for name in names:
        counts_agree(name)
