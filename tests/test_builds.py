"""Every build of a net computes the same: fused towers, pipeline stages, towers in processes, and placements.

`ARCHDSL_EXAMPLES=5000 ARCHDSL_SEED=1 python -m pytest tests/test_builds.py -m long` draws other random programs.
"""

import os
from collections import Counter
from dataclasses import replace

import pytest
import torch
from nets import graph_of
from placed import class_of
from program_builds import Builds
from program_outcome import compiled
from programs import draw
from test_sidecar import filled, result
from test_torch import samples_of

from archdsl.diag.model import Refusal
from archdsl.emit.generate import generate
from archdsl.gallery.entries import graphs
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.assign import placed
from archdsl.passes.invariants import InvalidGraph, assert_valid
from archdsl.passes.lowering import lowered
from archdsl.place import place
from archdsl.python.api import compile
from archdsl.syntax.loader import gallery_models

COUNT = int(os.environ.get("ARCHDSL_EXAMPLES", "400"))
FIRST = 100_000 * int(os.environ.get("ARCHDSL_SEED", "0"))
# Programs with nested groups, with exchanges, and with the arguments of blocks that are lists.
SEEDS = (29, 186)


def built(graph: CheckedGraph, seed: int, *names: str) -> Counter[str]:
    """Hold the builds with these names, or all, against the plain module; return how many there are of each."""
    found: Counter[str] = Counter()
    builds = Builds(graph, seed)
    for name, run in builds.all().items():
        if names and name not in names:
            continue
        try:
            run()
        except Refusal:
            continue
        found[name] += 1
    return found


def built_programs(seeds: range | tuple[int, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        program = draw(seed)
        result = compiled(program.text)
        if result.ok:
            try:
                found += built(result.models[0], seed)
            except Exception as error:
                raise AssertionError(str(program)) from error
    return found


def test_builds_of_random_programs_compute_the_same() -> None:
    found = built_programs(SEEDS)
    assert {"towers", "2 stages", "5 stages", "3 devices", "scattered over 4"} <= found.keys()


@pytest.mark.long
def test_builds_of_many_random_programs_compute_the_same() -> None:
    assert sum(built_programs(range(FIRST, FIRST + COUNT)).values()) > 5 * COUNT


# Nets of a few lines, each with one thing that a build once got wrong.
NETS = {
    "towers merged in a block": """block Block = group t{0..1} { c: conv(4, 1) } -> add -> relu
model Net {
  input x: 4x8x8
  a: Block
  b: conv(2, 1)
}
""",
    "towers merged in a block in a list, with exchanges": """block Inner(n) { group t{0..1} {
  c: conv(n, 1) -> exchange -> d: conv(n, 1) } -> concat -> relu }
model Net(n = 3) {
  input x: 4x8x8
  a: [Inner(n) -> relu]
  b: conv(2, 1)
}
""",
    "groups in towers": """model Net {
  input x: 4x8x8
  group t{0..1} { group u{0..2} { c: conv(4, 1) -> exchange -> d: conv(2, 1) } -> add -> e: conv(3, 1) } -> concat
  f: conv(2, 1)
}
""",
    "towers that end in different steps": """model Net {
  input signal: 4x6
  group tower{0..1} {
    z: tanh -> selu
    @z if tower == 0
  } -> concat
  c: conv(2, 1)
}
""",
    "submodules of towers that end in different steps": """model Net {
  input signal: 4x6
  group tower{0..1} {
    y: { z: tanh -> selu
      @z if tower == 0 }
    relu
  } -> concat
  c: conv(2, 1)
}
""",
    "exchange after exchange": """model Net {
  devices gpu0, gpu1
  input other: 6x8
  split(2) -> group lane{0..1} on gpu{0..1} {
    a: linear(2) -> (split(3) -> add -> norm: batchnorm if tower == 0)
    exchange -> b: layernorm
    exchange -> c: instancenorm
  } -> add
}
""",
    "weights of an unread step": """model Net {
  devices gpu0, gpu1
  input x: 6x8x8
  group lane{0..1} on gpu{0..1} {
    exchange -> f: conv(6, 1)
    group tower{0..1} on gpu0 {
      e: rmsnorm
      @f -> rrelu(0.2) -> share @e
    } -> concat
    exchange -> g: conv(2, 1)
  } -> add
}
""",
    "a size of a block": """block R(d) { down: linear(d) }
model Net(k = 3) {
  input x: 4
  layers: [R(4) * k]
}
""",
    "an input and a step with one name": """model Net {
  input a: 8
  add { a: linear(8) -> relu -> linear(8); @a } -> b: linear(8) -> c: add { @a; identity } -> d: linear(8)
}
""",
    "a value that leaves a submodule and is read in it": """block Two(n) {
  c: linear(n) -> d: linear(n) -> e: relu -> add { @c; identity } -> f: linear(n) -> add { @c; identity }
  @c
}
model Net {
  input x: 8
  a: Two(8) -> b: Two(8) -> add { @a; identity } -> g: linear(8)
}
""",
}


@pytest.mark.parametrize("name", NETS)
def test_builds_of_small_nets_compute_the_same(name: str) -> None:
    needed = {"2 stages", "4 devices", "scattered over 3", *(("fused", "towers") if "towers" in name else ())}
    assert needed <= built(graph_of(NETS[name]), 0).keys()


def test_a_graph_whose_submodule_keeps_a_value_is_invalid() -> None:
    graph = lowered(graph_of("model Net {\n input x: 8\n a: { b: linear(8) -> c: linear(8) } -> d: linear(4)\n}\n"))
    assert_valid(graph)
    (inner, last) = graph.root.children
    wrong = replace(last, sources=(("a", "b"),))  # type: ignore[arg-type]
    root = replace(graph.root, children=(inner, wrong))
    with pytest.raises(InvalidGraph, match=r"d: reads a\.b, which a keeps"):
        assert_valid(replace(graph, graph=replace(graph.graph, root=root)))


# The gallery


def assert_placed_anywhere(name: str, graph: CheckedGraph, counts: range) -> None:
    """Hold a net of the gallery on several devices against the net on one."""
    samples = samples_of(graph, 1)
    plain = filled(class_of(generate(graph), graph.name)())
    expected = result(plain, samples)
    for count in counts:
        if count < len(graph.devices):
            continue
        after = placed(graph, place(graph, count).devices)
        assert_valid(lowered(after))
        net = class_of(generate(after), after.name)(devices="cpu").eval()
        net.load_state_dict(plain.state_dict())
        torch.testing.assert_close(result(net, samples), expected, equal_nan=True, msg=f"{name} on {count} devices")


@pytest.mark.parametrize(("name", "count"), [("efficientnet_b0", 5), ("resnet20", 3)])
def test_a_net_of_the_gallery_computes_the_same_on_several_devices(name: str, count: int) -> None:
    assert_placed_anywhere(name, compile(name).models[-1], range(count, count + 1))


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(gallery_models()))
def test_the_gallery_computes_the_same_on_2_to_8_devices(name: str) -> None:
    assert_placed_anywhere(name, graphs((name,))[name], range(2, 9))
