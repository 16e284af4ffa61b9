"""Details of generated classes: names of classes and arguments, floats, the initialisation of layers."""

import inspect
import re
from pathlib import Path

import pytest
import torch
from pipelined import module_of as imported
from test_constructors import class_of, compiled
from test_emit import STARTING

from archdsl.emit.generate import generate
from archdsl.passes.lowering import lowered
from archdsl.readback.compare import require_same
from archdsl.readback.values import WrongModule


def module_of(text: str) -> str:
    graph = compiled(text)
    assert graph
    return generate(graph)


def test_an_operator_is_an_argument_in_snake_case() -> None:
    source = module_of(
        "block Unit(Act, theLastAct, width) {\n s: [conv(width, 1) -> Act -> conv(width, 1) -> theLastAct]\n}\n"
        "model Net {\n input x: 8x8x8\n p: Unit(relu, gelu, 8) -> q: Unit(tanh, silu, 8)\n}\n"
    )
    unit = class_of(source, "Unit")
    assert list(inspect.signature(unit).parameters)[:4] == ["in_channels", "act", "the_last_act", "width"]
    net = unit(8, torch.nn.Tanh, torch.nn.ReLU, 4)
    assert [type(each) for each in net.s][1::2] == [torch.nn.Tanh, torch.nn.ReLU]


@pytest.mark.parametrize(("name", "other"), [("Act", "act"), ("Max", "width"), ("Self", "width")])
def test_an_operator_keeps_a_name_that_is_taken_in_snake_case(name: str, other: str) -> None:
    source = module_of(
        f"block Unit({name}, {other}) {{\n s: [conv({other}, 1) -> {name}]\n}}\n"
        "model Net {\n input x: 8x8x8\n p: Unit(relu, 8) -> q: Unit(gelu, 4)\n}\n"
    )
    assert list(inspect.signature(class_of(source, "Unit")).parameters)[:3] == ["in_channels", name, other]


def test_a_block_has_its_name_where_a_label_reads_the_same() -> None:
    source = module_of(
        "block R(width) {\n r: { a: conv(width, 1) -> add { identity; b: conv(width, 1) } }\n relu\n}\n"
        "model Net {\n input x: 8x8x8\n p: R(8) -> q: R(4)\n}\n"
    )
    assert re.findall(r"^class (\w+)", source, re.MULTILINE) == ["RLayers", "R", "Net"]
    assert "self.r = RLayers(in_channels, width, **factory)" in source


WHOLE = """
block Unit(width, p, e) { a: conv(width, 1) -> n: batchnorm(eps = e) -> dropout(p) -> leaky_relu(p) }
model Net(p = 1, e = 1) {
  input x: 8x8x8
  u: Unit(8, p, e) -> drop_path(p) -> d: dropout(p) -> elu(2 * e)
}
"""


def test_an_integer_is_a_float_where_the_operator_takes_one(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(module_of(WHOLE))
    net = imported(file).Net
    for given in ({}, {"p": 0, "e": 3}):
        made = net(**given).eval()
        x = torch.rand(2, 8, 8, 8)
        assert torch.equal(torch.jit.script(made)(x), made(x))
        assert isinstance(made.u.n.eps, float)
        assert isinstance(made.d.p, float)


def test_layers_in_a_sequence_are_initialised_through_their_attributes() -> None:
    source = module_of(STARTING)
    assert "        assert isinstance(self.classifier[1], nn.Linear)\n" in source
    assert "        nn.init.normal_(self.classifier[1].weight, std=0.01)\n" in source
    assert "        nn.init.ones_(self.parts.a.weight)\n" in source
    net = class_of(source, "Starting")()
    assert (net.parts.a.weight == 1).all()
    assert (net.parts.a.bias == 0).all()
    assert (net.deep[0][0].weight == 1).all()
    assert (net.head.classifier[3].weight == 1).all()


def test_a_wrong_class_of_a_layer_is_found_when_the_module_is_read_again() -> None:
    graph = compiled(STARTING)
    assert graph
    text = generate(graph)
    with pytest.raises(WrongModule, match="Conv2d"):
        require_same(text.replace("classifier[1], nn.Linear)", "classifier[1], nn.Conv2d)"), [lowered(graph)])
