"""Lists and pairs as arguments of blocks: the class is right for every list that it accepts."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from test_constructors import REFUSED, class_of, compiled
from test_merge import module_of, require_equal

import archdsl
from archdsl.emit.generate import generate, generate_with_notes

# A block, its uses, and the arguments that are tried, each with its values.
CASES: dict[str, tuple[str, str, dict[str, tuple[Any, ...]]]] = {
    "items by their number": (
        "block Unit(maps, k = 1) { a: conv(maps[0], k) -> relu -> b: conv(maps[1] + maps[0], 1) -> c: conv(maps[2], 1)"
        "  # allow W0403: as published\n}\n",
        "p: Unit([4, 6, 8]) -> q: Unit([8, 8, 4], 3)",
        {"maps": ((4, 6, 8), (1, 1, 1), (3, 5, 2), (4, 6), (4, 6, 8, 2)), "k": (1, 2)},
    ),
    "a loop over items": (
        "block Unit(maps, kernels) {\n for i, m in enumerate(maps) { c{i}: conv(m, kernels[i]) -> relu }\n}\n",
        "p: Unit([4, 8], [1, 3]) -> q: Unit([8, 4], [3, 1])",
        {"maps": ((4, 8), (8, 8), (4, 8, 2), (1, 1)), "kernels": ((1, 3), (2, 1))},
    ),
    "pairs with padding that follows": (
        "block Unit(w, kernel) { a: conv(w, kernel, padding = half) -> batchnorm -> maxpool(kernel, 1) }\n",
        "p: Unit(4, 1x3) -> q: Unit(8, 3x1) -> r: Unit(4, 3x3)",
        {"w": (4, 6), "kernel": ((1, 3), (3, 3), (5, 1), (2, 1), (1, 1), (3, 3, 3))},
    ),
    "a list that is handed on, and parts of one": (
        "block In(ws) { a: conv(ws[0], 1) -> relu -> b: conv(ws[1], 1) }\n"
        "block Unit(ws, vs) { f: In(vs) -> g: In([ws[0], vs[1]]) -> h: In([ws[2], ws[1]]) }\n",
        "p: Unit([4, 5, 6], [7, 8]) -> q: Unit([8, 5, 4], [3, 3])",
        {"ws": ((4, 5, 6), (3, 3, 3), (1, 2, 3)), "vs": ((7, 8), (1, 2), (1, 2, 3))},
    ),
    "a test of an item, and an item that only a test reads": (
        "block Unit(ws) {\n a: conv(ws[0], 1)\n relu if ws[1] > 4\n tanh if ws[2] == 1\n}\n",
        "p: Unit([4, 3, 1]) -> q: Unit([8, 6, 1]) -> r: Unit([8, 6, 2]) -> s: Unit([2, 2, 2])",
        {"ws": ((4, 4, 1), (4, 5, 1), (4, 5, 3), (6, 1, 0), (6, 1))},
    ),
    "an item that the steps fix": (
        "block Unit(ws) { a: conv(ws[0], 1)\n for i in range(ws[1]) { c{i}: conv(ws[2], 1) -> relu } }\n",
        "p: Unit([4, 2, 8]) -> q: Unit([8, 2, 8])",
        {"ws": ((4, 2, 8), (6, 2, 3), (6, 1, 8), (6, 3, 8))},
    ),
    "a default": (
        "block Unit(w, ws = [4, 8], rate = [0.5, 0.25]) {"
        " a: conv(ws[0], 1) -> dropout(rate[0]) -> b: conv(ws[1] * w, 1) -> dropout(rate[1]) }\n",
        "p: Unit(1) -> q: Unit(2) -> r: Unit(1, [2, 3])",
        {"w": (1, 3), "ws": ((4, 8), (2, 2)), "rate": ((0.5, 0.25), (0.0, 1.0), (2.0, 0.0))},
    ),
    "functions of items": (
        "block Unit(ws) { a: conv(max(ws), 1) -> relu -> b: conv(sum(ws), 1) -> relu "
        "-> c: conv(min(ws[0], ws[1]), 1) }\n",
        "p: Unit([4, 8]) -> q: Unit([9, 3])",
        {"ws": ((4, 8), (8, 4), (5, 5), (1, 9))},
    ),
}  # fmt: skip


def text_of(value: Any) -> str:
    """Return a value as the language writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(text_of, value))}]"
    return str(value).lower()


def net(block: str, uses: str, size: str = "8x8x8") -> str:
    return f"{block}model Net {{\n input x: {size}\n {uses}\n}}\n"


