"""The text of generated modules: clean by the field's tools, the same every time, and laid out by templates only."""

import ast
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, meta
from nets import NETS, graph_of
from programs import draw
from tools import MYPY, RUFF_CHECK, RUFF_DEFAULT, RUFF_FORMAT, assert_passes
from tower_nets import TOWERS

from archdsl.base.pyexpr import (
    Attribute,
    Call,
    ClassRef,
    Infix,
    Item,
    Method,
    Ref,
    Sequence,
    ValueRef,
    call,
    mapped,
    structure,
)  # fmt: skip
from archdsl.base.pyprint import flat, lines
from archdsl.base.resources import resource
from archdsl.base.source import Source
from archdsl.base.symbolic import TracedInt
from archdsl.driver import compile_source
from archdsl.emit import documentation
from archdsl.emit.classes import Class
from archdsl.emit.documentation import shapes_after
from archdsl.emit.generate import generate, generate_stages, generate_towers, generate_training
from archdsl.emit.plan import ModulePlan
from archdsl.emit.statements import Assert, Assign, Evaluate, For, If, Return, Statement, branch, key, printed
from archdsl.emit.support import definition, needed
from archdsl.emit.training import TrainingPlan
from archdsl.passes.lowering import lowered
from archdsl.passes.pipeline_stages import staged
from archdsl.passes.towers import towers
from archdsl.place.pipeline import dealt
from archdsl.syntax.loader import gallery, read

WIDE = """model Wide(aVeryLongNameOfAParameterThatCounts = 8, anotherVeryLongNameOfAParameter = 16) {
  input image: 3x32x32
  a_long_label_for_a_convolution: conv(aVeryLongNameOfAParameterThatCounts, 3, padding = 1, groups = 1, bias = false)
  block: {
    inner: { conv: conv(aVeryLongNameOfAParameterThatCounts * anotherVeryLongNameOfAParameter, 3x5, 2x1) } -> relu
  }
  listed: [[conv(4, 1) -> tanh] -> [relu]]
}
"""
# A list whose `forward` takes several tensors, and shapes that are too long for a line.
HANDED = """model Handed(width = 8, side = 30, kernel = 3) {
  input image: [width, side, side]
  a_long_label_of_the_first_tensor: conv(width, 1)
  a_long_label_of_the_second_tensor: conv(width, 1)
  a_long_label_of_the_third_tensor: conv(width, 1)
  listed: [
    conv(width, 1)
    add { identity; @a_long_label_of_the_first_tensor; @a_long_label_of_the_second_tensor }
    add { identity; @a_long_label_of_the_third_tensor }
  ]
  pair: [conv(width, 1) -> add { identity; @a_long_label_of_the_first_tensor }]
  maxpool(kernel, side % 7) -> conv(width, kernel, kernel - 1) -> maxpool(kernel, kernel // 2)
    -> conv(width, kernel + 1)
}
"""
# A default that is computed from other parameters, and too long for a line.
COMPUTED = """block Wide(theNumberOfChannels, theChannelsInside = theNumberOfChannels * 4 + theNumberOfChannels // 8) {
  conv(theChannelsInside, 1) -> conv(theNumberOfChannels, 1)
}
model Computed(width = 8) {
  input image: [width, 8, 8]
  Wide(width) -> Wide(width, 3)
}
"""
# Layers in sequences, which start in their own ways.
STARTING = """block Head(width) {
  classifier: [dropout -> linear(width, init = normal(std = 0.01), bias_init = zeros) -> relu -> linear(4, init = ones)]
}
block Maybe(width, deep = true) {
  a: conv(width, 3, padding = 1, init = normal(std = 0.01), bias_init = zeros) if deep
  s: [conv(width, 1, init = ones) -> relu] if deep
  b: conv(width, 1, init = ones)
}
model Starting {
  input x: 8x6x6
  p: Maybe(8) -> q: Maybe(8, false) -> r: Maybe(8, true)
  parts: { a: conv(8, 1, init = ones, bias_init = zeros) -> flatten -> reshape(8x36) -> b: lstm(4, init = orthogonal) }
  deep: [[linear(8, init = ones) -> relu] -> lstm(8, init = ones)]
  flatten
  head: Head(16)
}
"""
FLAT = "model Flat {\n input image: 784\n linear(10) -> softmax\n}\n"
COMMANDS = {"format": RUFF_FORMAT, "check": RUFF_CHECK, "default rules": RUFF_DEFAULT, "types": MYPY}
by_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the modules of all test nets and of the gallery."""
    made = tmp_path_factory.mktemp("generated")
    graphs = [graph_of(text) for text in (*NETS.values(), WIDE, HANDED, COMPUTED, STARTING)]
    graphs += [graph for name in gallery() for graph in compile_source(read(name), every=True).models]
    for graph in graphs:
        (made / f"{graph.name.lower()}.py").write_text(generate(graph))
    # Scripts for one device and for several, with auxiliary classifiers, for vectors, for a fixed number of classes.
    for name in ("LeNet5", "AlexNet_2012", "GoogLeNet", "LeNet5_1998"):
        graph = next(each for each in graphs if each.name == name)
        (made / f"train_{name.lower()}.py").write_text(generate_training(graph, name.lower()))
        for number in (2, 3):  # AlexNet in towers has no more parts
            stages = staged(graph, dealt(graph, number))
            label = f"{name.lower()}_in_{number}"
            (made / f"{label}.py").write_text(generate_stages(graph, stages))
            (made / f"train_{label}.py").write_text(generate_training(graph, label, stages))
    (made / "train_flat.py").write_text(generate_training(graph_of(FLAT), "flat"))
    (made / "flat.py").write_text(generate(graph_of(FLAT)))
    for graph in (*map(graph_of, TOWERS.values()), *compile_source(read("alexnet"), model="AlexNet_2012").models):
        (made / f"{graph.name.lower()}_fused.py").write_text(generate(lowered(graph, fuse_towers=True)))
    whole = next(each for each in graphs if each.name == "AlexNet_2012")
    (made / "alexnet_2012_in_towers.py").write_text(generate_towers(whole, towers(whole)))
    return made


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the modules of random programs."""
    made = tmp_path_factory.mktemp("drawn")
    for seed in range(60):
        for graph in compile_source(Source("net.arch", draw(seed).text)).models:
            (made / f"program{seed}.py").write_text(generate(graph))
    assert len(list(made.iterdir())) > 45
    return made


