"""The numbers of docs/lecture.md, held against PyTorch."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from archdsl.compare.page import GROUP
from archdsl.compare.table import compared
from archdsl.dev.lecture import PICTURE, WINDOW, page
from archdsl.dev.lecture_facts import (
    always_needed,
    claims,
    convolution,
    cross_correlation,
    field_sides,
    layers,
    net,
    node,
    small,
    trainable,
    volume,
    weights,
    with_inputs,
)
from archdsl.ir.graph import CheckedGraph
from archdsl.python.api import module_class


def module(graph: CheckedGraph, device: str = "meta") -> nn.Module:
    made: nn.Module = module_class(graph)(**{graph.device_argument: device}).eval()
    return made


def images(graph: CheckedGraph) -> Tensor:
    return torch.empty(1, *map(int, graph.inputs[0].shape.dims), device="meta")


def trained(made: nn.Module) -> int:
    return sum(weight.numel() for weight in made.parameters() if weight.requires_grad)


def test_conv_computes_a_cross_correlation() -> None:
    picture, window = (torch.tensor(each, dtype=torch.float32)[None, None] for each in (PICTURE, WINDOW))
    made = module(small("Window"), "cpu")
    with torch.no_grad():
        next(made.parameters()).copy_(window)
        found = made(picture)
    assert found.squeeze().tolist() == [list(row) for row in cross_correlation(PICTURE, WINDOW)]
    assert torch.equal(found, functional.conv2d(picture, window))
    flipped = functional.conv2d(picture, window.flip(2, 3))
    assert flipped.squeeze().tolist() == [list(row) for row in convolution(PICTURE, WINDOW)]


def test_the_claims_that_differ_are_these() -> None:
    found = {each.what for each in claims() if not each.agrees}
    assert found == {
        "VGG-16: values in memory for one image",
        "module with bottlenecks: operations",
        "GoogLeNet: parameters, without auxiliary heads",
        "parameters of AlexNet, divided by those of GoogLeNet",
    }


@pytest.mark.parametrize(
    ("name", "params"),
    [("lenet5_1998", 60_000), ("lenet5", 61_706), ("alexnet_2012", 60_965_224), ("vgg16", 138_357_544)],
)
def test_parameters_are_those_of_the_module(name: str, params: int) -> None:
    assert trained(module(net(name))) == net(name).params == params


def test_googlenet_has_these_parameters_without_its_heads() -> None:
    graph, made = net("googlenet_2014"), module(net("googlenet_2014"))
    heads = sum(trained(child) for name, child in made.named_children() if name.startswith("aux"))
    assert heads == graph.params - trainable(always_needed(graph)) == 6_379_728
    assert trained(made) - heads == 6_998_552


def test_the_first_layer_of_alexnet_is_halved_on_two_gpus() -> None:
    first = module(net("alexnet_grouped")).get_parameter("conv1.weight")
    assert first.numel() == weights([node(net("alexnet_grouped"), "conv1")]) == 34_848
    assert module(net("alexnet_2012")).get_parameter("tower0.conv1.weight").numel() == 34_848 // 2
    for name, side in (("alexnet_grouped", 55), ("alexnet_onnx", 54)):
        graph = net(name)
        made = module(graph).get_submodule("conv1")(images(graph))
        assert made.shape[1:] == tuple(node(graph, "conv1").shape.plain().dims) == (96, side, side)


@pytest.mark.parametrize("name", ["NaiveInception", "BottleneckInception", "Two3x3", "Bottleneck"])
def test_operations_are_those_that_pytorch_counts(name: str) -> None:
    graph = small(name)
    with FlopCounterMode(display=False) as counter:
        made = module(graph)(images(graph))
    assert counter.get_total_flops() == 2 * graph.macs
    assert made.shape[1:] == tuple(graph.output.shape.plain().dims)


@pytest.mark.parametrize("name", ["Three3x3", "One7x7"])
def test_a_gradient_reaches_the_receptive_field(name: str) -> None:
    graph = small(name)
    made = module(graph, "cpu")
    x = torch.zeros(1, *map(int, graph.inputs[0].shape.dims), requires_grad=True)
    with torch.no_grad():
        for weight in made.parameters():
            weight.fill_(1.0)
    made(x)[0, 0, 16, 16].backward()
    assert x.grad is not None
    rows, columns = (x.grad[0, 0].amax(axis).nonzero().squeeze() for axis in (1, 0))
    expected = list(range(16 - 3, 16 + 4))
    assert rows.tolist() == columns.tolist() == expected
    assert field_sides(graph)[-1] == len(expected)


def results(made: nn.Module, given: Tensor) -> Iterator[tuple[nn.Module, int]]:
    """Yield each layer of a module and the number of values in its result."""
    found: list[tuple[nn.Module, int]] = []
    hooks = [
        layer.register_forward_hook(lambda layer, _, result: found.append((layer, result.numel())))
        for layer in made.modules()
        if not list(layer.children())
    ]
    made(given)
    for hook in hooks:
        hook.remove()
    yield from found


def test_the_values_of_vgg_sum_to_15_million() -> None:
    graph = net("vgg16")
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.Linear)
    seen = list(results(module(graph), images(graph)))
    counted = sum(size for layer, size in seen if isinstance(layer, kinds))
    assert counted == volume(layers(graph))
    assert counted + 3 * 224 * 224 == with_inputs(graph, layers(graph)) == 15_237_608
    assert volume([each for each in graph.nodes if each.op.family == "activation"]) == sum(
        size for layer, size in seen if isinstance(layer, nn.ReLU)
    )


def test_what_the_page_says_of_accuracies_holds() -> None:
    names = ("vgg16", "vgg19", "resnet50", "resnet101", "resnet152", "alexnet", "googlenet", "resnet18", "resnet34")
    found = {each.name: each for each in compared([(name, net(name)) for name in names], GROUP)}
    top = {name: each.accuracy.top1 or 0 for name, each in found.items() if each.accuracy}
    assert max(found.values(), key=lambda each: each.macs).name == "vgg19"
    for name in ("resnet50", "resnet101", "resnet152"):
        assert top[name] > max(top["vgg16"], top["vgg19"])
        assert found[name].macs < found["vgg16"].macs


def test_the_page_names_each_difference() -> None:
    text = page("")
    assert text.count("**differs**") == sum(not each.agrees for each in claims())
    for words in ("15,237,608", "358,055,936", "6,998,552", "`[[37, 47], [67, 77]]`", "54.25"):
        assert words in text
