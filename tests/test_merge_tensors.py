"""Merged classes with optional tensors, sides of labels, and values and tensors behind tests."""

import importlib.util
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from test_constructors import REFUSED, class_of, compiled

from archdsl.emit.generate import generate

# A tree of blocks, with a tensor that only some uses are given: DLA (Yu et al., 2018).
TREE = """
block Leaf(width, stride, shortcut) {
  add { { conv1: conv(width, 3, stride, padding = 1) -> bn1: batchnorm }; shortcut } -> relu
}
block Root(width, before, kept) {
  concat { identity; before; kept if kept != none } -> conv: conv(width, 1)
}
block Unit(levels, width, stride = 1, level_root = false, kept = none) {
  x: identity
  maxpool(stride) if stride > 1 -> bottom: identity
  if levels == 1 {
    if channels != width { project: [conv(width, 1) -> batchnorm] } else { project: identity }
    @x -> tree1: Leaf(width, stride, @project)
    tree2: Leaf(width, 1, @tree1)
    root: Root(width, @tree1, @bottom if level_root else kept)
  } else {
    @x -> tree1: Unit(levels - 1, width, stride)
    if level_root { joined: concat { @bottom; @tree1 } } else { joined: identity }
    @tree1 -> tree2: Unit(levels - 1, width, kept = @joined)
  }
}
"""
TREES = "a: Unit(1, 8, 2) -> b: Unit(2, 16, 2, true) -> c: Unit(1, 32, 2, true) -> d: Unit(2, 32)"
GATED = """
block Unit(width, deep, kept = none) {
  a: conv(width, 1)
  if deep { relu }
  if kept != none { add { identity; kept } }
  b: conv(width, 3 if deep else 1, padding = 1 if deep else 0)
}
"""
# A block, its uses in a net with the input x and the tensor k of 8 channels, and the arguments that are tried.
CASES: dict[str, tuple[str, str, dict[str, tuple[Any, ...]]]] = {
    "a tree": (
        TREE, TREES,
        {"levels": (1, 2, 3), "width": (8, 16), "stride": (1, 2), "level_root": (False, True), "kept": (False, True)},
    ),
    "an optional tensor": (
        GATED, "a: Unit(8, true) -> b: Unit(8, false) -> c: Unit(8, false, @k) -> d: Unit(8, true, @k)",
        {"width": (8,), "deep": (False, True), "kept": (False, True)},
    ),
    "an optional tensor that one side reads": (
        "block Unit(width, deep, kept = none) {\n a: conv(width, 1)\n"
        " if deep { add { identity; kept } if kept != none }\n}\n",
        "a: Unit(8, true) -> b: Unit(8, false) -> c: Unit(8, true, @k) -> d: Unit(8, false, @k)",
        {"width": (8,), "deep": (False, True), "kept": (False, True)},
    ),
    "an optional tensor that is tested in uses without it": (
        "block Unit(width, deep, kept = none) {\n a: conv(width, 1)\n"
        " if deep { relu if kept != none }\n b: conv(width, 1) if deep\n}\n",
        "a: Unit(8, true) -> b: Unit(8, false, @k)",
        {"width": (8,), "deep": (False, True), "kept": (False, True)},
    ),
    "the name of a tensor that is the stream": (
        "block Unit(width, deep, x = none) {\n a: conv(width, 1)\n"
        " concat { identity; x } if x != none\n b: conv(width, 1)\n tanh if deep\n}\n",
        "a: Unit(8, true) -> b: Unit(8, false) -> c: Unit(8, false, @k) -> d: Unit(8, true, @k)",
        {"width": (8,), "deep": (False, True), "x": (False, True)},
    ),
    "numbers behind a test": (
        "block Unit(w, e = true, f = true) { a: conv(w, 3 if f else 1, padding = half); relu if e; tanh if f and e }\n",
        "a: Unit(8) -> b: Unit(8, false) -> c: Unit(8, true, false) -> d: Unit(8, false, false)",
        {"w": (4, 8), "e": (False, True), "f": (False, True)},
    ),
    "numbers behind the test of a step before": (
        "block Unit(w, s) { slice(0, w) if s == 1; b: conv(2 * w, 1); slice(0, w) if s == 2; c: conv(w, 1) }\n",
        "a: Unit(4, 1) -> conv(8, 1) -> b: Unit(4, 2) -> conv(8, 1) -> c: Unit(2, 3)",
        {"w": (2, 4), "s": (1, 2, 3)},
    ),
    "numbers that are equal by chance, behind a test": (
        "block Unit(w, s = 1) { a: conv(w if s == 1 else channels, 1); relu if s == 1 }\n",
        "a: Unit(8) -> b: Unit(8, 2)", {"s": (1, 2), "w": (4, 8)},
    ),
    "a label with two operators": (
        "block Unit(w, deep) {\n if deep { c: conv(w, 1) -> d: batchnorm } else { c: batchnorm -> d: conv(w, 1) }\n"
        " relu\n}\n",
        "a: Unit(8, true) -> b: Unit(8, false)", {"w": (4, 8), "deep": (False, True)},
    ),
    "a label with a module and a function": (
        "block Unit(w, deep) {\n a: conv(w, 1)\n if deep { c: identity } else { c: add { @a; @a } }\n b: conv(w, 1)\n"
        " concat { @c; @b }\n}\n",
        "a: Unit(8, true) -> conv(8, 1) -> b: Unit(8, false)", {"w": (4, 8), "deep": (False, True)},
    ),
    "a tensor behind a test": (
        "block Two(other) {\n concat { identity; other }\n}\n"
        "block Unit(w, t) {\n a: conv(w, 1)\n b: conv(w, 1)\n c: conv(w, 1)\n two: Two(@a if t else @b)\n}\n",
        "a: Unit(8, true) -> conv(8, 1) -> b: Unit(8, false)", {"w": (4, 8), "t": (False, True)},
    ),
    "a stream that is read later, before two optional steps": (
        "block Unit(w, e, f) {\n residual { relu if e; tanh if f; conv: conv(w, 1) } project { skip: conv(w, 1) }\n}\n",
        "a: Unit(8, true, true) -> b: Unit(4, false, true) -> c: Unit(8, true, false) -> d: Unit(8, false, false)",
        {"w": (4, 8), "e": (False, True), "f": (False, True)},
    ),
    "steps in the order of the source": (
        "block Unit(w, e, f) { a: conv(w, 1); relu if e; tanh if f; b: conv(w, 1) }\n",
        "a: Unit(8, true, false) -> b: Unit(8, false, true) -> c: Unit(8, true, true) -> d: Unit(8, false, false)",
        {"w": (4, 8), "e": (False, True), "f": (False, True)},
    ),
    "parameters with the names of methods and labels": (
        "block Unit(half, train = true, b = 1) {\n a: conv(2 * half, 1)\n relu if train\n slice(0, half) if b == 1\n"
        " b: conv(2 * half, 1)\n}\n",
        "a: Unit(4) -> b: Unit(4, false) -> c: Unit(6, true, 2)",
        {"half": (2, 4), "train": (False, True), "b": (1, 2)},
    ),
    "two optional tensors": (
        "block Unit(w, l = none, kept = none) {\n a: conv(w, 1)\n if l != none { add { identity; l } }\n"
        " concat { identity; kept if kept != none } -> b: conv(w, 1)\n}\n",
        "a: Unit(8) -> b: Unit(8, @k) -> c: Unit(8, kept = @k) -> d: Unit(8, @a, @k)",
        {"w": (8,), "kept": (False, True)},
    ),
}  # fmt: skip


