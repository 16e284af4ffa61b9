"""One class for the uses of a block that differ in steps, operators and expressions: right for other values too."""

import itertools
from typing import Any

import pytest
import torch
from test_constructors import REFUSED, class_of, compiled

from archdsl.emit.generate import generate, generate_with_notes

OPTIONAL = """
block Unit(width, stride = 1, excite = true) {
  if stride == 1 and width == channels {
    residual { a: conv(width, 3, padding = 1) -> b: batchnorm }
  } else {
    a: conv(width, 3, stride, padding = 1) -> b: batchnorm
  }
  mul { identity; global_avgpool -> c: conv(width, 1) -> sigmoid } if excite
}
"""
NESTED = """
block Unit(width, deep = true, wide = true) {
  first: conv(width, 1)
  if deep {
    second: conv(width, 1)
    if wide { third: conv(width, 3, padding = 1) }
  }
  relu
}
"""
LISTED = """
macro Part(Act, width) = [conv(width, 1) -> batchnorm -> Act]
block Unit(Act, width, expand) {
  body: [
    Part(Act, expand * channels) if expand > 1
    Part(Act, width)
  ]
}
macro Leaky = leaky_relu(0.2)
"""
EITHER = """
block Unit(width, pooled = false) {
  a: conv(width, 1)
  if pooled { maxpool(2) -> relu } else { b: conv(width, 2, 2) }
  c: conv(width, 1)
}
"""
# A block, its uses, and the arguments that are tried, each with its values.
CASES = {
    "optional steps": (
        OPTIONAL, "a: Unit(8) -> b: Unit(8, excite = false) -> c: Unit(16, 2) -> d: Unit(16, 2, false)",
        {"in_channels": (8, 12), "width": (8, 12), "stride": (1, 2), "excite": (True, False)},
    ),
    "nested tests": (
        NESTED, "a: Unit(8) -> b: Unit(8, true, false) -> c: Unit(8, false, false)",
        {"in_channels": (8,), "width": (4, 8), "deep": (True, False), "wide": (True, False)},
    ),
    "operators as arguments and items of a list": (
        LISTED, "a: Unit(relu, 8, 1) -> b: Unit(Leaky, 8, 2) -> c: Unit(relu, 8, 3)",
        {"in_channels": (4, 8), "width": (4, 8), "expand": (1, 2, 3)},
    ),
    "either of two sides": (
        EITHER, "a: Unit(8) -> b: Unit(8, true)",
        {"in_channels": (8,), "width": (4, 8), "pooled": (True, False)},
    ),
}  # fmt: skip


def module_of(text: str) -> str:
    graph = compiled(text)
    assert graph
    return generate(graph)


@pytest.mark.parametrize("name", CASES)
def test_the_uses_of_a_block_have_one_class(name: str) -> None:
    block, uses, _ = CASES[name]
    source = module_of(f"{block}model Net {{\n input x: 8x8x8\n {uses}\n}}\n")
    assert source.count("\nclass Unit") == 1


@pytest.mark.parametrize("name", CASES)
def test_the_class_is_right_for_other_values(name: str) -> None:
    block, uses, values = CASES[name]
    made = class_of(module_of(f"{block}model Net {{\n input x: 8x8x8\n {uses}\n}}\n"), "Unit")
    has_operator = "Act" in block
    for chosen in itertools.product(*values.values()):
        arguments = dict(zip(values, chosen, strict=True))
        given = {key: str(value).lower() for key, value in arguments.items() if key != "in_channels"}
        call = ", ".join(
            [*(["Act = relu"] if has_operator else []), *(f"{key} = {value}" for key, value in given.items())]
        )
        channels = arguments["in_channels"]
        alone = compiled(f"{block}model Probe {{\n input x: {channels}x8x8\n b: Unit({call})\n}}\n")
        operators = {"Act": torch.nn.ReLU} if has_operator else {}
        x = torch.rand(2, channels, 8, 8)
        try:
            net = made(**arguments, **operators).eval()
            net(x)
        except REFUSED:
            assert alone is None, f"{arguments} is refused"
            continue
        assert alone is not None, f"{arguments} is accepted"
        require_equal(net, class_of(generate(alone), "Probe")().eval(), x, str(arguments))


def require_equal(net: Any, other: Any, x: torch.Tensor, what: str) -> None:
    """Require the same keys, sizes and outputs, in evaluation and in seeded training."""
    state = {f"b.{key}": value for key, value in net.state_dict().items()}
    assert {key: value.shape for key, value in state.items()} == {
        key: value.shape for key, value in other.state_dict().items()
    }, what
    other.load_state_dict(state)
    for training in (False, True):
        results = []
        for each in (net, other):
            torch.manual_seed(0)
            results.append(each.train(training)(x))
        assert torch.equal(*results), what


def test_a_note_says_why_a_block_has_several_classes() -> None:
    text = "block Unit(n) {\n for i in range(n) { conv{i}: conv(4, 1) }\n}\n"
    graph = compiled(f"{text}model Net {{\n input x: 4x8x8\n a: Unit(1) -> b: Unit(2)\n}}\n")
    assert graph
    assert generate_with_notes(graph).notes == (
        "Unit has 2 classes: no test of the block tells when `conv1` exists at net.arch:1",
    )
