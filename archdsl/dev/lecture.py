"""The page docs/lecture.md: the numbers of a lecture on convolutional networks, computed from compiled nets."""

import re
from collections.abc import Sequence
from textwrap import fill

from archdsl.base.byte_sizes import amount
from archdsl.base.shape import Shape
from archdsl.compare.facts import winners
from archdsl.compare.page import GROUP
from archdsl.compare.table import compared, depth, markdown
from archdsl.dev import lecture_facts as facts
from archdsl.dev.lecture_facts import Claim, Matrix, layers, net, node, small, trainable, volume, weights, with_inputs
from archdsl.ir.graph import CheckedGraph, Container, Node, dotted
from archdsl.report.memory import memory

_FLOAT = 4
_WIDTH = 118
_NO_PARAGRAPH = ("#", "|", "```", "![", "<")
# A line that begins with `+` would be an item of a list.
_UNBROKEN = re.compile(r"`[^`]+`|\S+(?: [+=] \S+)+")
_COMPARED = ("alexnet", "googlenet", "vgg16", "vgg19", "resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
PICTURE: Matrix = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
WINDOW: Matrix = ((1, 2), (3, 4))


def page(made: str) -> str:
    """Return the page in Markdown; `made` is the comment below its title."""
    sections = (
        _claims(), _convolution(), _sizes(), _lenet(), _alexnet(), _zfnet(), _vgg(), _inception(), _googlenet(),
        _resnet(), _comparison(),
    )  # fmt: skip
    return _filled("\n".join([f"# A lecture's numbers, checked\n\n{made}", _INTRODUCTION, *sections]))


def _filled(text: str) -> str:
    """Return text whose paragraphs have lines of equal length; tables, code, pictures and titles stay as they are."""
    parts = text.rstrip("\n").split("\n\n")
    return "\n\n".join(part if part.startswith(_NO_PARAGRAPH) else _fill(part) for part in parts) + "\n"


def _fill(paragraph: str) -> str:
    """Return a paragraph with lines of equal length. Code and calculations stay on one line."""
    kept = _UNBROKEN.sub(lambda found: found.group().replace(" ", "\0"), " ".join(paragraph.split()))
    return fill(kept, _WIDTH, break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown. Columns of integers are aligned right, with separators of thousands."""
    numbers = [all(isinstance(row[place], int) for row in rows) for place in range(len(columns))]
    cells = [[f"{each:,}" if isinstance(each, int) else str(each) for each in row] for row in rows]
    marks = ["---:" if each else "---" for each in numbers]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, marks, *cells)) + "\n"


def _sides(shape: Shape) -> str:
    """Return a shape in the lecture's order, channels last: `55x55x96`."""
    channels, *sides = map(int, shape.plain().dims)
    return "x".join(map(str, [*sides, channels]))


def _source(graph: CheckedGraph) -> str:
    return f"```arch\n{graph.span.text}\n```\n"


def _arithmetic(step: Node) -> str:
    """Return the calculation of the first side of a step's result, as `archdsl explain` shows it."""
    shape = step.op.sums(step.input.plain(), step.shape.plain()).shape
    return f"`{shape[0]}`" if shape else ""


_INTRODUCTION = """This page follows lecture 9, "CNN Architectures", of Stanford's course CS231n (2017), from
LeNet-5 to ResNet. Every number in it is computed from the nets of the [gallery](gallery.md) and from the small nets in
[lecture.arch](lecture.arch). Quotations are the exception: they are in quotation marks, or in columns that name
the lecture. Run `archdsl summary` and `archdsl explain` on these nets for the same numbers:

```sh
archdsl summary vgg16
archdsl explain alexnet_2012 tower0.conv1
archdsl summary docs/lecture.arch --model NaiveInception
```

Shapes are written as in the lecture, height x width x channels. A multiply-accumulate (MAC) is one operation.
"""


def _claims() -> str:
    found = list(facts.claims())
    rows = [(each.what, f'"{each.quoted}" ({each.by})', each.shown, _verdict(each)) for each in found]
    differing = sum(not each.agrees for each in found)
    return f"""## Summary

{len(found) - differing} of {len(found)} numbers are confirmed at the precision of the quotation; {differing} are not.
The sections below derive each number.

{table(("number", "quoted", "computed", "result"), rows)}"""


def _verdict(claim: Claim) -> str:
    return "confirmed" if claim.agrees else "**differs**"


def _convolution() -> str:
    graph = small("Window")
    rows = [("picture", _matrix(PICTURE)), ("window", _matrix(WINDOW))]
    rows.append(("cross-correlation, which `conv` computes", _matrix(facts.cross_correlation(PICTURE, WINDOW))))
    rows.append(("convolution, with the flipped window", _matrix(facts.convolution(PICTURE, WINDOW))))
    first = facts.cross_correlation(PICTURE, WINDOW)[0][0]
    flipped = facts.convolution(PICTURE, WINDOW)[0][0]
    products = " + ".join(f"{PICTURE[i][j]}·{WINDOW[i][j]}" for i in range(2) for j in range(2))
    turned = " + ".join(f"{PICTURE[i][j]}·{WINDOW[1 - i][1 - j]}" for i in range(2) for j in range(2))
    return f"""## Convolution and cross-correlation

In mathematics, a convolution flips the window along both axes before it multiplies. `conv` does not flip it. It
computes a cross-correlation, as do `torch.nn.Conv2d` and most deep learning libraries. The difference does not matter
for a net that is trained from scratch, because training can learn the flipped window as well. It matters for weights
that are written by hand or taken from a library that flips them.

{table(("", "values"), rows)}
The first value of the cross-correlation is {products} = {first}, that of the convolution {turned} = {flipped}.
The net has {graph.params} weights and {graph.macs} MACs: one for each of the {volume(graph.nodes)} results and each
weight.

{_source(graph)}"""


def _matrix(rows: Matrix) -> str:
    return "`" + str([list(row) for row in rows]) + "`"


def _sizes() -> str:
    steps = [
        ("AlexNet, image of 227", node(net("alexnet_grouped"), "conv1")),
        ("AlexNet, image of 224", node(net("alexnet_onnx"), "conv1")),
        ("AlexNet, first pool", next(each for each in layers(net("alexnet_grouped")) if each.op.family == "pooling")),
        ("VGG-16, first convolution", net("vgg16").nodes[0]),
        ("LeNet-5, first convolution", node(net("lenet5"), "c1")),
    ]
    rows = [(name, step.answers.drawing.title, _sides(step.input), _arithmetic(step), _sides(step.shape))
            for name, step in steps]  # fmt: skip
    three = ", then ".join(f"{side}x{side}" for side in facts.field_sides(small("Three3x3")))
    (seven,) = facts.field_sides(small("One7x7"))
    return f"""## Output size and receptive field

A window of F pixels with stride S and P pixels of padding at both ends turns a side of N pixels into a side of
(N + 2P − F)/S + 1. A fractional result is rounded down: the last rows and columns are not read.

{table(("step", "window", "input", "side", "output"), rows)}
The receptive field of a unit is the part of the image that it depends on. With each window, its side grows by F − 1
times the product of the earlier strides. Three 3x3 convolutions in a row, with stride 1, have receptive fields of
{three} pixels. One 7x7 convolution has {seven}x{seven} too.
"""


def _lenet() -> str:
    published, today = net("lenet5_1998"), net("lenet5")
    rows: list[tuple[object, ...]] = []
    for one, other in zip(layers(published), layers(today), strict=True):
        texts = (one.answers.drawing.title, one.params, other.answers.drawing.title, other.params)
        rows.append((dotted(one.path), _sides(one.shape), *texts, other.params - one.params))
    total = ("total", "", "", published.params, "", today.params, today.params - published.params)
    columns = ("layer", "output", "LeNet-5 of 1998", "parameters", "LeNet-5 as drawn today", "parameters", "difference")
    return f"""## LeNet-5

![LeNet-5 of 1998](gallery/lenet5_1998.svg)

The paper (LeCun et al. 1998) counts "60,000 trainable free parameters". The net as it is drawn today has
{today.params:,}. The table shows where they differ: the pools of 1998 have a trainable coefficient and a bias for
each map, a table
connects each map of c3 to some maps of s2 only, and the outputs compare with fixed patterns, without parameters.

{table(columns, [*rows, total])}"""


def _alexnet() -> str:
    towers, grouped = net("alexnet_2012"), net("alexnet_grouped")
    first, small_image = node(grouped, "conv1"), node(net("alexnet_onnx"), "conv1")
    own = [each for each in layers(towers) if each.tower in (None, 0)]
    rows: list[tuple[object, ...]] = [("image", "", _sides(grouped.inputs[0].shape), "", "", 0, 0, 0)]
    for one, half in zip(layers(grouped), own, strict=True):
        counts = (weights([one]), one.params, one.macs)
        title = one.answers.drawing.title
        each_gpu = _sides(half.shape) if half.tower is not None else ""
        rows.append((dotted(one.path), title, _sides(one.shape), each_gpu, _arithmetic(one), *counts))
    rows.append(("total", "", "", "", "", weights(grouped.nodes), grouped.params, grouped.macs))
    columns = ("layer", "operator", "output", "on each GPU", "side", "weights", "parameters", "MACs")
    smaller = int(small_image.shape.plain().dims[1])
    return f"""## AlexNet

![AlexNet of 2012 in two towers](gallery/alexnet_2012.svg)

The paper's figure says 224x224, but only an image of 227x227 gives the maps of 55x55 that it counts:
{_arithmetic(first)}. An image of 224x224 without padding gives {_arithmetic(small_image)}, so {smaller}x{smaller}.
The first layer has 11·11·3·96 = {weights([first]):,} weights and {facts.biases(first)} biases.

Two GPUs hold half of the maps each. A layer reads the maps of its own GPU only, except the third
convolution and the dense layers. These halves are the groups (`g=2`) in the table.

{table(columns, rows)}
The net in two towers has the same counts: {towers.params:,} parameters and {towers.macs:,} MACs.
"""


def _zfnet() -> str:
    nets = [net("alexnet_grouped"), net("zfnet"), net("zfnet_wide")]
    rows: list[tuple[object, ...]] = []
    for steps in zip(*map(layers, nets), strict=True):
        titles = [f"{each.answers.drawing.title} → {_sides(each.shape)}" for each in steps]
        if len(set(titles)) > 1:
            rows.append((dotted(steps[0].path), *titles))
    rows.append(("parameters", *(f"{each.params:,}" for each in nets)))
    rows.append(("MACs", *(f"{each.macs:,}" for each in nets)))
    errors = {each.entry: each.top5_error for each in winners()}
    before, after = errors["SuperVision (AlexNet)"], errors["Clarifai (ZFNet family)"]
    return f"""## ZFNet

ZFNet (Zeiler, Fergus 2014) is AlexNet on one device, with a smaller kernel and stride in the first layer. The lecture
describes the wide one: "CONV3,4,5: instead of 384, 384, 256 filters use 512, 1024, 512". The net in figure 3 of the
paper keeps AlexNet's
numbers of maps there. Only the layers that differ are listed.

{table(("layer", "AlexNet", "ZFNet, figure 3", "ZFNet, wide"), rows)}
In the ImageNet challenge, the top-5 error fell from {before:g}% (AlexNet, 2012) to {after:g}% (2013).
"""


def _vgg() -> str:
    graph, three, seven = net("vgg16"), small("Three3x3"), small("One7x7")
    maps = int(three.inputs[0].shape.channels)
    kept = layers(graph)
    dense = next(each for each in kept if each.op.family == "linear")
    rows: list[tuple[object, ...]] = [("image", _sides(graph.inputs[0].shape), with_inputs(graph, ()), 0)]
    rows += [(each.answers.drawing.title, _sides(each.shape), volume([each]), weights([each])) for each in kept]
    rows.append(("sum", "", with_inputs(graph, kept), weights(kept)))
    said = next(each for each in facts.claims() if each.quoted == "24M")
    share = weights([dense]) / graph.params
    return f"""## VGG

Three 3x3 convolutions have the receptive field of one 7x7 convolution (above), with fewer weights and two more
activations. With C channels everywhere, they have {three.params // maps**2} C² weights against
{seven.params // maps**2} C². For C = {maps}:
{three.params:,} against {seven.params:,}.

VGG-16 has {graph.params:,} parameters. {weights([dense]):,} of them, {share:.0%}, are the weights of its first dense
layer: {_macs(dense)}.

The lecture adds up the values that a forward pass keeps for one image: the image, and the results of convolutions,
pools and dense layers. It counts neither activations, which can overwrite their inputs, nor biases. It says
"TOTAL memory: {said.quoted} * 4 bytes ~= 96MB / image".

{table(("layer", "output", "values", "weights"), rows)}
{_vgg_memory(graph, said)}"""


def _vgg_memory(graph: CheckedGraph, said: Claim) -> str:
    """Return the section about the memory of VGG-16: the totals under several definitions."""
    everything = [each for each in graph.nodes if not each.op.autograd.is_view]
    activations = [each for each in graph.nodes if each.op.family == "activation"]
    used = memory(graph)
    counted = with_inputs(graph, layers(graph))
    sums = [
        ("image, convolutions, pools, dense layers: the lecture's table", counted),
        ("convolutions and pools only", volume([e for e in layers(graph) if e.op.family != "linear"])),
        ("the lecture's table, and activations", counted + volume(activations)),
        ("the lecture's table, activations and dropout: every result", with_inputs(graph, everything)),
        ("saved for the backward pass, by `archdsl summary`", used.saved // _FLOAT),
        ("peak memory during inference, by `archdsl summary`", used.evaluation // _FLOAT),
    ]
    rows = [(what, values, f"{values * _FLOAT / 1e6:.1f} MB", amount(values * _FLOAT)) for what, values in sums]
    other = [what for what, values in sums[1:] if round(values / said.unit) == said.said]
    verdict = f"The lecture's sum seems to be: {other[0]}." if other else "None of these sums gives it either:"
    return f"""The rows sum to {counted:,} values, {counted * _FLOAT / 1e6:.1f} MB in float32, not {said.quoted}.
{verdict}

{table(("sum", "values", "in float32", ""), rows)}"""


def _inception() -> str:
    naive, reduced = small("NaiveInception"), small("BottleneckInception")
    said = next(each for each in facts.claims() if each.quoted == "358M")
    twice = [each for each in layers(reduced) if round((reduced.macs + each.macs) / said.unit) == said.said]
    verdict = f"The sum is {reduced.macs:,}, not {said.quoted}."
    if twice:
        verdict += f" With `{dotted(twice[0].path)}` counted twice it would be {reduced.macs + twice[0].macs:,}."
    return f"""## Inception modules

![An inception module of GoogLeNet](inception4a.svg)

The naive module applies convolutions of three sizes and a pool to the same input and concatenates the results. The
pool keeps the number of channels, so the module returns more channels than it reads:
{naive.output.shape.plain().channels} for {naive.inputs[0].shape.channels}.

{_source(naive)}
{_operations(naive)}
1x1 convolutions with {node(reduced, "reduce3x3").shape.plain().channels} channels, before the larger convolutions and
after the pool, save operations, and the module returns {reduced.output.shape.plain().channels} channels. The lecture
says "{said.quoted} ops". {verdict}

{_source(reduced)}
{_operations(reduced)}"""


def _operations(graph: CheckedGraph) -> str:
    """Return the table of the operations of a module, with their sum."""
    rows: list[tuple[object, ...]] = [
        (dotted(each.path), _sides(each.input), _sides(each.shape), _macs(each), each.macs) for each in layers(graph)
    ]
    total = ("module", _sides(graph.inputs[0].shape), _sides(graph.output.shape), "", graph.macs)
    return table(("step", "input", "output", "calculation", "MACs"), [*rows, total])


def _macs(step: Node) -> str:
    """Return the calculation of the multiply-accumulates of a step."""
    return f"`{found}`" if (found := step.op.sums(step.input.plain(), step.shape.plain()).macs) else ""


def _googlenet() -> str:
    graph, alexnet = net("googlenet_2014"), net("alexnet_2012")
    needed = facts.always_needed(graph)
    classifier = node(graph, "fc")
    kept = trainable(needed)
    rows = [
        ("the net in training, with two auxiliary heads", graph.params),
        ("auxiliary heads", graph.params - kept),
        ("the net in inference, without them", kept),
        ("its dense layer", classifier.params),
        ("its convolutions", kept - classifier.params),
    ]
    shared = f"{alexnet.params / kept:.1f}"
    without = f"{alexnet.params / (kept - classifier.params):.1f}"
    return f"""## GoogLeNet

The longest path from the image to the result passes {depth(graph)} layers with weights, which confirms the "22
layers". The
lecture says "only 5 million parameters! 12x less than AlexNet". The sums are:

{table(("part", "parameters"), rows)}
AlexNet has {alexnet.params:,} parameters, {shared} times as many as GoogLeNet without its heads, and {without} times
as many as its convolutions. GoogLeNet needs {graph.macs:,} MACs, {graph.macs / alexnet.macs:.1f} times as many as
AlexNet.
"""


def _resnet() -> str:
    wide, bottleneck = small("Two3x3"), small("Bottleneck")
    maps, inner = bottleneck.inputs[0].shape.channels, bottleneck.nodes[0].shape.channels
    parts = " + ".join(f"{weights([each]):,}" for each in bottleneck.nodes)
    nets = [(name, net(name)) for name in _COMPARED if name.startswith("resnet")]
    rows = [(name, depth(graph), _block(graph), graph.params, graph.macs) for name, graph in nets]
    return f"""## ResNet

![ResNet-18](gallery/resnet18.svg)

ResNets of 50 and more layers have bottlenecks: a 1x1 convolution reduces {maps} channels to {inner}, a 3x3
convolution reads these, and a 1x1 convolution restores them. A bottleneck has {parts} = {bottleneck.params:,} weights.
Two 3x3 convolutions on all channels would have {wide.params:,}, {wide.params / bottleneck.params:.1f} times as many.

{_source(bottleneck)}
Depth is the largest number of layers with weights on a path from the image to the result.

{table(("net", "depth", "block", "parameters", "MACs"), rows)}"""


def _block(graph: CheckedGraph) -> str:
    """Return the name of the block that the first submodule of a ResNet repeats."""
    outer = next(each for each in graph.root.children if isinstance(each, Container))
    return next(each.use.block for each in outer.children if isinstance(each, Container) and each.use)


def _comparison() -> str:
    nets = compared([(name, net(name)) for name in _COMPARED], GROUP)
    rows = [(str(each.year), each.entry, f"{each.top5_error:g}%", each.note) for each in winners() if each.year]
    balls = _chart("balls", "Accuracy against operations; the area of a bubble shows the number of parameters")
    return f"""## Accuracy against operations

These are published accuracies of one protocol; [comparison.md](comparison.md) lists more nets and the
sources. VGG needs the most operations. ResNet-50 and deeper nets are more accurate with fewer operations.

{balls}

{markdown(sorted(nets, key=lambda each: each.macs))}
The entries of the ImageNet challenge, by year:

{_chart("winners", "Top-5 errors by year")}

{table(("year", "entry", "top-5 error", "note"), rows)}"""


def _chart(name: str, words: str) -> str:
    """Return a chart of the comparison page, for light and dark backgrounds."""
    dark = f'<source media="(prefers-color-scheme: dark)" srcset="comparison/{name}-dark.svg">'
    return f'<picture>{dark}<img src="comparison/{name}-light.svg" alt="{words}"></picture>'
