"""The reader that compares every generated module with its graph accepts right modules and refuses planted errors."""

import ast
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mutated import changes
from nets import NETS, graph_of
from operator_code import graph_of_example
from programs import draw
from tower_nets import TOWERS

import archdsl
from archdsl.base.source import Source
from archdsl.cli import main as command
from archdsl.driver import compile_source
from archdsl.emit import drafter, generate
from archdsl.emit.plan import plan, plan_stages, plan_towers
from archdsl.gallery.entries import entries
from archdsl.ir.graph import CheckedGraph
from archdsl.ops import all_ops
from archdsl.passes.alike import CannotFuse
from archdsl.passes.lowering import LoweredGraph, lowered
from archdsl.passes.pipeline_stages import staged
from archdsl.passes.towers import towers
from archdsl.place.pipeline import dealt
from archdsl.readback import expected, text
from archdsl.readback.compare import Report, require_same
from archdsl.readback.values import WrongModule

PLANTED = """set conv(padding = half)

block Basic(width, stride = 1, inner = width) {
  residual {
    conv1: conv(inner, 3, stride, bias = false) -> bn1: batchnorm -> relu
    conv2: conv(width, 3, groups = 2) -> bn2: batchnorm
  } project { downsample: [conv(width, 1, stride, bias = false) -> batchnorm] } -> relu
}

model Planted(classes = 10, rate = 0.3) {
  input image: 3x32x32
  stem: conv(8, 3, 2) -> maxpool(3, 2, padding = 1)
  stages: [Basic(8) -> Basic(16, 2) -> Basic(16) * 3]
  branches: { concat { b1: conv(4, 1); b2: conv(6, 3); avgpool(3, 1, padding = 1) } }
  attend: { tokens -> norm: layernorm -> attn: attention(2) }
  slice(0, 5) -> flatten -> fc1: linear(32) -> relu -> dropout(rate) -> out: linear(classes)
}
"""
# A text of the module, what replaces it, and words of the message.
PLANTS = {
    "sizes swapped": ("nn.Linear(32, classes,", "nn.Linear(classes, 32,", "out (line"),
    "kernel off by one": ("nn.Conv2d(3, 8, 3, stride=2, padding=1", "nn.Conv2d(3, 8, 4, stride=2, padding=1", "stem"),
    "stride missing": ("nn.Conv2d(3, 8, 3, stride=2, padding=1", "nn.Conv2d(3, 8, 3, padding=1", "stem"),
    "padding wrong": ("nn.Conv2d(3, 8, 3, stride=2, padding=1", "nn.Conv2d(3, 8, 3, stride=2, padding=2", "stem"),
    "bias flipped": ("self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, **factory)",
                     "self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False, **factory)", "stem"),
    "groups missing": (", groups=2", "", "stages.0.conv2"),
    "window of a pool": ("F.max_pool2d(x, 3, 2, padding=1)", "F.max_pool2d(x, 2, 2, padding=1)", "max_pool"),
    "branches of a cat swapped": ("torch.cat((b1, b2, x), 1)", "torch.cat((b2, b1, x), 1)", "branches.concat"),
    "axis of a cat": ("torch.cat((b1, b2, x), 1)", "torch.cat((b1, b2, x), 2)", "cat(2)"),
    "a branch of the wrong tensor": ("b2 = self.b2(x)", "b2 = self.b2(b1)", "branches.b2"),
    "key": ("self.fc1 =", "self.fc2 =", "fc2"),
    "key in both places": ("self.fc1", "self.fc2", "fc2"),
    "a loop one short": ("for _ in range(3)", "for _ in range(2)", "state_dict"),
    "a loop one long": ("for _ in range(3)", "for _ in range(4)", "stages.5"),
    "flatten": ("x.flatten(1)", "x.flatten(2)", "flatten(2)"),
    "default of a class": ("stride: int = 1", "stride: int = 2", "stages.0"),
    "default of the model": ("classes: int = 10", "classes: int = 11", "classes"),
    "default that is no size": ("rate: float = 0.3", "rate: float = 0.4", "rate"),
    "a default computed wrongly": ("inner = width if", "inner = 2 * width if", "stages.0"),
    "a call left out": ("        x = self.attend(x)  # 16x26\n", "", "narrow"),
    "a call repeated": ("x = self.fc1(x)", "x = self.fc1(self.fc1(x))", "fc1"),
    "submodules swapped": ("self.attend = ", "self.branches = Attend(**factory)\n        self.attend = ", "branches"),
    "order of keys": ("        self.bn1 = nn.BatchNorm2d(inner, **factory)\n", "", "bn1"),
    "class of a layer": ("nn.BatchNorm2d(inner", "nn.InstanceNorm2d(inner", "stages.0.bn1"),
    "a residual of the wrong tensor": ("y += x", "y += y", "add"),
    "an activation": ("F.relu(x, inplace=True)", "F.relu6(x, inplace=True)", "relu6"),
    "an activation left out": ("        y = F.relu(y, inplace=True)\n", "", "conv2"),
    "slice": ("x.narrow(1, 0, 5)", "x.narrow(1, 1, 5)", "narrow"),
    "heads": ("SelfAttention(26, 2", "SelfAttention(26, 13", "attend.attn"),
    "dropout in evaluation": ("training=self.training", "training=True", "self.training"),
    "a projection too many": (
        "if in_channels != width or", "if in_channels == width or", "downsample",
    ),
    "no device": ("nn.Linear(32, classes, **factory)", "nn.Linear(32, classes)", "device"),
    "overwritten": ("y = self.conv1(x)", "y = self.conv1(F.relu(x, inplace=True))", "relu"),
    "output": ("  # classes\n        return x", "\n        return image", "output"),
    "no Python": ("def forward", "def forward(", "Python"),
}  # fmt: skip


