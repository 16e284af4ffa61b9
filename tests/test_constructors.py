"""Constructors keep their word: every argument works for every value that it accepts, or is not there.

The class that was generated for one value is constructed with another one. It must equal the net that is compiled with
that value, or refuse it with ValueError, TypeError or RuntimeError.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import formulas
import pytest
import torch

import archdsl
from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.elaborate.settings import parse_setting
from archdsl.emit.generate import generate, generate_with_notes
from archdsl.ir.graph import CheckedGraph, Container
from archdsl.ops import all_ops
from archdsl.ops.base import Merge, Op
from archdsl.syntax.loader import locate

ARCHITECTURES = Path(__file__).parent.parent / "architectures"
OPERATORS = [op for op in all_ops() if not issubclass(op, Merge)]
# A power that is no finite float is an OverflowError.
REFUSED = (ValueError, TypeError, RuntimeError, OverflowError)
LITERAL = re.compile(r"(?<![\w.])(\d+\.\d+|\d+(?:\.\d+)?e-?\d+|\d+)(?![\w.])")


def compiled(text: str, **settings: object) -> CheckedGraph | None:
    result = compile_source(Source("net.arch", text), settings=settings)
    return result.models[0] if result.ok and result.models else None


def class_of(text: str, name: str) -> Any:
    scope: dict[str, Any] = {}
    exec(compile(text, name, "exec"), scope)
    return scope[name]


def arguments(text: str, name: str) -> list[str]:
    """Return the numbers that the constructor of a class takes."""
    return re.findall(r"^ {8}(\w+): (?:int|float)\b", text.split(f"\nclass {name}(")[1].split("*,")[0], re.MULTILINE)


def sample(graph: CheckedGraph, other: CheckedGraph | None) -> torch.Tensor:
    """Return an input of a net, valid also for the same net with another value."""
    graphs = [each for each in (graph, other) if each]
    given = graphs[-1].inputs[0]
    dims = [int(size) for size in given.shape.dims]
    counts = [count for each in graphs if (count := each.indices(each.inputs[0])) is not None]
    return torch.randint(min(counts), (2, *dims)) if counts else torch.rand(2, *dims)


def faults(text: str, name: str, values: list[int | float]) -> Iterator[str]:
    """Yield the values that the generated class accepts and for which it is wrong."""
    graph = compiled(text)
    if graph is None:
        return
    source = generate(graph)
    if name not in arguments(source, graph.name):
        return
    made = class_of(source, graph.name)
    for value in values:
        direct = compiled(text, **{name: value})
        x = sample(graph, direct)
        try:
            net = made(**{name: value}).eval()
            net(x)
        except REFUSED:
            continue
        if direct is None:
            yield f"{name} = {value}: the class accepts it, and the compiler does not"
            continue
        other = class_of(generate(direct), direct.name)().eval()
        state, wanted = ({key: tuple(each.shape) for key, each in net_.state_dict().items()} for net_ in (net, other))
        if state != wanted:
            yield f"{name} = {value}: {state} in place of {wanted}"
            continue
        other.load_state_dict(net.state_dict())
        for training in (False, True):
            results = []
            for each in (net, other):
                torch.manual_seed(0)
                try:
                    results.append(each.train(training)(x))
                except REFUSED as error:
                    results.append(str(error))
            same = all(isinstance(each, torch.Tensor) for each in results) and results[0].shape == results[1].shape
            if not (same and torch.allclose(*results, equal_nan=True)) and results[0] != results[1]:
                yield f"{name} = {value}: other results"


def around(literal: str) -> list[int | float]:
    """Return values near a literal, and some that most operators refuse."""
    if literal.isdigit():
        whole = int(literal)
        found: list[int | float] = [whole - 2, whole - 1, whole + 1, whole + 2, 2 * whole, 3 * whole, 0, -1]
    else:
        number = float(literal)
        found = [number / 2, 2 * number, number + 1, -number, 0.0, 1.0, 1.5]
    return [value for value in dict.fromkeys(found) if str(value) != literal]


def programs(op: type[Op]) -> Iterator[tuple[str, str]]:
    """Yield nets in which a literal of an operator's example is a parameter of the model or of a block."""
    for example in op.examples:
        dims = ", ".join(str(int(size)) for size in example.input.dims)
        for found in LITERAL.finditer(example.call):
            literal = found[1]
            step = f"s: {example.call[: found.start()]}n{example.call[found.end() :]}"
            head = f"model Net(n = {literal}) {{\n  input x: [{dims}]\n"
            yield f"{head}  {step}\n}}\n", literal
            yield f"block Part(n) = {step}\n{head}  part: Part(n)\n}}\n", literal


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPERATORS])
@pytest.mark.parametrize(
    "part", [pytest.param(0, id="short"), *(pytest.param(n, id=f"{n}", marks=pytest.mark.long) for n in (1, 2))]
)
def test_an_argument_of_an_operator_is_right_or_refused(op: type[Op], part: int) -> None:
    """The short part has one net for each operator."""
    torch.set_num_threads(1)
    every = list(programs(op))
    chosen = every[:1] if part == 0 else every[part - 1 :: 2]
    found = [f"{text}{fault}" for text, literal in chosen for fault in faults(text, "n", around(literal))]
    assert not found, "\n".join(found)