def source_of(block: str, uses: str) -> str:
    graph = compiled(f"{block}model Net {{\n input x: 8x8x8\n k: identity\n {uses}\n}}\n")
    assert graph
    return generate(graph)


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str], Any]:
    """Return a function that imports a module from a file, which `torch.jit.script` reads."""

    def imported(source: str) -> Any:
        file = tmp_path / "generated.py"
        file.write_text(source)
        spec = importlib.util.spec_from_file_location("generated", file)
        assert spec
        assert spec.loader
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        return found

    return imported


def products(values: dict[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


@pytest.mark.parametrize("name", CASES)
def test_the_class_equals_the_block_for_all_values_that_it_accepts(name: str) -> None:
    block, uses, values = CASES[name]
    source = source_of(block, uses)
    assert len(re.findall(r"^class Unit", source, re.MULTILINE)) == 1
    made, accepted = class_of(source, "Unit"), 0
    tensor = next((key for key in ("kept", "x") if key in values), "")
    for chosen in products(values):
        given = {key: value for key, value in chosen.items() if key != tensor}
        has = chosen.get(tensor, False)
        text = ", ".join(f"{key} = {str(value).lower()}" for key, value in given.items())
        call = f"Unit({text}{f', {tensor} = @k' if has else ''})"
        alone = compiled(f"{block}model Probe {{\n input a: 8x8x8\n input k: 8x8x8\n @a -> b: {call}\n}}\n")
        a, k = torch.rand(2, 8, 8, 8), torch.rand(2, 8, 8, 8)
        # A tensor that no use reads is no argument.
        given_tensors = {tensor: k} if has and f"{tensor}: Tensor | None" in source else {}
        try:
            net = made(in_channels=8, **given, **({f"{tensor}_channels": 8} if has else {})).eval()
            net(a, **given_tensors)
        except REFUSED as error:
            assert alone is None or "other combinations" in str(error), f"{chosen} is refused: {error}"
            continue
        assert alone is not None, f"{chosen} is accepted"
        accepted += 1
        other = class_of(generate(alone), "Probe")().eval()
        state = {f"b.{key}": value for key, value in net.state_dict().items()}
        assert {key: each.shape for key, each in state.items()} == {
            key: each.shape for key, each in other.state_dict().items()
        }, str(chosen)
        other.load_state_dict(state)
        for training in (False, True):
            one = net.train(training)(a, **given_tensors)
            assert torch.equal(one, other.train(training)(a, k)), str(chosen)
    assert accepted


@pytest.mark.parametrize("name", ["a tree", "an optional tensor"])
def test_the_class_is_scripted_and_exported(name: str, module: Callable[[str], Any]) -> None:
    block, uses, _ = CASES[name]
    net = module(source_of(block, uses)).Net().eval()
    x = torch.rand(3, 8, 8, 8)
    assert torch.allclose(torch.jit.script(net)(x), net(x))
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},)).module()
    other = torch.rand(5, 8, 8, 8)
    assert torch.allclose(exported(other), net(other))
