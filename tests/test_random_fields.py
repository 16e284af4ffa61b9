"""Receptive fields of random nets, held against the support of gradients.

The nets have one to three axes of pixels or are sequences. They have slices, groups, dilation, strides, transposed
convolutions, causal padding, splits, concatenations and residuals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from random import Random
from typing import TypeAlias

import pytest
import torch
from built import module, sample
from nets import graph_of
from test_fields import averaging, positive  # noqa: F401

from archdsl.ir.graph import CheckedGraph, Node, Path
from archdsl.ir.positions import position_axes
from archdsl.ops.dependence import Interval
from archdsl.report.receptive_fields import ReceptiveField, UnitFields, receptive_fields

Step: TypeAlias = str


@dataclass
class Maps:
    """Draws the steps of a net of maps, of which it follows the shape.

    `most` is the largest number of elements of a map, so that gradients stay fast.
    """

    random: Random
    channels: int
    sides: list[int]
    most: int = 3000
    labels: int = 0

    def text(self, steps: int) -> str:
        """Return a net with this number of steps."""
        shape = "x".join(map(str, (self.channels, *self.sides)))
        role = "map " if len(self.sides) == 1 else ""
        lines = [self.step() for _ in range(steps)]
        return "\n".join(["model M {", f"  input x: {role}{shape}", *(f"  {line}" for line in lines), "}"])

    def step(self) -> Step:
        """Draw a step."""
        kinds: list[Callable[[], Step]] = [
            self.conv, self.conv, self.grouped, self.causal, self.cut, self.channel_cut, self.parts, self.residual,
            self.joined_along_a_side, self.pool, self.transposed, self.pad, self.upsample, self.shuffle,
        ]  # fmt: skip
        for _ in range(20):
            before = self.channels, list(self.sides)
            made = self.random.choice(kinds)()
            if made and min(self.sides) > 0 and self.channels * prod(self.sides) <= self.most:
                return made
            self.channels, self.sides = before
        return "identity"

    def label(self) -> str:
        self.labels += 1
        return f"s{self.labels}"

    def axis(self) -> int:
        return self.random.randrange(len(self.sides))

    def each(self, low: int, high: int) -> list[int]:
        return [self.random.randint(low, high) for _ in self.sides]

    @staticmethod
    def shown(values: list[int]) -> str:
        return str(values[0]) if len(values) == 1 else "x".join(map(str, values))

    def conv(self) -> Step:
        kernel, stride, dilation = self.each(1, 4), self.each(1, 3), self.each(1, 2)
        padding = [self.random.randint(0, side - 1) for side in kernel]
        spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
        sizes = zip(self.sides, padding, spans, stride, strict=True)
        self.sides = [(n + 2 * p - s) // step + 1 if n + 2 * p >= s else 0 for n, p, s, step in sizes]
        self.channels = self.random.randint(1, 4)
        more = f", {self.shown(stride)}, padding = {self.shown(padding)}, dilation = {self.shown(dilation)}"
        return f"{self.label()}: conv({self.channels}, {self.shown(kernel)}{more})"

    def grouped(self) -> Step:
        divisors = [count for count in (2, 3, 4) if self.channels % count == 0]
        if not divisors:
            return ""
        groups = self.random.choice(divisors)
        self.channels = groups * self.random.randint(1, 2)
        return f"{self.label()}: conv({self.channels}, 3, padding = 1, groups = {groups})"

    def causal(self) -> Step:
        kernel, spread, axis = self.random.randint(2, 3), self.random.choice([1, 2, 4]), self.axis()
        before = [(kernel - 1) * spread if each == axis else 0 for each in range(len(self.sides))]
        kernels = [kernel if each == axis else 1 for each in range(len(self.sides))]
        none = self.shown([0] * len(self.sides))
        pad = f"pad({self.shown(before)}, after = {none})"
        return f"{pad} -> {self.label()}: conv({self.channels}, {self.shown(kernels)}, dilation = {spread})"

    def cut(self) -> Step:
        axis = self.axis()
        size = self.sides[axis]
        start = self.random.randrange(size)
        stop = self.random.randint(start + 1, size)
        self.sides[axis] = stop - start
        return f"slice({start}, {stop}, axis = {axis + 1})"

    def channel_cut(self) -> Step:
        start = self.random.randrange(self.channels)
        self.channels -= start
        return f"slice({start})"

    def parts(self) -> Step:
        count = self.random.choice([2, 3])
        if self.channels % count:
            return ""
        return f"split({count}) -> concat"

    def residual(self) -> Step:
        kernel = self.random.choice([1, 3, 5])
        return f"residual {{ {self.label()}: conv({self.channels}, {kernel}, padding = half) }}"

    def joined_along_a_side(self) -> Step:
        axis = self.axis()
        one, two = self.label(), self.label()
        self.sides[axis] *= 2
        branches = f"{one}: conv({self.channels}, 1); {two}: conv({self.channels}, 3, padding = 1)"
        return f"concat(axis = {axis + 1}) {{ {branches} }}"

    def pool(self) -> Step:
        kernel, stride = self.each(1, 3), self.each(1, 3)
        self.sides = [(n - k) // s + 1 if n >= k else 0 for n, k, s in zip(self.sides, kernel, stride, strict=True)]
        return f"avgpool({self.shown(kernel)}, {self.shown(stride)})"

    def transposed(self) -> Step:
        kernel, stride = self.random.randint(1, 3), self.random.randint(1, 2)
        self.sides = [(n - 1) * stride + kernel for n in self.sides]
        return f"{self.label()}: conv_transpose({self.channels}, {kernel}, {stride})"

    def pad(self) -> Step:
        mode = self.random.choice(["constant", "reflect", "replicate", "circular"])
        if min(self.sides) < 3:
            return ""
        before = self.each(0, 2)
        self.sides = [n + 2 * more for n, more in zip(self.sides, before, strict=True)]
        return f"pad({self.shown(before)}, mode = {mode})"

    def upsample(self) -> Step:
        self.sides = [2 * n for n in self.sides]
        return "upsample(2)"

    def shuffle(self) -> Step:
        return "channel_shuffle(2)" if self.channels % 2 == 0 else ""


def of_maps(seed: int) -> str:
    """Return a random net with one to three axes of pixels."""
    random = Random(seed)
    axes = random.choice([1, 1, 2, 2, 3])
    sides = [random.randint(5, {1: 60, 2: 16, 3: 8}[axes]) for _ in range(axes)]
    return Maps(random, random.randint(1, 4), sides).text(random.randint(2, 8))


def of_steps(seed: int) -> str:
    """Return a random net on a sequence or on the pixels of a map."""
    random = Random(seed)
    steps, features = random.randint(4, 12), 4
    grid = random.choice([(steps,), (3, steps)])
    lines = [f"  input x: {'map ' if len(grid) == 1 else ''}{'x'.join(map(str, (features, *grid)))}"]
    lines += [f"  c: conv({features}, 3, padding = 1)", "  tokens"]
    known = prod(grid)
    for number in range(random.randint(1, 4)):
        kind = random.choice(["linear", "causal", "gru", "cut", "parts", "norm", "class_token", "attention", "back"])
        if kind == "cut" and known > 2:
            start = random.randint(0, known - 2)
            lines.append(f"  slice({start}, {known - 1})")
            known = known - 1 - start
        elif kind == "class_token":
            lines.append("  class_token -> slice(1)")
        elif kind == "back":
            size = "x".join(map(str, grid)) if known == prod(grid) else str(known)
            lines.append(f"  maps({size}) -> m{number}: conv({features}, 3, padding = 1) -> tokens")
        else:
            made = {
                "causal": f"a{number}: attention(2, causal = true)", "gru": f"g{number}: gru({features})",
                "parts": "split(2, axis = -1) -> concat(axis = 1)", "norm": f"n{number}: linear({features})",
                "attention": f"t{number}: attention(2)",
            }  # fmt: skip
            lines.append("  " + made.get(kind, f"l{number}: linear({features})"))
    return "\n".join(["model M {", *lines, "}"])


def support_of(
    graph: CheckedGraph, wanted: dict[Path, list[tuple[int, ...]]]
) -> list[tuple[Node, tuple[int, ...], tuple[Interval, ...] | None]]:
    """Return for units of steps the smallest intervals that contain the positions with a gradient."""
    made = positive(module(graph))
    (x,) = [tensor.double().uniform_(0.6, 0.95).requires_grad_() for tensor in sample(graph)]
    results: dict[str, torch.Tensor] = {}
    for name, child in made.named_modules():
        child.register_forward_hook(lambda _m, _i, out, name=name: results.setdefault(name, out))
    results[".".join(graph.output.path)] = made(x)
    axes, given = position_axes(graph, graph.inputs[0]), []
    for node in graph.nodes:
        result = results.get(".".join(node.path))
        for unit in wanted.get(node.path, ()) if result is not None else ():
            index: list[int | slice] = [slice(None)] * node.shape.rank
            for axis, place in zip(graph.role(node.path).position_axes(node.shape.rank), unit, strict=True):
                index[axis] = place
            assert result is not None
            (gradient,) = torch.autograd.grad(result[(0, *index)].sum(), [x], retain_graph=True, allow_unused=True)
            given.append((node, unit, None if gradient is None else _hull(gradient[0], axes)))
    return given


def _hull(gradient: torch.Tensor, axes: tuple[int, ...]) -> tuple[Interval, ...] | None:
    places = gradient.nonzero()
    if not len(places):
        return None
    return tuple((int(places[:, axis].min()), int(places[:, axis].max())) for axis in axes)


def compare(field: ReceptiveField, unit: tuple[int, ...], support: tuple[Interval, ...], sides: list[int]) -> None:
    """Hold the field that follows from windows alone, without borders, against the support of a unit's gradient."""
    if field.everything:
        return
    for number, (axis, (first, last), side) in enumerate(zip(field.axes, support, sides, strict=True)):
        assert last - first + 1 <= min(axis.size, side), (field, unit, support)
        if len(unit) == len(sides):
            low, high = axis.at(unit[number])
            assert low <= first and last <= high, (field, unit, support)