def uses(container: Container) -> Iterator[Container]:
    for child in container.children:
        if isinstance(child, Container):
            if child.use and not child.use.tensors:
                yield child
            yield from uses(child)


def probes(file: Path) -> Iterator[str]:
    """Yield nets that consist of one block of a file, with its numbers as parameters of the model."""
    text = file.read_text(encoding="utf-8")
    seen = set()
    for graph in compile_source(locate(str(file)).source, every=True).models:
        for container in uses(graph.root):
            assert container.use
            given = [each for each in container.use.arguments if re.search(rf"\b{each.name}\b", text)]
            params = ", ".join(["channels_in = " + str(int(container.input.channels)), *(
                f"{each.name} = {each.value.real}" for each in given if each.name != "in_channels"
            )])  # fmt: skip
            call = ", ".join(f"{each.name} = {each.name}" for each in given if each.name != "in_channels")
            sides = "".join(f", {int(size)}" for size in container.input.map)
            probe = (
                f"model Probe({params}) {{\n  input x: [channels_in{sides}]\n  b: {container.use.block}({call})\n}}\n"
            )
            if probe not in seen:
                seen.add(probe)
                yield f"{text}\n{probe}"


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("file", sorted(ARCHITECTURES.glob("*.arch")), ids=lambda file: file.stem)
def test_an_argument_of_a_block_of_the_gallery_is_right_or_refused(file: Path) -> None:
    torch.set_num_threads(1)
    found = []
    for text in list(probes(file))[:3]:
        probe = text.rpartition("model Probe(")[2].partition(")")[0]
        for name, literal in re.findall(r"(\w+) = ([\d.e-]+)", probe):
            found += [f"Probe({probe}): {fault}" for fault in faults(text, name, around(literal)[:3])]
    assert not found, "\n".join(found)