@by_command
def test_generated_modules_are_clean(command: tuple[str, ...], folder: Path) -> None:
    assert_passes(folder, *command, ".")


@pytest.mark.long
@by_command
def test_modules_of_random_programs_are_clean(command: tuple[str, ...], drawn: Path) -> None:
    assert_passes(drawn, *command, ".")


# Everything that is written for nets with branches, auxiliary outputs, towers and a sidecar of weights.
WRITTEN = """
from archdsl.diagram import FULL, Detail, diagram
from archdsl.diagram.render.dot import to_dot
from archdsl.emit.generate import generate
from archdsl.gallery.entries import graphs
from archdsl.ir.dump import dump

names = ("lenet5_1998", "googlenet", "alexnet_2012")
for graph in (graphs(names)[name] for name in names):
    print(dump(graph), generate(graph), to_dot(diagram(graph)), to_dot(diagram(graph, detail=Detail(depth=FULL))))
"""


# The modules of all nets of the gallery.
EVERY_MODULE = """
from archdsl.emit.generate import generate
from archdsl.gallery.entries import entries, graphs

found = graphs([entry.name for entry in entries()])
for name in sorted(found):
    print(name, generate(found[name]))
"""


def texts_with_two_hash_seeds(program: str) -> set[str]:
    """Return the outputs of a program under two hash seeds."""
    return {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip


@pytest.mark.long
def test_every_net_gives_the_same_module() -> None:
    texts = texts_with_two_hash_seeds(EVERY_MODULE)
    assert len(texts) == 1
    assert all(text.count("generated by archdsl from") > 100 for text in texts)


def test_the_same_net_gives_the_same_text() -> None:
    texts = texts_with_two_hash_seeds(WRITTEN)
    assert len(texts) == 1
    assert all(f"class {name}(nn.Module)" in text for text in texts for name in ("LeNet5_1998", "GoogLeNet"))


def test_the_template_uses_the_fields_of_its_record() -> None:
    for template, record in (("module.py.j2", ModulePlan), ("train.py.j2", TrainingPlan)):
        assert variables_of(template) == {field.name for field in fields(record)}


def variables_of(template: str) -> set[str]:
    """Return the variables of a template and of what it includes."""
    parsed = Environment().parse(resource("templates", template).read_text())
    included = [variables_of(str(name)) for name in meta.find_referenced_templates(parsed)]
    return meta.find_undeclared_variables(parsed).union(*included)


def test_relu_overwrites_only_what_autograd_does_not_need() -> None:
    text = "model M {\n input x: 4x8x8\n a: conv(4, 3) -> relu -> sigmoid -> relu\n b: [batchnorm -> relu -> relu]\n}\n"
    source = generate(graph_of(text))
    assert "x = F.relu(x, inplace=True)\n        x = torch.sigmoid(x)\n        x = F.relu(x)\n" in source
    assert "nn.BatchNorm2d(4, **factory), nn.ReLU(inplace=True), nn.ReLU()" in source


BLOCK = """block Cell(width) { conv: conv(width, 3) -> relu }
block Other(width) { conv: conv(width, 3) -> tanh }
model Net {
  input image: 3x32x32
  cells: [Cell(8) * 3 -> Other(8) -> Cell(16)]
}
"""


def classes_of(text: str) -> dict[str, str]:
    """Return the classes of the generated module, without their documentation, which counts lines and shapes."""
    module = ast.parse(generate(graph_of(text)))
    found = {}
    for part in module.body:
        if isinstance(part, ast.ClassDef):
            part.body = part.body[1:]
            found[part.name] = ast.unparse(part)
    return found


def test_a_line_more_in_a_block_changes_its_class_and_nothing_else() -> None:
    before = classes_of(BLOCK)
    after = classes_of(BLOCK.replace("conv: conv(width, 3) -> relu", "conv: conv(width, 3) -> bn: batchnorm\n -> relu"))
    assert {name for name in before if before[name] != after[name]} == {"Cell"}
    assert before.keys() == after.keys() == {"Net", "Cell", "Other"}


def test_resnet152_is_as_short_as_resnet50() -> None:
    deep, shallow = (
        generate(compile_source(read("resnet"), model=name).models[0]) for name in ("ResNet152", "ResNet50")
    )
    assert deep.count("\n") < 160
    assert abs(deep.count("\n") - shallow.count("\n")) < 10


def test_long_calls_break_like_ruff_breaks_them() -> None:
    long = call("function", *(Ref(f"argument_number_{n}") for n in range(3)))
    assert lines(long, prefix="self.name = ", indent=8) == [
        "        self.name = function(argument_number_0, argument_number_1, argument_number_2)"
    ]
    longer = call("function", *(Ref(f"argument_number_{n}") for n in range(4)))
    assert lines(longer, prefix="self.name = ", indent=8) == [
        "        self.name = function(",
        "            argument_number_0, argument_number_1, argument_number_2, argument_number_3",
        "        )",
    ]


ATOMS = st.one_of(st.integers(-9, 9), st.text(max_size=6), st.booleans(), st.none(), st.floats(-9, 9))
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)