def text_of(graph: LoweredGraph) -> str:
    """Return a module before it is compared."""
    return generate.render(plan(graph).plan)


@pytest.fixture(scope="module")
def planted() -> tuple[str, LoweredGraph]:
    graph = lowered(graph_of(PLANTED))
    return text_of(graph), graph


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_error_is_refused_with_its_place(name: str, planted: tuple[str, LoweredGraph]) -> None:
    text, graph = planted
    before, after, words = PLANTS[name]
    assert before in text
    with pytest.raises(WrongModule) as raised:
        require_same(text.replace(before, after), [graph])
    assert words in str(raised.value)
    assert raised.value.expected != raised.value.found


def _swapped(original: Callable[..., Any]) -> Callable[..., Any]:
    def draft(*args: Any, **named: Any) -> Any:
        made = original(*args, **named)
        made.entries = made.entries[::-1]
        return made

    return draft


def _last_input(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda expr, inputs: original(expr, inputs[::-1])


@pytest.mark.parametrize(
    ("owner", "name", "change"),
    [(drafter.Drafter, "draft", _swapped), (drafter, "with_inputs", _last_input)],
    ids=["children in another order", "inputs in another order"],
)
def test_an_emitter_with_an_error_generates_nothing(
    owner: object, name: str, change: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of(PLANTED)
    generate.generate(graph)
    monkeypatch.setattr(owner, name, change(getattr(owner, name)))
    with pytest.raises(WrongModule):
        generate.generate(graph)


def test_build_ends_as_a_bug_and_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "net.arch", tmp_path / "net.py"
    source.write_text(PLANTED)
    original = generate.render
    monkeypatch.setattr(generate, "render", lambda module: original(module).replace("x.flatten(1)", "x.flatten(2)"))
    # The streams stay those of the test.
    monkeypatch.setattr(command.streams, "prepare", lambda: None)
    monkeypatch.setattr(sys, "argv", ["archdsl", "build", str(source), "-o", str(target)])
    with pytest.raises(SystemExit) as raised:
        command.main()
    assert raised.value.code == 70
    said = capsys.readouterr().err
    assert "flatten(2)" in said
    assert "report it" in said
    assert not target.exists()
    with pytest.raises(WrongModule):
        archdsl.load(source)


def _stages_and_towers() -> Iterator[tuple[str, str, list[LoweredGraph]]]:
    graph = graph_of(PLANTED)
    stages = staged(graph, dealt(graph, 2))
    yield "stages", generate.render(plan_stages(graph, stages).plan), [stage.graph for stage in stages]
    graph = graph_of(TOWERS["twice"])
    parts = list(towers(graph))
    yield "towers", generate.render(plan_towers(graph, parts).plan), parts
    low = lowered(graph, fuse_towers=True)
    yield "fused", text_of(low), [low]
    low = lowered(graph)
    yield "placed", text_of(low), [low]


@pytest.mark.parametrize("kind", ["stages", "towers", "fused", "placed"])
def test_modules_of_every_kind_are_compared(kind: str) -> None:
    text, graphs = next((text, graphs) for name, text, graphs in _stages_and_towers() if name == kind)
    assert require_same(text, graphs).unchecked == ()
    plants = {
        "stages": [("STAGES: tuple[type[nn.Module], ...] = (Stage0, Stage1)", "STAGES = (Stage1, Stage0)"),
                   ("((3, 32, 32),)", "((3, 32, 31),)")],
        "towers": [("self.group), 1)", "self.group), 2)"),
                   ("TOWERS: tuple[type[nn.Module], ...] = (", "TOWERS = (nn.Identity, ")],
        "fused": [("groups=4", "groups=2"), ('("tower0", "tower1")', '("tower1", "tower0")')],
        "placed": [("self.conv2 = nn.Conv2d", "self.conv2 = nn.Conv1d"),
                   ("move(tower0, self.tower1", "move(tower0, self.tower0")],
    }  # fmt: skip
    for before, after in plants[kind]:
        assert before in text
        with pytest.raises(WrongModule):
            require_same(text.replace(before, after), graphs)


def test_a_tensor_that_was_overwritten_is_not_read_again() -> None:
    graph = lowered(graph_of("model M {\n  input x: 4x6x6\n  a: conv(4, 1) -> concat { relu; b: conv(4, 1) }\n}\n"))
    text = text_of(graph)
    assert "inplace" not in text
    with pytest.raises(WrongModule, match="overwritten"):
        require_same(text.replace("F.relu(a)", "F.relu(a, inplace=True)"), [graph])


@pytest.mark.parametrize("container", ["{body}", "a: {{ add {{ identity; {body} }} }}"])
def test_a_labelled_identity_is_called_once_with_its_input(container: str) -> None:
    body = container.format(body="c: conv(4, 1) -> hook: identity -> relu")
    graph = lowered(graph_of(f"model M {{\n  input x: 4x6x6\n  {body}\n}}\n"))
    source = text_of(graph)
    require_same(source, [graph])
    (call,) = (line for line in source.splitlines() if "hook(" in line)
    with pytest.raises(WrongModule, match="expected one call"):
        require_same(source.replace(call, ""), [graph])
    with pytest.raises(WrongModule, match="expected one call"):
        require_same(source.replace(call, f"{call}\n{call}"), [graph])


def test_a_long_body_is_read_in_parts(planted: tuple[str, LoweredGraph], monkeypatch: pytest.MonkeyPatch) -> None:
    source, graph = planted
    whole = text.read(source)
    monkeypatch.setattr(text, "_LONG", 2)
    parted = text.read(source)
    assert any(method.lines for each in parted.classes.values() for method in each.methods.values())
    for name, definition in whole.classes.items():
        for key, method in definition.methods.items():
            # Statements of one form share a tree, so that each is looked at before the next one.
            found = [_dumped(each) for each in parted.classes[name].methods[key].statements()]
            assert found == [_dumped(each) for each in method.statements()], (name, key)
    require_same(source, [graph])
    for before, after, _ in PLANTS.values():
        with pytest.raises(WrongModule):
            require_same(source.replace(before, after), [graph])


def _dumped(statement: ast.stmt) -> str:
    lines = [each.lineno for each in ast.walk(statement) if isinstance(each, ast.stmt | ast.Call)]
    return f"{lines} {ast.dump(statement)}"


def test_documentation_that_looks_like_a_method_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_LONG", 1)
    doc = "## Text.\n##\n## def forward(self):\n"
    assert read_back(graph_of(f"{doc}model M {{\n  input x: 4\n  relu\n}}\n")).unchecked == ()


def test_the_operators_of_the_language_are_known() -> None:
    assert {op.name for op in all_ops()} <= expected._RULES.keys()


def read_back(graph: CheckedGraph) -> Report:
    low = lowered(graph)
    return require_same(text_of(low), [low])


@pytest.mark.parametrize("body", ["{call}", pytest.param("a: [ {call} ]", marks=pytest.mark.long), "label: {call}"])
def test_the_examples_of_all_operators_are_read(body: str) -> None:
    for each in all_ops():
        for example in each.examples:
            assert read_back(graph_of_example(example, body)).unchecked == (), example.call


@pytest.mark.parametrize("name", NETS)
def test_nets_with_every_form_of_the_language_are_read(name: str) -> None:
    assert read_back(graph_of(NETS[name])).unchecked == ()


def _programs(seeds: range) -> None:
    for seed in seeds:
        compiled = compile_source(Source("random.arch", draw(seed).text))
        for graph in compiled.models:
            assert read_back(graph).unchecked == (), seed
            try:
                low = lowered(graph, fuse_towers=True)
            except CannotFuse:
                continue
            assert require_same(text_of(low), [low]).unchecked == (), seed


def test_an_incomplete_window_may_be_larger_than_the_map() -> None:
    assert read_back(graph_of("model M {\n  input x: 4x2x3\n  maxpool(3, ceil_mode = true)\n}\n")).unchecked == ()


def test_random_programs_are_read() -> None:
    _programs(range(15))


@pytest.mark.long
def test_three_hundred_random_programs_are_read() -> None:
    _programs(range(300))


@pytest.mark.long
def test_the_gallery_is_read() -> None:
    for entry in entries():
        assert read_back(archdsl.compile(entry.name).models[-1]).unchecked == (), entry.name


# Changes that the reader does not look for: initial values, and in-place operation where it is left out.
_NEUTRAL = ("nn.init", "inplace", "std: float", "gain=")


def _survivors(text: str, graph: LoweredGraph, *, every: int) -> list[str]:
    """Return the changes of a module that are neither refused nor neutral."""
    found = []
    lines = text.split("\n")
    # A condition that refuses other values of the parameters holds for these, before and after.
    checks = tuple(line.strip() for line, below in pairwise(lines) if below.lstrip().startswith("raise ValueError"))
    for change in list(changes(text))[::every]:
        if any(word in change.what for word in _NEUTRAL) or change.what.startswith(checks):
            continue
        try:
            require_same(change.text, [graph])
        except WrongModule:
            continue
        found.append(change.what)
    return found


def test_changed_numbers_and_missing_statements_are_refused(planted: tuple[str, LoweredGraph]) -> None:
    assert _survivors(*planted, every=2) == []


@pytest.mark.long
@pytest.mark.parametrize("name", [*NETS, *TOWERS])
def test_changed_numbers_and_missing_statements_of_many_nets_are_refused(name: str) -> None:
    graph = lowered(graph_of({**NETS, **TOWERS}[name]))
    # 2 * 2 is 2 + 2, with the same number of classes.
    assert [each for each in _survivors(text_of(graph), graph, every=1) if "2 * classes" not in each] == []


# An operator that the reader does not know: its value is taken from the graph, and it is reported.
def test_an_unknown_operator_is_reported_and_all_others_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(expected._RULES, "softsign")
    text = "model M {\n  input x: 4x6x6\n  a: conv(4, 1) -> softsign -> s: softsign -> b: conv(5, 1)\n}\n"
    graph = lowered(graph_of(text))
    module = text_of(graph).replace("F.softsign", "F.unheard").replace("nn.Softsign", "nn.Unheard")
    assert require_same(module, [graph]).unchecked == ("the operator softsign",)
    with pytest.raises(WrongModule, match="b "):
        require_same(module.replace("nn.Conv2d(4, 5", "nn.Conv2d(4, 6"), [graph])