CASES = {
    "a count in a block": (
        """
        block Split(n = 4) {
          x: identity
          concat {
            for i in range(n) { @x -> slice(i * (channels // n), (i + 1) * (channels // n)) -> c{i}: conv(channels, 3) }
          }
        }
        model Net(n = 4) {
          input image: 8x16x16
          s: Split(n)
        }
        """,
        [],
        "n is fixed at 4 by `range(n)` at net.arch:5",
    ),
    "a float that is computed": (
        """
        block Head(width) = fc: linear(width) -> times(width ** -0.5)
        model Net(width = 16) {
          input x: 8
          a: Head(width) -> b: Head(width)
        }
        """,
        ["width"],
        None,
    ),
    "a count that is computed from a float": (
        """
        model Net(width = 16, ratio = 0.25) {
          input x: 8
          linear(width) * (ceil(width * ratio))
        }
        """,
        ["width"],
        "ratio is fixed at 0.25 by `ceil(width * ratio)` at net.arch:4",
    ),
    "a quotient that is compared with a float": (
        """
        model Net(dim = 128, heads = 2) {
          input x: 5
          a: linear(dim) -> b: linear(heads)
          if dim % heads == 0 and dim // heads > 1.5 { relu }
        }
        """,
        ["dim", "heads"],
        None,
    ),
    "an annotation that holds for all values": (
        """
        model Net(classes = 21) {
          input image: 3x8x8
          c: conv(classes, 1)   :: [classes, 8, 8]
          assert channels == classes
        }
        """,
        ["classes"],
        None,
    ),
    "an annotation with a number": (
        """
        model Net(classes = 21) {
          input image: 3x8x8
          c: conv(classes, 1)   :: 21x8x8
        }
        """,
        [],
        "classes is fixed at 21 by the annotation at net.arch:4",
    ),
    "values that have no trace": (
        """
        model Net(deep = true, depths = [1, 2]) {
          input image: 3x8x8
          if deep { c: conv(4, 1) }
          for i in depths { relu }
        }
        """,
        [],
        "deep is fixed at true by `deep` at net.arch:4\ndepths is fixed at [1, 2] by `depths` at net.arch:5",
    ),
    "a comparison": (
        """
        model Net(k = 3) {
          input image: 3x8x8
          c: conv(4, k)
          if k > 2 { relu }
        }
        """,
        ["k"],
        None,
    ),
    "a count that only decides": (
        """
        block Deep(n) = { if n < 9 { relu } }
        model Net(n = 3) {
          input image: 3x8x8
          c: conv(4, 1)
          d: Deep(n)
        }
        """,
        [],
        "n is fixed at 3 by `n < 9` at net.arch:2",
    ),
    "a default that is computed": (
        """
        model Net(width = 4, wide = 2 * width, out = width + wide) {
          input x: 8
          a: linear(width) -> b: linear(wide) -> c: linear(out)
        }
        """,
        ["width", "wide", "out"],
        None,
    ),
    "a power": (
        """
        model Net(n = 1) {
          input x: 8
          a: linear(n ** 5)
        }
        """,
        ["n"],
        None,
    ),
    "equal channels": (
        """
        block Part(width) = residual { c: conv(width, 1) }
        model Net(width = 8) {
          input image: 8x4x4
          p: Part(width)
        }
        """,
        ["width"],
        None,
    ),
    "sizes of a map in a block": (
        """
        macro Half = slice(0, height // 2, axis = 1)
        block Wide(width) = c: conv(width, 3, padding = half) -> d: conv(2 * height + shape[0], 1)
        block Cut(stride) {
          add { pad: conv(channels, 3, stride, padding = half); down: conv(channels, 1, stride) } -> Half
          if height > 2 { maxpool(2, 1) } else { relu }
        }
        model Net(side = 12, width = 5) {
          input image: [3, side, side]
          stem: conv(4, 3, padding = half)
          a: Cut(2) -> b: Cut(1) -> c: Wide(width)
        }
        """,
        ["side", "width"],
        None,
    ),
    "sizes of a tensor that a block is given": (
        """
        block Shrink(kept) = c: conv(channels, 1) -> slice(0, min(height, 3), axis = 1) -> Join(kept)
        block Join(kept) = concat { slice(0, 2, axis = 1); kept -> Top } -> d: conv(channels + height, 1)
        block Top = slice(0, height // height + 1, axis = 1)
        model Net(side = 7) {
          input image: [2, side, 5]
          x: relu -> b: Shrink(@x)
        }
        """,
        ["side"],
        None,
    ),
    "sizes of a volume in a block": (
        """
        block Part = c: conv(shape[1] + shape[2], 1) -> relu -> d: conv(depth, 3, padding = half)
        model Net(frames = 4, side = 6) {
          input video: [3, frames, side, 5]
          p: Part
        }
        """,
        ["frames", "side"],
        None,
    ),
    "sizes of a sequence in a block": (
        """
        block Part = c: linear(2 * features) -> slice(0, channels // 2, axis = 0) -> d: linear(channels)
        model Net(steps_in = 9, inner = 6) {
          input text: [steps_in, inner]
          p: Part
        }
        """,
        ["steps_in", "inner"],
        None,
    ),
    "a size that decides in a block": (
        """
        block Pool = { c: conv(4, 3); if height == 6 { avgpool(2) } else { relu } }
        model Net(side = 8) {
          input image: [3, side, side]
          p: Pool
        }
        """,
        [],
        "side is fixed at 8 by `height == 6` at net.arch:2",
    ),
    "half of the channels": (
        """
        block Half = { concat { slice(0, channels // 2) -> a: conv(channels, 1); slice(channels // 2, channels) } }
        model Net(width = 8) {
          input image: [width, 4, 4]
          h: Half
          add { identity; c: conv(width, 1) }
        }
        """,
        ["width"],
        None,
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_a_parameter_is_an_argument_or_a_note_says_what_fixed_it(case: str) -> None:
    text, wanted, note = CASES[case]
    graph = compiled(text)
    assert graph is not None
    source, notes = generate_with_notes(graph)
    assert arguments(source, "Net") == wanted
    if note is not None:
        assert "\n".join(notes) == note
    for name in wanted:
        assert not list(faults(text, name, [1, 2, 3, 4, 5, 7, 9, 0, -1]))


def test_tensors_in_a_list_are_read_with_the_sizes_of_the_caller() -> None:
    text = """
    block Join(kept) = concat { identity; for k in kept { k } } -> conv: conv(8, 1)
    block Mid(kept, stride) { pooled: maxpool(stride) -> mid: Join([@pooled]) }
    block Outer(kept) { x: identity -> a: conv(8, 1) -> join: Join([@x, kept[0]]) -> mid: Mid([@join], 1) }
    model Net {
      input image: 3x32x32
      b: conv(5, 1) -> c: conv(3, 1)
      o: Outer([@b])
    }
    """
    graph = compiled(text)
    assert graph is not None
    net = class_of(generate(graph), "Net")()
    assert net.o.join.conv.in_channels == 8 + 3 + 5
    assert net.o.mid.mid.conv.in_channels == 8 + 8
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 8, 32, 32)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [float("-inf")], 2**63])
def test_a_setting_is_a_finite_number(value: object) -> None:
    text = "model Net(s = 0.5) {\n  input x: 4\n  leaky_relu(s)\n}\n"
    with pytest.raises(archdsl.SettingError, match="`s` cannot be set to"):
        archdsl.compile("net.arch", text=text, s=value)
    with pytest.raises(archdsl.SettingError, match="`s` cannot be set to -inf"):
        parse_setting("s=-1e400")


