"""How weights start: generated modules draw what torch draws where they are asked to, and nothing else changes."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from nets import NETS, graph_of
from test_torch import net_of
from torch import Tensor, nn

from archdsl.base.pyexpr import Ref
from archdsl.emit.generate import generate
from archdsl.ops.initialisers import Initialiser, all_initialisers
from archdsl.ops.reasons import ShapeError

# Calls of initialisers, and what they are in PyTorch; each is tried on a matrix or a window where it goes.
CALLS = {
    "constant(0.25)": lambda w: nn.init.constant_(w, 0.25),
    "constant(val = 3)": lambda w: nn.init.constant_(w, 3),
    "zeros": nn.init.zeros_,
    "ones": nn.init.ones_,
    "uniform": nn.init.uniform_,
    "uniform(-0.5)": lambda w: nn.init.uniform_(w, -0.5),
    "uniform(-0.1, 0.1)": lambda w: nn.init.uniform_(w, -0.1, 0.1),
    "normal": nn.init.normal_,
    "normal(1, 0.01)": lambda w: nn.init.normal_(w, 1, 0.01),
    "normal(std = 0.01)": lambda w: nn.init.normal_(w, std=0.01),
    "trunc_normal(std = 0.02)": lambda w: nn.init.trunc_normal_(w, std=0.02),
    "trunc_normal(0.5, 2, a = 0, b = 1)": lambda w: nn.init.trunc_normal_(w, 0.5, 2, 0, 1),
    "xavier_uniform": nn.init.xavier_uniform_,
    "xavier_uniform(0.5)": lambda w: nn.init.xavier_uniform_(w, 0.5),
    "xavier_normal(gain = 2)": lambda w: nn.init.xavier_normal_(w, 2),
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_uniform(a = 2, mode = fan_out)": lambda w: nn.init.kaiming_uniform_(w, 2, "fan_out"),
    'kaiming_normal(mode = "fan_out", nonlinearity = "relu")': lambda w: nn.init.kaiming_normal_(
        w, mode="fan_out", nonlinearity="relu"
    ),
    "kaiming_normal(nonlinearity = tanh)": lambda w: nn.init.kaiming_normal_(w, nonlinearity="tanh"),
    "orthogonal": nn.init.orthogonal_,
    "orthogonal(gain = 2)": lambda w: nn.init.orthogonal_(w, 2),
    "dirac": nn.init.dirac_,
    "dirac(groups = 2)": lambda w: nn.init.dirac_(w, 2),
    "sparse(0.25)": lambda w: nn.init.sparse_(w, 0.25),
    "sparse(0.5, std = 2)": lambda w: nn.init.sparse_(w, 0.5, 2),
}


def layer(call: str, folder: Path, **options: Any) -> Tensor:
    """Return the weight of a layer that starts so: of a convolution, or of a linear layer for what takes matrices."""
    name = call.partition("(")[0]
    operator, given = ("linear(12", "16") if name == "sparse" else ("conv(12, 3", "16x5x5")
    net = net_of(
        graph_of(f"model M {{\n input x: {given}\n layer: {operator}, init = {call})\n}}\n"), folder, **options
    )
    return net.get_parameter("layer.weight")


@pytest.mark.parametrize("found", all_initialisers(), ids=lambda found: found.name)
def test_every_initialiser_has_the_arguments_and_defaults_of_torch(found: type[Initialiser]) -> None:
    parameters = inspect.signature(getattr(nn.init, f"{found.name}_")).parameters
    theirs = {n: p.default for n, p in parameters.items() if n not in ("tensor", "generator")}
    assert list(found.arguments) == list(theirs)
    for name, argument in found.arguments.items():
        assert argument.required == (theirs[name] is inspect.Parameter.empty)
        assert argument.required or argument.default == theirs[name]
        assert argument.help
    assert any(call.partition("(")[0] == found.name for call in CALLS)


def test_numbers_of_the_first_arguments_need_no_names() -> None:
    found = {each.name: each.positional for each in all_initialisers() if each.positional}
    ones = ("constant", "orthogonal", "sparse", "xavier_normal", "xavier_uniform")
    assert found == {**dict.fromkeys(ones, 1), "normal": 2, "trunc_normal": 2, "uniform": 2}


@pytest.mark.parametrize("found", all_initialisers(), ids=lambda found: found.name)
def test_code_of_initialisers_leaves_out_defaults(found: type[Initialiser]) -> None:
    given = {name: 0.75 for name, argument in found.arguments.items() if argument.required}
    bare = found(**given).call(Ref("w"))
    assert len(bare.args) + len(bare.named) == 1 + len(given)
    for name in found.arguments:
        call = found(**{**given, name: 0.25}).call(Ref("w"))
        assert all(value != found.arguments[each].default for each, value in call.named)


@pytest.mark.parametrize("rank", range(1, 6))
def test_initialisers_fit_where_torchs_do(rank: int) -> None:
    fitting, refused = [], []
    for call, start in CALLS.items():
        found = next(each for each in all_initialisers() if each.name == call.partition("(")[0])
        if "groups" in call:
            continue
        try:
            start(torch.empty((2,) * rank))
        except ValueError:
            with pytest.raises(ShapeError) as error:
                found(**dict.fromkeys(found.arguments, 1)).fit("init", (2,) * rank)
            refused.append(error.value.reason)
        else:
            found(**dict.fromkeys(found.arguments, 1)).fit("init", (2,) * rank)
            fitting.append(found.name)
    for reason in refused:
        assert re.findall(r"`(\w+)`", reason.help() or "") == sorted({*fitting})


def test_initialisers_are_equal_if_name_and_values_are() -> None:
    made = [found(**dict.fromkeys(found.arguments, value)) for found in all_initialisers() for value in (0.5, 2)]
    for one in made:
        equal = [other for other in made if one == other]
        assert equal == [other for other in made if (one.name, one.held()) == (other.name, other.held())]
        assert one == type(one)(**one.values) and hash(one) == hash(type(one)(**one.values))


def test_torch_has_no_other_initialisers_that_make_sense_here() -> None:
    theirs = {name.rstrip("_") for name in vars(nn.init) if name.endswith("_") and not name.startswith("_")}
    # `eye` is what `dirac` is to a convolution; no layer is built that passes its input on.
    assert theirs - {found.name for found in all_initialisers()} == {"eye"}


@pytest.mark.parametrize("call", CALLS)
def test_weights_are_what_torch_draws(call: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    found = layer(call, tmp_path)
    torch.manual_seed(3)
    made: nn.Module = nn.Linear(16, 12) if call.startswith("sparse") else nn.Conv2d(16, 12, 3)
    assert isinstance(made.weight, Tensor)
    assert not torch.equal(found, made.weight)
    CALLS[call](made.weight)
    assert torch.equal(found, made.weight)
    assert found.requires_grad


@pytest.mark.parametrize("call", CALLS)
def test_weights_start_on_the_meta_device_and_in_other_formats(call: str, tmp_path: Path) -> None:
    assert layer(call, tmp_path, dtype=torch.float64).dtype == torch.float64
    assert layer(call, tmp_path, device="meta").is_meta
    with torch.device("meta"):
        assert layer(call, tmp_path).is_meta


def test_without_a_word_all_weights_start_as_pytorchs(tmp_path: Path) -> None:
    graph = graph_of("model M {\n input x: 3x8x8\n c: conv(4, 3)\n bn: batchnorm -> flatten -> fc: linear(5)\n}\n")
    assert "nn.init" not in generate(graph)
    torch.manual_seed(3)
    found = net_of(graph, tmp_path).state_dict()
    torch.manual_seed(3)
    theirs = nn.ModuleDict({"c": nn.Conv2d(3, 4, 3), "bn": nn.BatchNorm2d(4), "fc": nn.Linear(144, 5)}).state_dict()
    assert list(found) == list(theirs)
    assert all(torch.equal(found[name], theirs[name]) for name in theirs)


def test_none_takes_back_what_a_set_says(tmp_path: Path) -> None:
    text = "set linear(init = ones, bias_init = zeros)\nmodel M {\n input x: 4\n"
    net = net_of(graph_of(f"{text} a: linear(3)\n b: linear(3, init = none)\n}}\n"), tmp_path)
    assert torch.equal(net.get_parameter("a.weight"), torch.ones(3, 4))
    assert 0 < net.get_parameter("b.weight").abs().max() <= 3**-0.5
    assert not net.get_parameter("b.bias").any()


def values(net: nn.Module, name: str) -> set[float]:
    return {round(value, 4) for value in net.get_parameter(name).flatten().tolist()}


def test_every_layer_of_a_net_of_blocks_starts_as_it_says(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = net_of(graph_of(NETS["started"]), tmp_path, std=0.5)
    blocks = [f"stages.{number}" for number in range(3)]
    for path in ("stem", *(f"{block}.conv{n}" for block in blocks for n in (1, 2)), "wide.0", "wide.3", "parts.dw"):
        weight = net.get_parameter(f"{path}.weight")
        # As torch counts: all output channels, also in groups.
        wanted = (2 / (weight.shape[0] * weight[0, 0].numel())) ** 0.5
        assert weight.std().item() == pytest.approx(wanted, rel=0.35), path
    assert values(net, "stem.bias") == values(net, "wide.0.bias") == values(net, "parts.a.bias") == {0.0}
    for block in blocks:
        assert (
            0.5 <= net.get_parameter(f"{block}.bn1.weight").min() < net.get_parameter(f"{block}.bn1.weight").max() <= 1
        )
        assert values(net, f"{block}.bn2.weight") == {0.0}
        assert values(net, f"{block}.expand.bias") == {0.1}
    assert 0.5 <= net.get_parameter("stages.1.downsample.1.weight").min() < 1
    deviations = [net.get_parameter(f"{block}.expand.weight").std().item() for block in blocks]
    assert deviations == pytest.approx([0.02, 0.5, 0.5], rel=0.3)
    assert values(net, "parts.norm.weight") == values(net, "parts.norm.bias") == {1.0}
    for path in ("mlp.2", "mlp.3"):
        weight = net.get_parameter(f"{path}.weight")
        torch.testing.assert_close(weight @ weight.T, torch.eye(32), atol=1e-5, rtol=0)
    assert values(net, "head.norm.weight") == {2.0}
    assert 0 <= net.get_parameter("fc1.bias").min() < net.get_parameter("fc1.bias").max() <= 0.5


def test_every_parameter_of_recurrent_layers_and_attention_starts(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = net_of(graph_of(NETS["started_sequence"]), tmp_path)
    for name in ("weight_ih_l0", "weight_hh_l0"):
        weight = net.get_parameter(f"rnns.0.{name}")
        torch.testing.assert_close(weight.T @ weight, torch.eye(weight.shape[1]), atol=1e-5, rtol=0)
    assert values(net, "rnns.0.bias_ih_l0") == values(net, "rnns.0.bias_hh_l0") == {0.0}
    # PyTorch draws evenly within 1/sqrt(hidden), and a normal distribution goes beyond.
    assert net.get_parameter("rnns.1.weight_hh_l1").abs().max() > 8**-0.5
    assert net.get_parameter("rnns.1.bias_hh_l1").abs().max() <= 8**-0.5
    for name in ("bias_ih_l0", "bias_hh_l0", "bias_ih_l0_reverse", "bias_hh_l0_reverse"):
        assert values(net, f"once.{name}") == {1.0}
    assert net.get_parameter("mix.attn.in_proj_weight").abs().max() <= 0.5 * (6 / 32) ** 0.5
    assert net.get_parameter("mix.attn.out_proj.weight").abs().max() <= 0.5 * (6 / 16) ** 0.5
    assert values(net, "mix.attn.in_proj_bias") == values(net, "mix.attn.out_proj.bias") == {0.1}
    assert net.get_parameter("fc0.weight").std().item() == pytest.approx(0.02, rel=0.2)
    assert (net.get_parameter("fc1.weight") == 0).sum(0).tolist() == [4] * 8
    assert not net.get_parameter("where.weight").any()


def test_an_embedding_keeps_its_padding_at_zero(tmp_path: Path) -> None:
    text = "model M(count = 20) {\n input x: 6\n e: embedding(count, 8, padding_idx = count - 1, init = ones)\n}\n"
    weight = net_of(graph_of(text), tmp_path, count=5).get_parameter("e.weight")
    assert torch.equal(weight.detach(), torch.cat([torch.ones(4, 8), torch.zeros(1, 8)]))


CONVS = """model M {{
  input x: 3x8x8
  a: conv(4, 1, init = {0}) -> b: conv(4, 1, init = {0}, padding = {1}) -> c: conv(4, 1, init = {2})
}}
"""


def test_a_loop_stands_only_for_layers_that_start_alike() -> None:
    loop = "        for module in self.modules():\n            if isinstance(module, nn.Conv2d):\n"
    assert f"{loop}                nn.init.ones_(module.weight)\n" in generate(
        graph_of(CONVS.format("ones", 0, "ones"))
    )
    # A Conv2dSame is an nn.Conv2d too.
    assert loop in generate(graph_of(CONVS.format("ones", "tf_same", "ones")))
    for last in ("none", "zeros", "constant(1)"):
        source = generate(graph_of(CONVS.format("ones", 0, last)))
        assert "self.modules()" not in source
        assert "nn.init.ones_(self.a.weight)\n" in source
    layers = " -> ".join(f"l{n}: linear(8, init = ones)" for n in range(3))
    text = f"model M {{\n input x: 5x8\n {layers}\n}}\n"
    assert "isinstance(module, nn.Linear)" in generate(graph_of(text))
    # Attention holds an nn.Linear that no line of the net speaks of.
    assert "isinstance" not in generate(graph_of(text.replace("l2: linear(8, init = ones)", "attn: attention(2)")))
    assert "isinstance" not in generate(graph_of(text.replace("\n}", " -> attn: attention(2)\n}")))


def test_what_one_block_starts_with_changes_its_class_only() -> None:
    text = """block A(w) = fc: linear(w{}) -> relu
block B(w) = fc: linear(w) -> relu
model M {{
  input x: 8
  a1: A(8) -> a2: A(8) -> b1: B(8) -> b2: B(8)
}}
"""
    plain, started = (generate(graph_of(text.format(init))) for init in ("", ", init = ones"))
    assert started.replace("        nn.init.ones_(self.fc.weight)\n", "") == plain
    assert started.count("nn.init") == 1
    assert started.count("class A(") == started.count("class B(") == 1
    assert "class A2" not in started
