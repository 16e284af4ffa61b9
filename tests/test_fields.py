"""Receptive fields, held against the support of gradients and against the literature."""

from typing import Any

import pytest
import torch
from built import module, net, sample
from nets import NETS, graph_of
from torch import Tensor, nn
from torch.nn import functional

from archdsl.ir import CheckedGraph, dotted
from archdsl.report.fields import Sights, fields


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