def test_a_refusal_names_the_class_the_condition_and_the_value() -> None:
    head = "block Half = split(2) -> concat\nmodel Net(width = 8) {\n  input x: [width, 4]\n"
    graph = compiled(f"{head}  c: conv(width, 1) -> h: Half\n}}\n")
    assert graph is not None
    with pytest.raises(ValueError, match=re.escape("Half needs in_channels % 2 == 0, not in_channels=7")):
        class_of(generate(graph), "Net")(width=7)


def formula_net(random: Random) -> str:
    """Return a net that computes sizes, factors, conditions and arguments of blocks with random expressions."""
    given = ", ".join(f"{name} = {value!r}" for name, value in formulas.values(random).items())

    def size() -> str:
        return f"min(max({formulas.whole(random, 2)}, 1), 40)"

    def factor() -> str:
        return f"min(max({formulas.real_number(random, 2)}, -9.0), 9.0)"

    default = random.choice(("1 + m // 2", "ceil(m * r)", "r * 2 + 1", "make_divisible(m, 2)"))
    steps = [
        f"a: linear({size()})", f"times({factor()})", f"b: Part({size()}, {factor()})",
        f"c: Part({size()}, s, {size()})", f"d: Part(n, r * {random.randint(1, 9)} / {random.randint(2, 40)})",
        f"if {formulas.real_number(random, 2)} > {formulas.whole(random, 2)} {{ e: linear({size()}) }} else {{ tanh }}",
        f"slice(0, min(channels, {size()}))" if random.random() < 0.2 else "relu",
    ]  # fmt: skip
    random.shuffle(steps)
    part = (
        "block Part(m, r, n = " + default + ") {\n"
        f"  p: linear(max(1, round(n * 1.0))) -> times({random.choice(('r', 'r * m', 'm ** -0.5 if m > 0 else r'))})\n"
        f"  if {random.choice(('r * m > 3', 'ceil(m * r) == 2', 'max(m, 3) > 3'))} {{ tanh }}\n"
        f"  q: linear(min(max({formulas.whole(random, 2).replace('s', '0.7')}, 1), 40))\n}}\n"
    )
    body = "\n  ".join(steps)
    return f"{part}model Net({given}) {{\n  input x: [n]\n  {body}\n}}\n"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chunk", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, 6))])
def test_an_argument_of_a_random_expression_is_right_or_refused(chunk: int) -> None:
    random = Random(chunk)
    found: list[str] = []
    left = 60 if chunk else 5
    while left:
        text = formula_net(random)
        # Some divide by 0.
        if compiled(text) is None:
            continue
        left -= 1
        for name, literal in re.findall(r"(\w) = ([\d.]+)[,)]", text.split("model Net")[1]):
            found += [f"{text}{fault}" for fault in faults(text, name, random.sample(around(literal), 3))]
    assert not found, "\n".join(found[:4])
