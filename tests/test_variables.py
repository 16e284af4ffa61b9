"""The variables of `forward`: they have the labels of the source, and no variable has the label of another tensor."""

import re

import pytest
from nets import graph_of

from archdsl.emit.generate import generate

HEAD = "model M {\n  input image: 4x8x8\n"


def forward_of(steps: str) -> str:
    """Return the statements of the model's `forward` without comments and types."""
    text = generate(graph_of(f"{HEAD}  {steps}\n}}\n"))
    body = text.rpartition("def forward(")[2].partition("\n")[2]
    return re.sub(r"^ +|: Tensor(?= =)|  #.*$", "", body, flags=re.MULTILINE)


def test_a_sum_has_its_label_also_where_it_overwrites_an_input() -> None:
    body = forward_of("a: conv(4, 1)\n  s: add { conv(4, 1); @a }\n  t: conv(4, 1) -> add { identity; @s }")
    assert "s = self.conv(a)\ns += a" not in body
    assert re.search(r"^s = .*\n", body, re.MULTILINE)
    assert "self.t(s)" in body


def test_an_output_has_its_name() -> None:
    body = forward_of("a: conv(4, 1)\n  output side: @a -> maxpool(2)\n  output deep: @a -> maxpool(4)\n  relu")
    assert "side = F.max_pool2d(a, 2)\n" in body
    assert "deep = F.max_pool2d(a, 4)\n" in body
    assert body.rstrip().endswith("side, deep)")


def test_a_block_does_not_name_its_result_after_the_output() -> None:
    block = "block Head(c) = conv: conv(c, 1) -> global_avgpool -> fc: conv(2, 1)\n"
    steps = "  a: conv(4, 1)\n  output one: Head(4)\n  b: conv(4, 1)\n  output two: Head(4)\n  relu\n"
    text = generate(graph_of(f"{block}{HEAD}{steps}}}\n"))
    assert text.count("class Head") == 1


def test_no_variable_has_the_label_of_another_tensor() -> None:
    """The tensors `p` and `q` wait; `y` and `z` are labels and the names of tensors beside the main stream."""
    lanes = "@p -> y: conv(4, 1) -> relu; @q -> z: conv(4, 1) -> relu; @p; identity"
    body = forward_of(f"p: conv(4, 1)\n  q: conv(4, 1)\n  add {{ {lanes} }}")
    for variable, label in re.findall(r"^(\w+) = self\.(\w+)\(", body, re.MULTILINE):
        assert variable == label or variable not in {"p", "q", "y", "z"}


@pytest.mark.parametrize(("label", "variable"), [("F", "F_"), ("self", "self_"), ("l", "l_"), ("O", "O_"), ("a", "a")])
def test_a_label_with_a_meaning_gets_an_underscore(label: str, variable: str) -> None:
    body = forward_of(f"{label}: conv(4, 1)\n  b: conv(4, 1) -> concat {{ identity; @{label} }}")
    assert f"{variable} = self.{label}(image)\n" in body
