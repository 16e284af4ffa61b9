"""Where torchinfo counts otherwise: its multiply-adds of single layers and of nets, beside those that are computed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from built import module, net, sample
from nets import graph_of
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

DOCS = (Path(__file__).parent.parent / "docs" / "reports.md").read_text(encoding="utf-8")


class Sharing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(x))


class Calling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(16, 8, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight)


class Listing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList([torch.rand(8, 16)])

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weights[0]


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 4, bias=False, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]


@dataclass(frozen=True)
class Case:
    """A module of PyTorch, a step of ours that computes the same, and what torchinfo and anybody by hand counts."""

    words: str
    made: Callable[[], nn.Module]
    step: str
    shape: tuple[int, ...]
    counted: int
    by_hand: int
    why: str


MAP, STEPS = (8, 10, 10), (20, 8)
CONV = 3 * 3 * 8 * 16 * 8 * 8
CASES = [
    Case("`nn.Conv2d`", lambda: nn.Conv2d(8, 16, 3, bias=False), "conv(16, 3, bias = false)", MAP, 73_728, CONV,
         "equal"),
    Case(
        "with a bias", lambda: nn.Conv2d(8, 16, 3), "conv(16, 3)", MAP, 74_752, CONV,
        "counts the bias as a multiplication at each position",
    ),
    Case(
        "with groups", lambda: nn.Conv2d(8, 16, 3, groups=4, bias=False), "conv(16, 3, groups = 4, bias = false)", MAP,
        18_432, CONV // 4, "equal",
    ),
    Case("used twice", Sharing, "c: conv(8, 3, padding = half, bias = false) -> share @c", MAP, 115_200,
         2 * 3 * 3 * 8 * 8 * 100, "equal"),
    Case("`F.conv2d` in a module of another name", Calling, "conv(16, 3, bias = false)", MAP, 1_152, CONV,
         "counts each weight once"),
    Case(
        "`nn.ConvTranspose2d`, stride 2", lambda: nn.ConvTranspose2d(8, 16, 2, stride=2, bias=False),
        "conv_transpose(16, 2, stride = 2, bias = false)", MAP, 204_800, 2 * 2 * 8 * 16 * 100,
        "counts every weight at each position of the output, not of the input",
    ),
    Case("`nn.Linear` on a sequence", lambda: nn.Linear(8, 16, bias=False), "linear(16, bias = false)", STEPS, 128,
         20 * 8 * 16, "counts the matrix once, not for each step"),
    Case("`nn.MultiheadAttention`", Attending, "attention(4, bias = false)", (20, 16), 0,
         20 * 4 * 16 * 16 + 2 * 20 * 20 * 16, "counts nothing"),
    Case("`nn.ParameterList`", Listing, "linear(16, bias = false)", (8,), 0, 8 * 16, "counts nothing"),
    Case("`nn.LSTM`", lambda: nn.LSTM(8, 16, bias=False, batch_first=True), "lstm(16, bias = false)", STEPS, 30_720,
         20 * 4 * 16 * (8 + 16), "equal"),
    Case("`nn.BatchNorm2d`", lambda: nn.BatchNorm2d(8), "batchnorm", MAP, 16, 0, "counts each parameter once"),
    Case("`nn.Embedding`", lambda: nn.Embedding(100, 8), "embedding(100, 8)", (20,), 800, 0,
         "counts each parameter once"),
]  # fmt: skip


def multiply_adds(made: nn.Module, *inputs: Tensor) -> int:
    return int(summary(made.eval(), input_data=list(inputs), device=inputs[0].device, verbose=0).total_mult_adds)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.words)
def test_torchinfo_counts_single_layers_as_the_documentation_says(case: Case) -> None:
    graph = graph_of(f"model M {{ input x: [{', '.join(map(str, case.shape))}]; {case.step} }}")
    inputs = sample(graph)
    assert multiply_adds(case.made(), *inputs) == case.counted
    assert graph.macs == case.by_hand
    assert (case.counted == case.by_hand) == (case.why == "equal")
    # PyTorch's counter does not know the LSTM of oneDNN.
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter, torch.no_grad():
        case.made().eval()(*inputs)
    assert counter.get_total_flops() == 2 * case.by_hand
    assert f"| {case.words} | {case.counted:,} | {case.by_hand:,} | {case.why} |" in DOCS


NETS = [
    ("alexnet", 714_682_664), ("char_lstm", 11_605_185), ("dcgan_generator", 428_345_216), ("unet", 218_488_122_880),
    ("vit_b_16", 180_471_784),
]  # fmt: skip


@pytest.mark.parametrize(("name", "counted"), NETS)
def test_torchinfo_counts_nets_as_the_documentation_says(name: str, counted: int) -> None:
    graph = net(name)
    assert multiply_adds(module(graph, "meta"), *sample(graph, device="meta")) == counted
    assert f"| `{name}` | {counted:,} | {graph.macs:,} |" in DOCS


def test_torchinfo_counts_tied_weights_twice() -> None:
    made = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))
    made[1].weight = made[0].weight
    assert summary(made, input_size=(1, 8), device="cpu", verbose=0).total_params == 128
    assert sum(weight.numel() for weight in made.parameters()) == 64
