"""Receptive fields, held against the support of gradients and against the literature."""

from typing import Any

import pytest
import torch
from built import module, net, sample
from nets import NETS, graph_of
from torch import Tensor, nn
from torch.nn import functional

from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.report.receptive_fields import UnitFields, receptive_fields
from archdsl.syntax.loader import gallery, gallery_models


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


def positive(made: nn.Module) -> nn.Module:
    """Let every layer take means with weights that differ, so that no gradient vanishes by chance."""
    made.double().eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            fan = weight[0].numel() if weight.dim() > 1 else 1
            if name.endswith("bias"):
                weight.zero_()
            else:
                # Below 1 on average, as sums of shortcuts grow and a `relu6` ends.
                weight.uniform_(0.2, 1).div_(fan)
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


def fields_agree(graph: CheckedGraph, most: int = 100) -> int:
    """Hold what steps see against gradients, for about as many as asked for; return how many were compared."""
    made = positive(module(graph))
    paths = {dotted(node.path): node for node in graph.nodes if node.shape.rank == graph.inputs[0].shape.rank}
    names = [name for name, _ in made.named_modules() if name in paths]
    measured = supports(graph, made, {*names[:: -(-len(names) // most)], *names[-1:]})
    forward = receptive_fields(graph)
    for name, support in measured.items():
        node = paths[name]
        assert UnitFields(graph).at(node.path)[graph.inputs[0].name] == support, name
        field, sizes = forward[node.path], graph.inputs[0].shape.map
        for number, (axis, (first, last)) in enumerate(zip(field.axes, support, strict=True)):
            if not field.everything and first > 0 and last < sizes[number] - 1:
                assert (first, last) == axis.at(int(node.shape.map[number]) // 2), name
    return len(measured)


SEEN = [
    ("lenet5",), ("lenet5_1998",), ("nin",), ("resnet18", "3x128x128"), ("squeezenet1_1", "3x128x128"),
    ("unet", "side=256", "maps=2"), ("fcn_8s", "side=200", "maps=2", "hidden=4"), ("dcgan_generator",),
]  # fmt: skip
# A net of each of the other families with a map, as small as its fields allow.
SEEN_TOO = [
    ("alexnet",), ("alexnet_2012",), ("densenet121", "3x128x128"), ("dcgan_discriminator",),
    ("efficientnet_b0", "3x128x128"), ("efficientnet_lite0", "3x128x128"), ("fpn", "3x128x128"), ("fractalnet20",),
    ("googlenet", "3x128x128"), ("googlenet_2014",), ("inception_resnet_v2_2016", "3x139x139"),
    ("inception_v2", "3x128x128"), ("inception_v3",), ("inception_v4", "3x139x139"), ("mobilenet_v3_small",),
    ("mobilenetv1", "3x128x128"), ("overfeat",), ("preactresnet164",), ("regnety_400mf", "3x128x128"), ("resnet20",),
    ("resnet50", "3x128x128"), ("se_resnet50", "3x128x128"), ("shufflenet_g3", "3x128x128"),
    ("shufflenetv2_x1_0", "3x128x128"), ("stochasticdepth110",), ("unet_2015", "maps=2"), ("vgg11", "3x128x128"),
    ("wrn_16_8",), ("convnext",), ("xception", "3x128x128"), ("zfnet",),
]  # fmt: skip
# Sequences have no map.
NOT_FOLLOWED = {"char_lstm", "gpt", "vit"}


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize("case", SEEN + [pytest.param(case, marks=pytest.mark.long) for case in SEEN_TOO], ids=str)
def test_a_receptive_field_is_the_support_of_the_gradient(case: tuple[str, ...]) -> None:
    assert fields_agree(net(*case), most=6) >= 2


def test_every_family_with_a_map_is_measured() -> None:
    families = {gallery_models().get(name, (name,))[0] for name, *_ in SEEN + SEEN_TOO}
    assert families | NOT_FOLLOWED == set(gallery())


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize(
    "case", [("resnet18", "3x64x64"), ("vit_b_32", "3x64x64"), ("se_resnet50", "3x64x64")], ids=str
)
def test_behind_a_global_pool_or_attention_all_of_the_input_is_seen(case: tuple[str, ...]) -> None:
    graph = net(*case)
    (image,) = [x.double().requires_grad_() for x in sample(graph)]
    (gradient,) = torch.autograd.grad(positive(module(graph))(image)[0, 0], image)
    assert gradient[0].abs().sum(0).min() > 0
    assert receptive_fields(graph)[graph.output.path].everything


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize("name", ["padded", "decoder", "volume", "residuals", "pools", "shared"])
def test_operators_see_what_gradients_say(name: str) -> None:
    assert fields_agree(graph_of(NETS[name])) >= 1


def test_fields_of_published_nets_are_those_of_the_literature() -> None:
    # Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, 2019, table 1.
    for name, size in (("alexnet", 195), ("vgg16", 212), ("mobilenet_v1", 315)):
        last = [field for field in receptive_fields(net(name)).values() if not field.everything][-1]
        assert set(last.size) == {size}, name
        assert set(last.stride) == {32}, name
