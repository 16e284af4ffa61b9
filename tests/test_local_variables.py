"""Local variables of constructors: names for numbers that a constructor computes several times."""

import pytest
import torch
from test_constructors import class_of, compiled
from test_merge import require_equal

from archdsl.emit.generate import generate


def module_of(text: str, body: str, shape: str = "8x8x8") -> str:
    graph = compiled(f"{text}model Net {{\n input x: {shape}\n {body}\n}}\n")
    assert graph
    return generate(graph)


EXPAND = """
block Gate(squeezed, width) = mul { identity; a: conv(squeezed, 1) -> b: conv(width, 1) -> sigmoid }
block Expand(expand, width, stride = 1) {
  body: [
    [conv(expand * channels, 1) -> batchnorm -> relu]
    [conv(channels, 3, stride, padding = 1, groups = channels) -> batchnorm -> relu]
    Gate(channels // 4, channels)
    conv(width, 1)
  ]
}
"""


def test_a_number_that_a_constructor_computes_often_is_a_variable() -> None:
    source = module_of(EXPAND, "a: Expand(4, 8) -> b: Expand(2, 16, 2)")
    assert source.count("hidden_channels = expand * in_channels\n") == 1
    assert source.count("expand * in_channels") == 1
    assert "Gate(hidden_channels, hidden_channels // 4, hidden_channels, **factory)" in source
    made = class_of(source, "Expand")(6, 3, 4)
    alone = generate(compiled(f"{EXPAND}model Probe {{\n input x: 6x8x8\n b: Expand(3, 4)\n}}\n"))  # type: ignore[arg-type]
    require_equal(made.eval(), class_of(alone, "Probe")().eval(), torch.rand(2, 6, 8, 8), "")


OTHERS = {
    "its name is an argument": ("hidden_channels", "width * hidden_channels", 3),
    "it is computed twice": ("parts", "width * parts", 1),
    "it is short": ("parts", "4 * width", 3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_numbers_stay_where_they_are(name: str) -> None:
    given, number, times = OTHERS[name]
    layers = "\n".join(f"c{n}: conv({number}, 3, padding = 1)" for n in range(times))
    source = module_of(
        f"block Unit(width, {given}) {{\n{layers}\ne: conv(8, 1)\n}}\n", "p: Unit(2, 2) -> q: Unit(4, 3)"
    )
    assert source.count("self.c0 = nn.Conv2d(") == 1
    assert " hidden_channels = " not in source


def test_a_loop_variable_is_no_parameter_of_the_same_name() -> None:
    block = (
        "block Unit(i, width) {\n body: [for n in range(4) { conv(width + 8 * n, 1) }]\n"
        " a: conv(i * width, 1)\n b: conv(i * width, 1)\n c: conv(i * width, 1)\n}\n"
    )
    source = module_of(block, "p: Unit(2, 8) -> q: Unit(3, 8)")
    net = class_of(source, "Unit")(8, 5, 16)
    assert [each.out_channels for each in net.body] == [16, 24, 32, 40]
    assert (net.a.out_channels, net.c.out_channels) == (80, 80)


DIVIDED = """
block Unit(width, parts) {
  first: conv(width, 1)
  if parts > 0 {
    a: conv(8 * width // parts, 1) -> b: conv(8 * width // parts, 1)
    c: conv(width, 1)
  }
  d: conv(width, 1)
}
block Plain(width, parts) { a: conv(8 * width // parts, 1) -> b: conv(8 * width // parts, 1) }
"""


def test_a_number_that_not_all_values_have_is_computed_where_it_was() -> None:
    source = module_of(DIVIDED, "p: Unit(2, 1) -> q: Unit(4, 0) -> r: Unit(4, 2) -> s: Plain(4, 2) -> t: Plain(2, 4)")
    assert source.count("\nclass Unit") == 1
    assert source.count("hidden_channels = 8 * width // parts\n") == 1
    unit = class_of(source, "Unit")
    assert "if parts == 0" not in source.split("class Plain")[0]
    assert [name for name, _ in unit(4, 8, 0).named_children()] == ["first", "d"]
    assert unit(4, 8, 4).b.out_channels == 16
    assert class_of(source, "Plain")(4, 8, 4).b.out_channels == 16
