"""Fused towers: one layer for those that stand side by side computes what the towers compute."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from click.testing import CliRunner
from nets import graph_of
from programs import draw
from torch import Tensor, nn
from tower_nets import TOWERS

import archdsl
from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.driver import compile_source
from archdsl.emit.generate import generate
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.alike import CannotFuse
from archdsl.passes.invariants import assert_valid
from archdsl.passes.lowering import Buildable, lowered
from archdsl.passes.per_tower import PerTower
from archdsl.syntax.loader import read
from archdsl.verify.module import verify


def samples_of(graph: CheckedGraph, batch: int) -> list[Tensor]:
    """Return a batch for each input: random numbers, or the indices that it takes."""
    found = []
    for given in graph.inputs:
        sizes, count = (batch, *map(int, given.shape.dims)), graph.indices(given)
        found.append(torch.rand(sizes).double() if count is None else torch.randint(count, sizes))
    return found


def as_tuple(result: object) -> tuple[Tensor, ...]:
    return tuple(part for part in (result if isinstance(result, tuple) else (result,)) if part is not None)


def module_of(graph: Buildable) -> ModuleType:
    module = ModuleType(graph.name)
    exec(generate(graph), module.__dict__)
    return module


def fused_module(graph: CheckedGraph) -> ModuleType:
    return module_of(lowered(graph, fuse_towers=True))


def pair(graph: CheckedGraph, **options: object) -> tuple[nn.Module, nn.Module, ModuleType]:
    """Return the net with towers, the fused one with the same random weights, and the module of the latter."""
    fused = lowered(graph, fuse_towers=True)
    assert_valid(fused)
    made = module_of(fused)
    towers = getattr(module_of(graph), graph.name)(**options)
    one = getattr(made, graph.name)(**options)
    for name, tensor in towers.state_dict().items():
        if tensor.is_floating_point():
            tensor.normal_(1.0 if name.endswith("running_var") else 0.0, 0.1)
    one.load_state_dict(made.fused_state(towers.state_dict()))
    return towers, one, made


def chance(graph: CheckedGraph) -> bool:
    return any(node.op.is_random for node in graph.nodes)


def assert_same(graph: CheckedGraph) -> None:
    """Outputs, gradients and running statistics are those of the towers, in training unless chance has a part in it."""
    towers, one, made = pair(graph, dtype=torch.float64)
    samples = samples_of(graph, 3)
    for training in (False,) if chance(graph) else (False, True):
        for net in (towers, one):
            net.train(training).zero_grad()
        found, expected = as_tuple(one(*samples)), as_tuple(towers(*samples))
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)
        for results in (found, expected):
            loss = sum((part * torch.linspace(0.5, 1.5, part.numel()).view_as(part)).sum() for part in results)
            if isinstance(loss, Tensor) and loss.requires_grad:
                loss.backward()
        torch.testing.assert_close(gradients(one), made.fused_state(gradients(towers)), rtol=1e-7, atol=1e-7)
        state = made.fused_state(towers.state_dict())
        torch.testing.assert_close(dict(one.state_dict()), state, rtol=1e-9, atol=1e-9, equal_nan=True)


def gradients(net: nn.Module) -> dict[str, Tensor]:
    return {name: torch.zeros_like(w) if w.grad is None else w.grad for name, w in net.named_parameters()}


@pytest.mark.parametrize("name", TOWERS)
def test_the_fused_net_computes_and_learns_what_the_towers_do(name: str) -> None:
    torch.manual_seed(0)
    assert_same(graph_of(TOWERS[name]))


def fusable(seeds: range) -> Iterator[CheckedGraph]:
    for seed in seeds:
        program = draw(seed)
        if "group" in program.forms:
            for graph in compile_source(Source("net.arch", program.text)).models:
                try:
                    lowered(graph, fuse_towers=True)
                except CannotFuse:
                    continue
                yield graph


def test_random_programs_are_computed_as_by_their_towers() -> None:
    torch.manual_seed(0)
    graphs = list(fusable(range(100)))
    assert len(graphs) > 12
    for graph in graphs:
        assert_same(graph)


@pytest.mark.parametrize("name", TOWERS)
def test_every_shape_and_count_agrees(name: str, tmp_path: Path) -> None:
    fused = lowered(graph_of(TOWERS[name]), fuse_towers=True)
    file = tmp_path / "net.py"
    file.write_text(generate(fused))
    result = verify(fused, file)
    assert result.findings == ()
    assert result.params == fused.params


# AlexNet of 2012


def alexnet(*, normalised: bool) -> CheckedGraph:
    source = read("alexnet")
    if not normalised:
        source = replace(source, text=re.sub(r" -> lrn\(.*?\)", "", source.text))
    return compile_source(source, model="AlexNet_2012").models[0]


def test_alexnet_fused_has_the_layers_of_its_grouped_form(tmp_path: Path) -> None:
    fused = lowered(alexnet(normalised=True), fuse_towers=True)
    file = tmp_path / "net.py"
    file.write_text(generate(fused))
    assert verify(fused, file, device="meta").findings == ()
    one = module_of(fused).AlexNet_2012(device="meta")
    grouped = compile_source(read("alexnet"), model="AlexNet_Grouped").models[0]
    expected = module_of(grouped).AlexNet_Grouped(device="meta").state_dict()
    found = {name.removeprefix("tower."): weight.shape for name, weight in one.state_dict().items()}
    assert found == {name: weight.shape for name, weight in expected.items()}
    convolutions = [layer for layer in one.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.groups for layer in convolutions] == [1, 2, 1, 2, 2]


def test_alexnet_fused_is_equal_in_whatever_order_sums_are_taken() -> None:
    """Whole numbers that float64 holds are not rounded, so this does not depend on the kernels of a machine."""
    torch.manual_seed(0)
    graph = alexnet(normalised=False)
    made = fused_module(graph)
    towers = module_of(graph).AlexNet_2012(devices="meta").eval()
    one = made.AlexNet_2012(device="meta").eval()
    weights = {key: torch.randint(-1, 2, each.shape).double() for key, each in towers.state_dict().items()}
    towers.load_state_dict(weights, assign=True)
    one.load_state_dict(made.fused_state(weights), assign=True)
    images = torch.randint(-1, 2, (1, 3, 227, 227)).double()
    with torch.no_grad():
        found, expected = one(images), towers(images)
    assert torch.equal(found, expected)
    assert torch.equal(found, found.round())
    assert 1e9 < found.abs().max() < 2**53


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1.5e-6), (torch.float64, 1e-13)], ids=str)
def test_the_gradients_of_alexnet_fused_are_those_of_the_towers(dtype: torch.dtype, bound: float) -> None:
    torch.manual_seed(0)
    source = read("alexnet")
    text = re.sub(r"  assert params.*", "", source.text.replace("linear(2048)", "linear(32)"))
    graph = compile_source(replace(source, text=text), model="AlexNet_2012", settings={"classes": 10}).models[0]
    made = fused_module(graph)
    towers, one = (each.AlexNet_2012(dtype=dtype).eval() for each in (module_of(graph), made))
    one.load_state_dict(made.fused_state(towers.state_dict()))
    images = torch.randn(2, 3, 227, 227, dtype=dtype)
    for net in (towers, one):
        net(images).square().sum().backward()
    expected = made.fused_state(gradients(towers))
    for name, found in gradients(one).items():
        assert (found - expected[name]).norm() <= bound * expected[name].norm(), name


# what stays apart


def test_the_normalisation_does_not_reach_over_the_border() -> None:
    graph = graph_of("model M {\n input x: 8x4x4\n split(2) -> group t{0..1} { n: lrn(5, alpha = 1) } -> concat\n}\n")
    fused = lowered(graph, fuse_towers=True)
    assert any(isinstance(node.op, PerTower) for node in fused.nodes)
    one = module_of(fused).M()
    x = torch.randn(2, 8, 4, 4)
    towers = torch.cat([nn.functional.local_response_norm(part, 5, alpha=1) for part in x.chunk(2, 1)], 1)
    torch.testing.assert_close(one(x), towers, rtol=0, atol=0)
    assert not torch.allclose(one(x), nn.functional.local_response_norm(x, 5, alpha=1))


@pytest.mark.parametrize("step", ["drop_path", "dropout", "channel_dropout"])
def test_chance_is_drawn_for_each_tower(step: str) -> None:
    steps = f"c: conv(2, 1) -> exchange -> {step}"
    text = f"model M {{\n input x: 2x4x4\n group t{{0..1}} {{ {steps} }} -> concat\n}}\n"
    one = fused_module(graph_of(text)).M().train()
    nn.init.ones_(one.t.c.weight)
    first, second = one(torch.ones(64, 2, 4, 4)).chunk(2, 1)
    assert first.shape == (64, 4, 4, 4)
    assert ((first == 0) != (second == 0)).any()
    assert ((first == 0) == (second == 0)).any()


def test_layers_after_an_exchange_are_dense_and_vectors_of_their_own_are_not() -> None:
    text = """model M {
  input x: 3
  group t{0..1} { a: linear(4) -> relu -> b: linear(5) -> exchange -> c: linear(6) } -> concat
}
"""
    one = fused_module(graph_of(text)).M()
    shapes = {name: tuple(weight.shape) for name, weight in one.named_parameters() if weight.dim() > 1}
    assert shapes == {"t.a.weight": (8, 3), "t.b.weight": (10, 4), "t.c.weight": (12, 10)}


# weights


def started(init: str, layer: str, shape: str, steps: str = "") -> Tensor:
    text = f"model M {{\n input x: {shape}\n {steps}group t{{0..1}} {{ l: {layer}, init = {init}) }} -> concat\n}}\n"
    weight = fused_module(graph_of(text)).M().t.l.weight
    assert isinstance(weight, Tensor)
    return weight.detach()


def test_weights_start_as_those_of_the_towers() -> None:
    torch.manual_seed(0)
    conv = started("xavier_uniform", "conv(40, 3", "20x8x8")
    assert 0.98 < conv.abs().max() / (6 / (20 * 9 + 40 * 9)) ** 0.5 <= 1
    grouped = started("kaiming_normal(mode = fan_out)", "conv(40, 3", "40x8x8", "split(2) -> ")
    assert grouped.shape == (80, 20, 3, 3)
    assert grouped.std().item() == pytest.approx((2 / (40 * 9)) ** 0.5, rel=0.03)
    up = started("kaiming_uniform(mode = fan_out, a = 1)", "conv_transpose(40, 3", "40x4x4", "split(2) -> ")
    assert 0.98 < up.abs().max() / (3 / (20 * 9)) ** 0.5 <= 1
    linear = started("orthogonal", "linear(4", "8")
    for part in linear.chunk(2):
        torch.testing.assert_close(part @ part.T, torch.eye(4))
    assert (linear[:4] @ linear[4:].T).abs().max() > 1e-3
    dirac = started("dirac", "conv(4, 3", "4x8x8")
    assert torch.equal(dirac, torch.cat([nn.init.dirac_(torch.empty(4, 4, 3, 3))] * 2))
    plain = started("none", "conv(40, 3", "40x8x8", "split(2) -> ")
    assert 0.98 < plain.abs().max() * (20 * 9) ** 0.5 <= 1
    own = started("none", "linear(50", "40", "split(2) -> ")
    assert own.shape == (100, 20)
    assert 0.98 < own.abs().max() * 20**0.5 <= 1


def test_load_weights_takes_those_of_the_towers() -> None:
    torch.manual_seed(0)
    towers, one, _ = pair(graph_of(TOWERS["three"]))
    x = torch.randn(2, 2, 12, 12)
    expected = one.eval()(x)
    again = type(one)().eval()
    archdsl.load_weights(again, towers.state_dict())
    assert torch.equal(again(x), expected)
    other = type(one)().eval()
    archdsl.load_weights(other, again.state_dict())
    assert torch.equal(other(x), expected)


def test_a_weight_that_a_tower_lacks_is_named() -> None:
    towers, one, made = pair(graph_of(TOWERS["three"]))
    weights = dict(towers.state_dict())
    del weights["tower1.conv2.weight"]
    with pytest.raises(RuntimeError, match=r'Missing key.*"tower.conv2.weight"'):
        one.load_state_dict(made.fused_state(weights))
    with pytest.raises(archdsl.WeightsError, match=r"tower.conv2.weight: missing in the weights"):
        archdsl.load_weights(one, weights)


def test_the_counter_of_batches_is_that_of_a_tower() -> None:
    towers, one, made = pair(graph_of(TOWERS["three"]))
    for net in (towers, one):
        net.train()(torch.randn(2, 2, 12, 12))
    assert one.state_dict()["tower.bn1.num_batches_tracked"] == 1
    assert made.fused_state(towers.state_dict())["tower.bn1.num_batches_tracked"] == 1


# what is refused, and what is written

REFUSED = {
    "input x: 3x8x8\n group t{0..1} { c: conv(4 * (tower + 1), 3) } -> concat": "out is 4 in one and 8 in the other",
    "input x: 3x8x8\n group t{0..1} { c: conv(3, 1) -> relu if tower == 0 } -> concat": "one has 2 steps, the other 1",
    "input x: 3x8x8\n group t{0..1} { n: channel_layernorm } -> concat": "channel_layernorm on 3x8x8 has no fused form",
    "input x: 5x8\n group t{0..1} { l: linear(4) } -> concat": "linear on 5x8 has no fused form",
    "input x: 3x8x8\n group t{0..1} { p: prelu } -> concat": "prelu on 3x8x8 has no fused form",
    "input x: 3x8x8\n group t{0..1} { c: conv(3, 1) -> share @c } -> concat": "`t0.c` is applied more than once",
    "input x: 3x8x8\n group t{0..1} { c: conv(1, 3, connect = [[0, 1]]) } -> concat": "conv on 3x8x8 has no fused form",
    "input x: 3x8x8\n c: conv(3, 1)": "no group has two towers",
}


@pytest.mark.parametrize(("body", "words"), REFUSED.items())
def test_what_cannot_be_fused_is_said_and_nothing_is_written(body: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text(f"model M {{\n {body}\n}}\n")
    made = tmp_path / "net.py"
    result = CliRunner().invoke(cli, ["build", str(tmp_path / "net.arch"), "--fuse-towers", "-o", str(made)])
    assert result.exit_code == 1
    assert "error[E0417]: the towers cannot be fused" in result.output
    assert words in result.output
    assert "leave out --fuse-towers" in result.output
    assert not made.exists()


def test_build_writes_a_verified_module_that_tells_its_towers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.arch").write_text(TOWERS["nested"])
    made = tmp_path / "nested_net.py"
    command = ["build", str(tmp_path / "net.arch"), "--fuse-towers", "--verify", "-o", str(made)]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output
    assert "agree with the net" in result.output
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("nested_net")
    try:
        assert module.FUSED == {
            "outer0.inner": ("outer0.inner0", "outer0.inner1", "outer0.inner2"),
            "outer1.inner": ("outer1.inner0", "outer1.inner1", "outer1.inner2"),
            "outer": ("outer0", "outer1"),
        }
    finally:
        del sys.modules["nested_net"]