@given(VALUES)
def test_printed_values_read_back_as_they_were(value: object) -> None:
    assert eval(flat(value)) == value  # type: ignore[arg-type]
    broken = "\n".join(lines(Sequence((value, "a" * 80), "["), prefix="", indent=0))  # type: ignore[arg-type]
    assert eval(broken) == [value, "a" * 80]


def test_a_call_prints_its_spread_last() -> None:
    assert flat(Call("f", (1,), (("a", 2),), (Ref("factory"),))) == "f(1, a=2, **factory)"


def test_a_reference_without_a_name_is_not_printed() -> None:
    for reference in (ValueRef(("conv1",)), ClassRef(3)):
        with pytest.raises(TypeError, match="has no name yet"):
            flat(call("torch.relu", reference))


def test_the_structure_tells_a_parameter_from_its_value() -> None:
    width = TracedInt.parameter("width", 8)
    made = [call("nn.Linear", size) for size in (8, 8.0, width, 2 * width // 2, TracedInt.parameter("side", 8))]
    assert made[0] == made[2]
    assert len({structure(each) for each in made}) == len({flat(each) for each in made}) == 4


def test_parts_are_replaced_inside_out_and_spread_arguments_stay() -> None:
    given = Call(Attribute(Ref("x"), "view"), (Ref("x"), (1, Ref("x"))), (("dim", Item(Ref("x"), 0)),), (Ref("x"),))
    assert (
        flat(mapped(given, lambda part: Ref("y") if part == Ref("x") else part)) == "y.view(y, (1, y), dim=y[0], **x)"
    )


def test_a_nested_if_becomes_part_of_the_test() -> None:
    fill = Evaluate(call("nn.init.zeros_", Ref("module.bias")))
    inner = If((branch(Infix(Ref("module.bias"), "is not", None), fill),))
    made = For(("module",), Method(Ref("self"), "modules"), (If((branch(Ref("a"), inner), branch(Ref("b"), fill))),))
    assert printed(made, 4) == [
        "    for module in self.modules():",
        "        if a and module.bias is not None:",
        "            nn.init.zeros_(module.bias)",
        "        elif b:",
        "            nn.init.zeros_(module.bias)",
    ]


def test_a_comment_that_does_not_fit_is_left_out() -> None:
    for comment in ("6x28x28", "x" * 90):
        (line,) = printed(Assign(Ref("x"), call("self.conv1", Ref("image")), Ref("Tensor"), "=", comment), 8)
        assert line.endswith(comment) == (len(comment) < 90)
        assert line.startswith("        x: Tensor = self.conv1(image)")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("a: Basic(16) -> b: Basic(32, 2)", ""),
        ("a: Basic(32, 2) -> b: Basic(32)", "width x 16 x 16"),
        ("a: Basic(16) -> b: Basic(32)", "width x 32 x 32"),
        ("a: Basic(32, 2) -> b: Basic(64, 2)", "width x H / 2 x W / 2"),
    ],
)
def test_the_shape_after_a_projection_holds_for_the_uses_without_it(
    steps: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = """block Basic(width, stride = 1) {
      residual { conv1: conv(width, 3, stride, padding = 1) -> relu -> conv2: conv(width, 3, padding = 1) }
      project { down: conv(width, 1, stride) }
    }"""
    found: dict[str, str] = {}

    def recorded(found_class: Class) -> list[str]:
        shapes = shapes_after(found_class)
        for step, shape in zip(found_class.representative.steps, shapes, strict=True):
            found[step.path[-1]] = shape
        return shapes

    monkeypatch.setattr(documentation, "shapes_after", recorded)
    source = generate(graph_of(f"{block}\nmodel M {{\n input x: 3x32x32\n stem: conv(16, 1)\n {steps}\n}}\n"))
    assert found["down"] == expected
    # A comment repeats no shape of the statement before.
    assert "x = self.down(x)\n" in source


def test_statements_have_one_key_if_and_only_if_they_print_alike() -> None:
    width = TracedInt.parameter("width", 8)
    made: list[Statement] = [
        Assign(Ref("x"), 8), Assign(Ref("x"), width), Assign(Ref("x"), 8, operator="+="), Evaluate(8), Return(8),
        Assert(8),
        If((branch(Ref("x"), Return(8)),)), If((branch(Ref("x"), Return(width)),)), For(("x",), 8, (Return(8),)),
    ]  # fmt: skip
    assert len({key(each) for each in made}) == len({"\n".join(printed(each, 0)) for each in made}) == len(made)
    assert key(Assign(Ref("x"), 8)) == key(made[0])


def test_a_module_imports_what_its_code_and_its_support_definitions_read() -> None:
    source = generate(graph_of("model M {\n input x: 4x8x8\n c: conv(4, 3) -> drop_path(0.1)\n}\n"))
    imported = {alias.asname or alias.name for part in ast.walk(ast.parse(source))
                if isinstance(part, ast.Import | ast.ImportFrom) for alias in part.names}  # fmt: skip
    assert imported == {"Any", "torch", "F", "Tensor", "nn"}
    assert definition("Conv2dSame").bases == {"nn.Conv2d"}
    assert "nn.Linear" in definition("SelfAttention").calls
    assert [each.name for each in needed(("drop_path", "DropPath", "Times"), {"DropPath"})] == ["drop_path", "DropPath"]
