"""Forward hooks: PyTorch calls every submodule that has a label through the module, so that its hooks fire."""

import copy
from typing import Any

import pytest
import torch
from built import NAMES, module, net, sample
from torch import Tensor, nn

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph, ChildNaming, Container

TAPPED = """model Tapped {
  input image: 3x8x8
  a: identity
  b: conv(3, 1) -> tap: identity -> c: conv(4, 1)
  block: { first: identity; d: dropout(0.5) -> last: identity }
  layers: [identity -> relu -> identity]
  add { @tap -> e: conv(4, 1); identity } -> relu -> end: identity
  output early: @tap
}
"""
SHORT = ("lenet5", "densenet121")


def hooked(graph: CheckedGraph, made: nn.Module) -> set[str]:
    """Return the submodules that a forward pass in training calls."""
    fired: set[str] = set()
    for name, child in made.named_modules():
        child.register_forward_hook(lambda _module, _given, _result, name=name: fired.add(name))
    with torch.no_grad():
        made.train()(*sample(graph, 2, device="meta"))
    return fired


def expected(graph: CheckedGraph, made: nn.Module) -> set[str]:
    """Return the submodules that should be called: all but the towers whose steps the module around them runs."""
    inline = {".".join(part.path) for part in containers(graph.root) if part.inline}
    return {name for name, child in made.named_modules() if name not in inline}


def containers(part: Container) -> list[Container]:
    inner = [child for child in part.children if isinstance(child, Container)]
    return [part, *(each for child in inner for each in containers(child))]


def missing(graph: CheckedGraph) -> set[str]:
    made = module(graph, "meta")
    return expected(graph, made) - hooked(graph, made)


@pytest.mark.parametrize("name", SHORT)
def test_hooks_fire(name: str) -> None:
    assert missing(net(name)) == set()


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_hooks_fire_in_every_net(name: str) -> None:
    assert missing(net(name)) == set()


def test_a_labelled_identity_is_called() -> None:
    graph = compile_source(Source("tapped.arch", TAPPED)).models[0]
    assert {part.kind for part in containers(graph.root)} == {ChildNaming.NAMED, ChildNaming.NUMBERED}
    assert missing(graph) == set()
    assert {"a", "tap", "block.first", "block.last", "end", "layers.0"} <= expected(graph, module(graph))


def test_nothing_overwrites_what_an_identity_returns() -> None:
    graph = compile_source(Source("tapped.arch", TAPPED)).models[0]
    made = module(graph).eval()
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def note(name: str) -> Any:
        return lambda _module, _given, result: seen.__setitem__(name, (result, copy.deepcopy(result)))

    for name in ("a", "tap", "block.first", "block.last"):
        made.get_submodule(name).register_forward_hook(note(name))
    with torch.no_grad():
        made(*sample(graph))
    assert all(torch.equal(before, after) for before, after in seen.values())
    assert len(seen) == 4
