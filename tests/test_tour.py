"""The programs that the language was designed by, as they were printed: each compiles, and computes what it says.

GoogLeNet's elisions are filled in, and its side branch is defined; nothing else differs.
"""

from pathlib import Path

import pytest
import torch
from test_torch import net_of

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.emit.generate import generate
from archdsl.ir.graph import CheckedGraph
from archdsl.verify.module import verify

TOUR = Path(__file__).parent / "tour"
# What PyTorch's own models count, and the papers: LeNet-5 of courses, AlexNet in two towers, torchvision's others.
PARAMS = {
    "LeNet5": 61_706,
    "AlexNet": 60_965_224,
    "ResNet50": 25_557_032,
    "ResNet152": 60_192_808,
    "GoogLeNet": 13_004_888,
    "DenseNet121": 7_978_856,
    "UNet": 1_863_042,
}


def program(file: str) -> tuple[CheckedGraph, ...]:
    compiled = compile_source(Source(file, (TOUR / file).read_text(encoding="utf-8")), every=True)
    assert compiled.diagnostics == ()
    return compiled.models


MODELS = {graph.name: graph for file in sorted(TOUR.glob("*.arch")) for graph in program(file.name)}


def test_every_program_of_the_tour_is_here() -> None:
    assert {name: graph.params for name, graph in MODELS.items()} == PARAMS


@pytest.mark.parametrize("name", PARAMS)
def test_what_is_built_agrees_in_every_shape(name: str, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(generate(MODELS[name]))
    result = verify(MODELS[name], file, device="meta")
    assert result.findings == ()
    assert result.params == PARAMS[name]


def test_names_come_out_as_torchvision_spells_them(tmp_path: Path) -> None:
    keys = {name: set(net_of(MODELS[name], tmp_path, device="meta").state_dict()) for name in PARAMS}
    assert "layer1.0.downsample.1.running_mean" in keys["ResNet50"]
    assert "layer3.35.conv3.weight" in keys["ResNet152"]
    assert "inception4a.branch3.1.conv.weight" in keys["GoogLeNet"] and "aux1.fc2.bias" in keys["GoogLeNet"]
    assert "features.denseblock3.denselayer24.conv2.weight" in keys["DenseNet121"]
    assert "features.transition3.norm.running_var" in keys["DenseNet121"]
    assert "classifier.weight" in keys["DenseNet121"]
    assert "dec1.conv2.weight" in keys["UNet"]
    assert {"tower0.fc7.weight", "tower1.conv1.bias", "fc8.weight"} <= keys["AlexNet"]


def test_the_side_branches_of_googlenet_are_for_training_only(tmp_path: Path) -> None:
    net = net_of(MODELS["GoogLeNet"], tmp_path)
    image = torch.rand(2, 3, 224, 224)
    found = net.eval()(image)
    assert found._fields == ("output", "aux1", "aux2")
    assert found.aux1 is None and found.output.shape == (2, 1000)
    assert net.train()(image).aux2.shape == (2, 1000)


def test_the_towers_of_alexnet_talk_only_where_they_exchange(tmp_path: Path) -> None:
    net = net_of(MODELS["AlexNet"], tmp_path).eval()
    seen: dict[str, torch.Tensor] = {}
    for name in ("tower0.conv2", "tower0.conv3"):
        net.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
    image = torch.rand(1, 3, 227, 227)
    net(image)
    before = dict(seen)
    with torch.no_grad():
        net.get_parameter("tower1.conv1.weight").mul_(2)
    net(image)
    assert torch.equal(before["tower0.conv2"], seen["tower0.conv2"])
    assert not torch.equal(before["tower0.conv3"], seen["tower0.conv3"])
