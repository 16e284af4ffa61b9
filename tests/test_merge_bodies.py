"""Blocks and macros of several steps as arguments of a block: they shape its steps, and so its class."""

import itertools
import re

import pytest
import torch
from test_constructors import REFUSED, class_of, compiled
from test_merge import require_equal

from archdsl.emit.generate import generate

BLOCKS = """
macro Fused(width, expand) {
  block: [
    [conv(channels * expand, 3, padding = 1) -> relu]
    [conv(width, 1)] if expand > 1
  ]
}
macro Separate(width, expand) {
  block: [
    [conv(channels * expand, 1) -> relu]
    [conv(width, 1)]
  ]
}
block Unit(Body, width, expand) {
  if channels == width {
    residual { Body(width, expand) -> tanh }
  } else {
    Body(width, expand)
  }
}
"""
USES = """
  a: Unit(Fused, 8, 1) -> b: Unit(Fused, 12, 2) -> c: Unit(Fused, 12, 2)
  d: Unit(Separate, 8, 2) -> e: Unit(Separate, 8, 3)
"""
SOURCE = f"{BLOCKS}model Net {{\n input x: 8x8x8\n{USES}}}\n"


def test_a_class_is_named_after_the_macro_that_shapes_it() -> None:
    graph = compiled(SOURCE)
    assert graph
    assert re.findall(r"^class (\w+)", generate(graph), re.MULTILINE) == ["FusedUnit", "SeparateUnit", "Net"]


@pytest.mark.parametrize("body", ["Fused", "Separate"])
def test_each_class_is_right_for_other_values(body: str) -> None:
    graph = compiled(SOURCE)
    assert graph
    made, accepted = class_of(generate(graph), f"{body}Unit"), 0
    for width, expand in itertools.product((8, 12), (1, 2, 3)):
        alone = compiled(f"{BLOCKS}model Probe {{\n input x: 8x8x8\n b: Unit({body}, {width}, {expand})\n}}\n")
        x = torch.rand(2, 8, 8, 8)
        try:
            net = made(in_channels=8, width=width, expand=expand).eval()
            net(x)
        except REFUSED as error:
            assert alone is None or "other combinations" in str(error), f"{width}, {expand}: {error}"
            continue
        assert alone is not None, f"{width}, {expand}"
        require_equal(net, class_of(generate(alone), "Probe")().eval(), x, f"{width}, {expand}")
        accepted += 1
    assert accepted > 1


def test_uses_with_one_macro_keep_the_name_of_the_block() -> None:
    graph = compiled(f"{BLOCKS}model Net {{\n input x: 8x8x8\n a: Unit(Fused, 8, 1) -> b: Unit(Fused, 12, 2)\n}}\n")
    assert graph
    assert re.findall(r"^class (\w+)", generate(graph), re.MULTILINE) == ["Unit", "Net"]


def test_a_block_as_an_argument_names_the_class() -> None:
    text = (
        "block One(w) { c: conv(w, 1) }\nblock Two(w) { c: conv(w, 3, padding = 1) }\n"
        "block Unit(Part, w, deep) { p: Part(w); relu if deep; q: Part(w) }\n"
        "model Net {\n input x: 8x8x8\n a: Unit(One, 8, true) -> b: Unit(One, 8, false) -> c: Unit(Two, 8, true)\n}\n"
    )
    graph = compiled(text)
    assert graph
    found = re.findall(r"^class (\w+)", generate(graph), re.MULTILINE)
    assert found == ["One", "OneUnit", "Two", "TwoUnit", "Net"]
