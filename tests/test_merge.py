"""One class for the uses of a block that differ in steps, operators and expressions: right for other values too."""

import itertools
import re
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
# Blocks whose class could be wrong for values that no use has.
RISKS = {
    "two optional steps": (
        "block Unit(w, e = true, f = true) { a: conv(w, 1); b: conv(w, 1) if e; relu if f }\n",
        "p: Unit(8) -> q: Unit(8, false, false)", {"e": (True, False), "f": (True, False)},
    ),
    "an operator in steps of one use": (
        "block Unit(Act, w, e = true) { s: [conv(w, 1) -> Act]; t: [conv(w, 1) -> Act] if e }\n",
        "p: Unit(relu, 8) -> q: Unit(tanh, 8, false)", {"e": (True, False)},
    ),
    "a truth value that is an argument too": (
        "block Unit(w, e = true, f = true) { a: conv(w, 1); b: conv(w, 1, bias = f) if e; relu if f }\n",
        "p: Unit(8) -> q: Unit(8, false, false)", {"e": (True, False), "f": (True, False)},
    ),
    "a truth value in an expression": (
        "block Unit(w, e = true, f = true) { a: conv(w, 3 if f else 1); relu if e; tanh if f and e }\n",
        "p: Unit(8) -> q: Unit(8, false)", {"e": (True, False), "f": (True, False)},
    ),
    "a truth value that is the same in all uses": (
        "block Unit(w, e = true, f = false) { a: conv(w, 1); if f { c: conv(w, 3) } else { b: conv(w, 1) if e } }\n",
        "p: Unit(8) -> q: Unit(8, false)", {"e": (True, False)},
    ),
    "a truth value that is the same in all uses, and decides twice": (
        "block Unit(w, e = true, f = false) { a: conv(w, 1)\n"
        " if f or w > 8 { c: conv(w, 3) } else { b: conv(w, 1) if e } }\n",
        "p: Unit(8) -> q: Unit(8, false) -> r: Unit(9)", {"e": (True, False), "f": (True, False), "w": (8, 9)},
    ),
    "numbers that are equal by chance": (
        "block Unit(w, s = 1) { a: conv(w if s == 1 else channels, 1); relu if s == 1 }\n",
        "p: Unit(8) -> q: Unit(8, 2)", {"s": (1, 2), "w": (4, 8)},
    ),
    "a test that no two tests tell": (
        "block Unit(w, k, p, q, r) {\n s: [conv(w, 1)\n"
        " if p { if q { if r { if k == 2 { relu } else { tanh } } } }]\n}\n",
        "a: Unit(8, 2, true, true, true) -> b: Unit(8, 3, true, true, false) -> c: Unit(8, 3, true, false, true)"
        " -> d: Unit(8, 3, false, true, true)",
        {"k": (2, 3), "p": (True, False), "q": (True, False), "r": (True, False)},
    ),
    "a test beside another": (
        "block Unit(w, k, e, f) {\n s: [conv(w, 1)\n tanh if f\n"
        " if e { if k == 2 { relu } else { sigmoid } }]\n}\n",
        "p: Unit(8, 2, true, true) -> q: Unit(8, 3, false, false)",
        {"k": (2, 3), "e": (True, False), "f": (True, False)},
    ),
    "an operator that is handed on": (
        "block In(A, w) { b: conv(w, 1) -> g: A }\nblock Unit(Act, w) { a: In(Act, w) }\n",
        "p: Unit(relu, 8) -> q: Unit(tanh, 8)", {"w": (4, 8)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RISKS)
def test_values_that_no_use_has_are_right_or_refused(name: str) -> None:
    block, uses, values = RISKS[name]
    source = module_of(f"{block}model Net {{\n input x: 8x8x8\n {uses}\n}}\n")
    accepted = 0
    for made, chosen in itertools.product(re.findall(r"^class (Unit\w*)", source, re.MULTILINE), _products(values)):
        arguments = {"in_channels": 8, "w": 8} | dict(zip(values, chosen, strict=True))
        taken = re.findall(r"^ {8}(\w+):", source.split(f"\nclass {made}(")[1].split("*,")[0], re.MULTILINE)
        own = {key: value for key, value in arguments.items() if key in taken}
        # A class that does not take an argument is built for one value of it.
        if own.keys() != arguments.keys() or ("Act" in block and "act" not in taken):
            continue
        call = ", ".join([*(["Act = relu"] if "Act" in block else []), *(
            f"{key} = {str(value).lower()}" for key, value in arguments.items() if key != "in_channels"
        )])  # fmt: skip
        x = torch.rand(2, 8, 8, 8)
        try:
            net = class_of(source, made)(**own, **({"act": torch.nn.ReLU} if "act" in taken else {})).eval()
            net(x)
        except REFUSED:
            continue
        alone = compiled(f"{block}model Probe {{\n input x: 8x8x8\n b: Unit({call})\n}}\n")
        assert alone is not None, f"{arguments} is accepted"
        require_equal(net, class_of(generate(alone), "Probe")().eval(), x, str(arguments))
        accepted += 1
    assert accepted or "Act" in block


def _products(values: dict[str, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(itertools.product(*values.values()))


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
        operators = {"act": torch.nn.ReLU} if has_operator else {}
        x = torch.rand(2, channels, 8, 8)
        try:
            net = made(**arguments, **operators).eval()
            net(x)
        except REFUSED as error:
            assert alone is None or "other combinations" in str(error), f"{arguments} is refused"
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


def test_a_class_that_constructs_itself_refuses_numbers_without_an_end() -> None:
    block = (
        "block Tree(levels, width) {\n"
        " if levels == 1 { a: conv(width, 1) } else { a: Tree(levels - 1, width); b: Tree(levels - 1, width) }\n}\n"
    )
    made = class_of(module_of(f"{block}model Net {{\n input x: 4x8x8\n t: Tree(1, 4) -> u: Tree(2, 4)\n}}\n"), "Tree")
    assert made(4, 3, 4)(torch.rand(2, 4, 8, 8)).shape == (2, 4, 8, 8)
    for levels in (0, -2):
        with pytest.raises(ValueError, match="levels >= 1"):
            made(4, levels, 4)
        assert compiled(f"{block}model Net {{\n input x: 4x8x8\n t: Tree({levels}, 4)\n}}\n") is None
