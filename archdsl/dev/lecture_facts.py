"""Facts for docs/lecture.md, computed from compiled nets, and the statements that they are compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File

from archdsl.base.source import Source
from archdsl.compare.table import depth
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph, Node, dotted, only_in_training
from archdsl.report.receptive_fields import receptive_fields
from archdsl.syntax.loader import locate

SMALL_NETS = File(__file__).parent.parent.parent / "docs" / "lecture.arch"
LAYERS = ("convolution", "pooling", "linear")
Matrix = tuple[tuple[int, ...], ...]


@cache
def net(name: str) -> CheckedGraph:
    """Return a net of the gallery."""
    found = locate(name)
    return compile_source(found.source, model=found.model).models[-1]


@cache
def small(name: str) -> CheckedGraph:
    """Return a net of docs/lecture.arch."""
    source = Source(SMALL_NETS.name, SMALL_NETS.read_text(encoding="utf-8"))
    return compile_source(source, model=name).models[-1]


def node(graph: CheckedGraph, path: str) -> Node:
    """Return the step at a dotted path."""
    return next(each for each in graph.nodes if dotted(each.path) == path)


def layers(graph: CheckedGraph) -> tuple[Node, ...]:
    """Return the convolutions, pools and matrix products of a net, in the order of its source."""
    return tuple(each for each in graph.nodes if each.op.family in LAYERS)


def biases(step: Node) -> int:
    """Return the number of biases of a convolution or matrix product: one for each channel of its result."""
    return step.shape.plain().channels if step.params and step.op.values.get("bias") else 0


def weights(steps: Sequence[Node]) -> int:
    """Return the number of weights of steps, without biases."""
    return sum(step.params - biases(step) for step in steps)


def volume(steps: Sequence[Node]) -> int:
    """Return the number of values in the results of steps, for one sample."""
    return sum(step.shape.plain().volume for step in steps)


def with_inputs(graph: CheckedGraph, steps: Sequence[Node]) -> int:
    """Return the number of values in the inputs of a net and the results of some of its steps, for one sample."""
    return sum(given.shape.plain().volume for given in graph.inputs) + volume(steps)


def always_needed(graph: CheckedGraph) -> tuple[Node, ...]:
    """Return the steps of a net that evaluation needs: without auxiliary heads, for example."""
    left_out = only_in_training(graph.graph)
    return tuple(each for each in graph.nodes if each.path not in left_out)


def trainable(steps: Sequence[Node]) -> int:
    """Return the number of trainable parameters of steps."""
    return sum(step.params for step in steps)


def field_sides(graph: CheckedGraph) -> tuple[int, ...]:
    """Return the side of the receptive field of each step of a net, in pixels."""
    found = receptive_fields(graph)
    return tuple(found[each.path].size[0] for each in graph.nodes)


def cross_correlation(picture: Matrix, window: Matrix) -> Matrix:
    """Return the sums of products of a window with each part of a picture that it fits on, without a flip."""
    high, wide = len(window), len(window[0])
    rows, columns = range(len(picture) - high + 1), range(len(picture[0]) - wide + 1)
    return tuple(
        tuple(sum(picture[r + i][c + j] * window[i][j] for i in range(high) for j in range(wide)) for c in columns)
        for r in rows
    )


def convolution(picture: Matrix, window: Matrix) -> Matrix:
    """Return the convolution of a picture with a window, where the window fits: it is flipped along both axes."""
    return cross_correlation(picture, tuple(row[::-1] for row in window[::-1]))


@dataclass(frozen=True, slots=True)
class Claim:
    """A number that the lecture (or a paper) gives, and the same number as computed.

    `said` and `computed` agree if they are equal after rounding to multiples of `unit`, with which `said` is given.
    """

    what: str
    quoted: str
    said: int
    computed: int | float
    unit: int = 1
    by: str = "lecture"

    @property
    def agrees(self) -> bool:
        """Whether the number is confirmed at the precision of the quotation."""
        return round(self.computed / self.unit) == self.said

    @property
    def shown(self) -> str:
        """The computed number as text."""
        return f"{self.computed:,}" if isinstance(self.computed, int) else f"{self.computed:.1f}"


def claims() -> Iterator[Claim]:
    """Yield all claims, in the order of the lecture."""
    million = 10**6
    yield Claim("LeNet-5: parameters", "60,000", 60_000, net("lenet5_1998").params, by="LeCun et al. 1998")
    first = node(net("alexnet_grouped"), "conv1")
    yield Claim("AlexNet: side of the first maps", "(227 − 11)/4 + 1 = 55", 55, int(first.shape.plain().dims[1]))
    yield Claim("AlexNet: weights of the first layer", "35K", 35, weights([first]), 1000)
    yield Claim("AlexNet: layers with weights", "8", 8, depth(net("alexnet_2012")))
    yield Claim("three 3×3 windows: side of the receptive field", "7", 7, field_sides(small("Three3x3"))[-1])
    yield Claim("VGG-16: parameters", "138M", 138, net("vgg16").params, million)
    dense = next(each for each in net("vgg16").nodes if each.op.family == "linear")
    yield Claim("VGG-16: weights of the first dense layer", "102,760,448", 102_760_448, weights([dense]))
    vgg = net("vgg16")
    yield Claim("VGG-16: values in memory for one image", "24M", 24, with_inputs(vgg, layers(vgg)), million)
    naive, reduced = small("NaiveInception"), small("BottleneckInception")
    yield Claim("naive inception module: maps", "672", 672, naive.output.shape.plain().channels)
    yield Claim("naive inception module: operations", "854M", 854, naive.macs, million)
    yield Claim("module with bottlenecks: maps", "480", 480, reduced.output.shape.plain().channels)
    yield Claim("module with bottlenecks: operations", "358M", 358, reduced.macs, million)
    googlenet = net("googlenet_2014")
    kept = trainable(always_needed(googlenet))
    yield Claim("GoogLeNet: layers with weights", "22", 22, depth(googlenet))
    yield Claim("GoogLeNet: parameters, without auxiliary heads", "5M", 5, kept, million)
    yield Claim("parameters of AlexNet, divided by those of GoogLeNet", "12x", 12, net("alexnet_2012").params / kept)
    yield Claim("ResNet: layers of the deepest net", "152", 152, depth(net("resnet152")))
