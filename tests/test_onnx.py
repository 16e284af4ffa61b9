"""The gallery against the classic nets of the `onnx` package: weights, multiply-accumulates and results."""

import math
import os
from pathlib import Path

import pytest
import torch
from test_torch import net_of
from torch import Tensor, nn

from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph
from archdsl.syntax.loader import locate

if "CI" not in os.environ:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
from classics import Classic, Layer

KINDS = {"Conv": (nn.Conv2d, nn.Linear), "Gemm": nn.Linear, "BatchNormalization": nn.BatchNorm2d}
PAIRS = [
    ("bvlc_alexnet", "alexnet_onnx"),
    ("densenet121", "densenet121"),
    ("inception_v1", "googlenet_onnx"),
    ("inception_v2", "inception_v2"),
    ("resnet50", "resnet50"),
    ("shufflenet", "shufflenet_v1"),
    ("squeezenet", "squeezenet1_1"),
    ("vgg19", "vgg19"),
    ("zfnet512", "zfnet_onnx"),
]


def ours(name: str) -> CheckedGraph:
    found = locate(name)
    compiled = compile_source(found.source, model=found.model)
    assert compiled.ok, compiled.diagnostics
    return compiled.models[0]


def drawn(classic: Classic) -> dict[str, Tensor]:
    """Return random weights under which numbers keep their size from layer to layer."""
    found = {}
    for layer in classic.layers:
        sizes = classic.weights[layer.weight]
        if layer.mean:
            found[layer.weight] = 0.5 + torch.rand(layer.out)
            found[layer.mean] = 0.1 * torch.randn(layer.out)
            found[layer.variance] = 0.5 + torch.rand(layer.out)
        else:
            found[layer.weight] = torch.randn(sizes) * math.sqrt(2 * layer.out / math.prod(sizes))
        if layer.bias:
            found[layer.bias] = 0.1 * torch.randn(layer.out)
        for name, value in zip(layer.fixed, (1.0, 0.0), strict=False):
            found[name] = torch.full((layer.out,), value)
    return found


def state_of(net: nn.Module, layers: tuple[Layer, ...], weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the classic by the names that they have in our net, whose layers come in the same order."""
    found = {}
    ours = [(path, module) for path, module in net.named_modules() if hasattr(module, "weight")]
    for (path, module), layer in zip(ours, layers, strict=True):
        assert isinstance(module, KINDS[layer.kind])
        found[f"{path}.weight"] = weights[layer.weight].reshape(module.weight.shape)
        if layer.bias:
            found[f"{path}.bias"] = weights[layer.bias]
        if layer.mean:
            found[f"{path}.running_mean"] = weights[layer.mean]
            found[f"{path}.running_var"] = weights[layer.variance]
            found[f"{path}.num_batches_tracked"] = torch.tensor(0)
    return found


@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_ours_counts_as_the_classic(name: str, model: str) -> None:
    classic, graph = Classic(name), ours(model)
    assert graph.params == classic.params
    assert graph.macs == classic.macs


@pytest.mark.slow
@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_ours_computes_what_the_classic_does(name: str, model: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    classic = Classic(name)
    weights = drawn(classic)
    net = net_of(ours(model), tmp_path, device="meta").eval()
    net.load_state_dict(state_of(net, classic.layers, weights), assign=True)
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        found = net(images)
    expected = torch.from_numpy(classic.results({name: each.numpy() for name, each in weights.items()}, images.numpy()))
    size = expected.std()
    assert (found - expected).abs().max() < 1e-4 * size
    assert (expected[0] - expected[1]).abs().max() > 1e-2 * size, "the image hardly matters, so that nothing is shown"