@pytest.mark.parametrize("name", CASES)
def test_a_class_with_lists_is_right_for_every_list_that_it_accepts(name: str) -> None:
    block, uses, values = CASES[name]
    source = module_of(net(block, uses))
    assert source.count("\nclass Unit") == 1
    made = class_of(source, "Unit")
    x = torch.rand(2, 8, 8, 8)
    accepted = refused = 0
    for chosen in itertools.product(*values.values()):
        arguments = dict(zip(values, chosen, strict=True))
        call = ", ".join(f"{key} = {text_of(value)}" for key, value in arguments.items())
        alone = compiled(f"{block}model Probe {{\n input x: 8x8x8\n b: Unit({call})\n}}\n")
        try:
            unit = made(in_channels=8, **arguments).eval()
            unit(x)
        except REFUSED as error:
            assert alone is None or "needs" in str(error) or "combinations" in str(error), f"{arguments} is refused"
            refused += 1
            continue
        assert alone is not None, f"{arguments} is accepted"
        require_equal(unit, class_of(generate(alone), "Probe")().eval(), x, str(arguments))
        accepted += 1
    assert accepted


@pytest.mark.filterwarnings("ignore")
def test_a_list_in_forward_is_scripted_and_exported(tmp_path: Path) -> None:
    block = "block Unit(ks) { maxpool(ks, 1) -> maxpool(ks[1], 1) }\n"
    path = tmp_path / "listed.arch"
    path.write_text(net(block, "p: Unit([2, 3]) -> q: Unit([3, 2])"))
    module = archdsl.load(path).eval()
    x = torch.rand(2, 8, 8, 8)
    assert torch.equal(torch.jit.script(module)(x), module(x))
    assert torch.equal(torch.export.export(module, (x,)).module()(x), module(x))


def test_the_name_of_a_list_in_forward_is_no_attribute_of_modules() -> None:
    block = "block Unit(half, w) { a: conv(w + half[1], 1) -> maxpool(half[0], 1) }\n"
    source = module_of(net(block, "p: Unit([2, 3], 4) -> q: Unit([2, 3], 8)"))
    assert "self.half_ = half" in source and "self.half_[0]" in source
    made = class_of(source, "Unit")(8, (2, 3), 4)
    assert made(torch.rand(2, 8, 8, 8)).shape == (2, 7, 7, 7)


def test_the_items_of_a_loop_in_a_model_stay_open() -> None:
    source = module_of(net("", "for i, w in enumerate([width, 2 * width]) { c{i}: conv(w, 1) -> relu }").replace(
        "model Net {", "model Net(width = 4) {"))  # fmt: skip
    made = class_of(source, "Net")(width=6)
    assert made.c1.weight.shape == (12, 6, 1, 1)


STACKED = """
block Attention(squeeze, width, paths = 2) {
  sum(0) -> global_avgpool -> reduce: conv(squeeze, 1) -> relu
  choose: conv(width * paths, 1) -> reshape((paths, width, 1, 1)) -> softmax
}
block Selective(width, stride) {
  paths: [stack { conv(width, 3, stride, padding = 1); conv(width, 1, stride) }]
  mul { identity; attn: Attention(make_divisible(width // 2, 4), width) }
  sum(0)
}
"""


def test_the_channels_of_a_stack_are_an_argument() -> None:
    source = module_of(net(STACKED, "p: Selective(8, 1) -> q: Selective(16, 2) -> r: Selective(4, 1)"))
    assert source.count("\nclass Attention") == source.count("\nclass Selective") == 1
    assert "in_size1: int" in source
    x = torch.rand(2, 8, 8, 8)
    for width, stride in itertools.product((4, 6, 16), (1, 2, 3)):
        alone = compiled(net(STACKED, f"b: Selective({width}, {stride})"))
        assert alone
        made = class_of(source, "Selective")(8, width, stride).eval()
        require_equal(made, class_of(generate(alone), "Net")().eval(), x, f"{width}, {stride}")