def agree(text: str, seed: int) -> int:
    """Hold the fields of a net against gradients, and return how many units were compared."""
    random = Random(seed)
    graph = graph_of(text)
    exact, forward = UnitFields(graph), receptive_fields(graph)
    wanted: dict[Path, list[tuple[int, ...]]] = {}
    for node in [*random.sample(graph.nodes, min(4, len(graph.nodes))), graph.nodes[-1]]:
        sizes = [int(node.shape.dims[axis]) for axis in exact.axes(node.path)]
        places = [tuple(random.randrange(size) for size in sizes) for _ in range(3)]
        wanted[node.path] = list(dict.fromkeys([tuple(0 for _ in sizes), tuple(size - 1 for size in sizes), *places]))
    count = 0
    sides = [int(graph.inputs[0].shape.dims[axis]) for axis in position_axes(graph, graph.inputs[0])]
    for node, unit, support in support_of(graph, wanted):
        found = exact.at(node.path, unit).get("x") if unit else exact.at(node.path).get("x")
        assert found == support, (text, node.path, unit)
        count += 1
        if support is None:
            continue
        # Windows that know of no borders do not know where copied pixels come from.
        if not any(mode in text for mode in ("reflect", "replicate", "circular")):
            compare(forward[node.path], unit, support, sides)
    return count


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize("make", [of_maps, of_steps])
def test_fields_of_random_nets_are_supports_of_gradients(make: Callable[[int], str]) -> None:
    assert sum(agree(make(seed), seed) for seed in range(25)) > 100


@pytest.mark.long
@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize("make", [of_maps, of_steps])
def test_fields_of_many_random_nets_are_supports_of_gradients(make: Callable[[int], str]) -> None:
    assert sum(agree(make(seed), seed) for seed in range(1000, 2500)) > 10_000


def test_a_causal_net_that_keeps_its_last_step_sees_what_its_windows_span() -> None:
    layers = "\n".join(
        f"  pad({3 * 2**n}, after = 0) -> {name}{n}: conv(2, 4, dilation = {2**n}) -> relu"
        for n in range(7)
        for name in "ab"
    )
    text = f"model Tcn {{\n  input x: map 1x1000\n{layers}\n  slice(999, axis = 1)\n"
    text += "  pad(0, after = 0) -> last: conv(2, 1) -> flatten -> out: linear(4)\n}"
    graph = graph_of(text)
    span = 763
    for node in graph.nodes[-3:]:
        assert receptive_fields(graph)[node.path].size == (span,)
        assert UnitFields(graph).at(node.path, () if node.shape.rank == 1 else (0,))["x"] == ((1000 - span, 999),)