CONV = (
    "block Conv(w, kernel, stride = 1, padding = half) = "
    "c: conv(w, kernel, stride, padding = padding) -> batchnorm -> relu\n"
)
# Blocks whose uses have numbers and pairs, or numbers and one word; the values that are tried, as the class and as the
# language have them.
MIXED: dict[str, tuple[str, str, str, dict[str, dict[Any, str]]]] = {
    "a number or a pair, and padding or half": (
        CONV, "Conv", "p: Conv(4, 3) -> q: Conv(8, 1x3) -> r: Conv(8, 3, 2, padding = 0) -> s: Conv(4, 1)",
        {"w": {4: "4", 6: "6"}, "stride": {1: "1", 2: "2"}, "padding": {None: "half", 0: "0", 2: "2"},
         "kernel": {(3, 3): "3", (1, 3): "1x3", (5, 1): "5x1", (2, 2): "2", (2, 1): "2x1", (3,): "(3, 3, 3)"}},
    ),
    "pairs with equal numbers only": (
        CONV, "Conv", "p: Conv(4, 3) -> q: Conv(8, 5x5) -> r: Conv(8, 3x3)",
        {"w": {4: "4"}, "kernel": {(3, 3): "3", (1, 3): "1x3", (5, 5): "5"}},
    ),
    "a padding that is half of the kernel by chance": (
        CONV, "Conv", "p: Conv(4, 3) -> q: Conv(8, 3, padding = 1) -> r: Conv(8, 5, padding = 2)",
        {"w": {4: "4"}, "kernel": {3: "3", 5: "5", 2: "2"}, "padding": {None: "half", 0: "0", 1: "1"}},
    ),
    "a pool": (
        "block Pool(w, k, p = 0) = maxpool(k, 1, padding = p) -> c: conv(w, 1)\n", "Pool",
        "a: Pool(4, 3, 1) -> b: Pool(8, 3x2) -> c: Pool(4, 2)",
        {"w": {4: "4"}, "k": {(3, 3): "3", (2, 3): "2x3", (4, 4): "4"}, "p": {0: "0", 1: "1", 2: "2"}},
    ),
    "a number or none": (
        "block Unit(w, extra = none, k = 1) {\n a: conv(w, k, padding = half)\n"
        " if extra != none { b: conv(extra, 1) -> relu -> c: conv(w, 1) }\n}\n",
        "Unit", "a: Unit(4) -> b: Unit(8, 2) -> c: Unit(8, 3, 3) -> d: Unit(4, none, 3)",
        {"w": {4: "4", 6: "6"}, "extra": {None: "none", 1: "1", 5: "5"}, "k": {1: "1", 3: "3", 2: "2"}},
    ),
    "arguments that are handed on": (
        f"{CONV}block Two(w, kernel, padding = half) {{ a: Conv(w, kernel, padding = padding)"
        " -> b: Conv(4, kernel) }\n",
        "Two", "a: Two(4, 3) -> b: Two(8, 3x1) -> c: Two(4, 3, 2)",
        {"w": {4: "4"}, "kernel": {(3, 3): "3", (1, 3): "1x3", (5, 5): "5"}, "padding": {None: "half", 0: "0", 2: "2"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXED)
def test_arguments_of_several_types_have_one_class_that_is_right(name: str) -> None:
    block, of, uses, values = MIXED[name]
    source = module_of(net(block, uses))
    assert source.count(f"\nclass {of}") == 1
    made = class_of(source, of)
    x = torch.rand(2, 8, 8, 8)
    accepted = 0
    for chosen in itertools.product(*(each.items() for each in values.values())):
        arguments = {key: value for key, (value, _) in zip(values, chosen, strict=True)}
        call = ", ".join(f"{key} = {text}" for key, (_, text) in zip(values, chosen, strict=True))
        alone = compiled(f"{block}model Probe {{\n input x: 8x8x8\n b: {of}({call})\n}}\n")
        try:
            unit = made(in_channels=8, **arguments).eval()
            unit(x)
        except REFUSED as error:
            assert alone is None or "needs" in str(error), f"{call} is refused: {error}"
            continue
        assert alone is not None, f"{call} is accepted"
        require_equal(unit, class_of(generate(alone), "Probe")().eval(), x, call)
        accepted += 1
    assert accepted > 1


def test_lists_of_different_lengths_have_classes_of_their_own() -> None:
    block = "block Unit(ws) {\n for i, w in enumerate(ws) { c{i}: conv(w, 1) -> relu }\n}\n"
    graph = compiled(net(block, "p: Unit([4, 8]) -> q: Unit([4, 8, 2])"))
    assert graph
    module = generate_with_notes(graph)
    assert module.notes == ("Unit has 2 classes: `ws` has different lengths at net.arch:1",)
    for name, ws in (("Unit", (5, 3)), ("Unit2", (5, 3, 2))):
        made = class_of(generate(graph), name)
        assert made(8, ws)(torch.rand(2, 8, 8, 8)).shape[1] == ws[-1]
        with pytest.raises(ValueError, match="needs len"):
            made(8, (*ws, 4))
