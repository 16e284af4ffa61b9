"""Loops for calls whose arguments follow a rule: right to the bit, and in variables that hide no parameter."""

import re

import pytest
import torch
from test_constructors import class_of, compiled

from archdsl.emit.generate import generate
from archdsl.passes.lowering import lowered
from archdsl.readback.compare import require_same
from archdsl.readback.values import WrongModule

RATES = """
block Drop(width, rate = 0.5) { conv: conv(width, 1) -> relu -> dropout(rate) }
model Net(rate = 0.3) {
  input x: 4x8x8
  blocks: [ RULE ]
}
"""


def module_of(text: str) -> str:
    graph = compiled(text)
    assert graph
    return generate(graph)


@pytest.mark.parametrize(
    ("rule", "loop"),
    [
        ("for i in range(14) { Drop(4, rate * (i + 1) / 40) }", "rate * (i + 1) / 40"),
        ("for i in range(14) { Drop(4, 0.2 * (25 + i) / 40) }", "0.2 * (i + 25) / 40"),
        ("for i in range(11) { Drop(4, 0.1 * i / 17) }", "0.1 * i / 17"),
        ("for i in range(9) { Drop(4, 1 - 0.9 ** (2 * i + 1)) }", "1 - 0.9 ** (2 * i + 1)"),
        ("for i in range(5) { Drop(4, 0.01 * i * i) }", "0.01 * i * i"),
        ("for i in range(7) { Drop(4 + 3 * i, rate / (i + 1)) }", "rate / (i + 2)"),
    ],
)
def test_calls_that_follow_a_rule_are_a_loop_with_the_same_floats(rule: str, loop: str) -> None:
    source = module_of(RATES.replace("RULE", rule))
    assert loop in source
    assert len(re.findall(r"(?<!class )Drop\(", source)) <= 2
    rates = [each.rate for each in class_of(source, "Net")().blocks]
    number = int(re.findall(r"range\((\d+)\)", rule)[0])
    written = re.findall(r"Drop\([^,]*, (.*)\) \}", rule)[0]
    assert rates == [eval(written, {"rate": 0.3, "i": i}) for i in range(number)]
    others = [each.rate for each in class_of(source, "Net")(rate=0.7).blocks] if "rate" in written else []
    assert others == [eval(written, {"rate": 0.7, "i": i}) for i in range(len(others))]


@pytest.mark.parametrize(
    "rule",
    [
        "for i in range(3) { Drop(4, 0.1 * i ** 2) }",
        "Drop(4, 0.1 * 1 / 17) -> Drop(4, 0.1 * 2 / 17) -> Drop(4, 0.1 * 4 / 17)",
        "Drop(4, 0.1 / 3) -> Drop(4, 0.2 / 3) -> Drop(4, 0.3 / 3)",
        "Drop(4, rate * 2 / 3) -> Drop(4, 2 * rate / 3) -> Drop(4, 3 * rate / 3)",
    ],
)
def test_other_calls_are_no_loop(rule: str) -> None:
    source = module_of(RATES.replace("RULE", rule))
    assert len(re.findall(r"(?<!class )Drop\(", source)) == 3


APPENDED = """
block Body(width, i = 2, deep = false) {
  body: [
    conv(width, 1)
    if deep { conv(width, 1) * 4 -> for n in range(3) { dropout(0.1 * n / 7) } }
    for n in range(3) { conv(width + i * n, 1) }
    dropout(0.0) * 2
  ]
  conv: conv(i, 1)
}
model Net {
  input x: 4x8x8
  a: Body(8) -> b: Body(8, deep = true) -> c: Body(4, 3)
}
"""


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("for _ in range(4):", "for _ in range(5):", "body"),
        ("p=0.1 * j / 7", "p=0.1 * j / 8", "body"),
    ],
)
def test_a_wrong_loop_is_found_when_the_module_is_read_again(before: str, after: str, words: str) -> None:
    graph = compiled(APPENDED.replace("-> for", "\n for"))
    assert graph
    text = generate(graph)
    assert before in text
    with pytest.raises(WrongModule, match=words):
        require_same(text.replace(before, after), [lowered(graph)])


def test_items_that_only_some_uses_have_are_appended_in_loops() -> None:
    source = module_of(APPENDED.replace("-> for", "\n for"))
    assert source.count("\nclass Body") == 1
    assert "for _ in range(4):\n                body.append(nn.Conv2d(width, width, 1, **factory))" in source
    body = class_of(source, "Body")
    net = body(4, 8, 3, deep=True)
    kinds = ["Conv2d"] * 5 + ["Dropout"] * 3 + ["Conv2d"] * 3 + ["Dropout"] * 2
    assert [type(each).__name__ for each in net.body] == kinds
    assert [each.p for each in net.body if isinstance(each, torch.nn.Dropout)] == [0.0, 0.1 / 7, 0.2 / 7, 0.0, 0.0]
    assert [net.body[n].out_channels for n in (8, 9, 10)] == [8, 11, 14]
    assert net.conv.out_channels == 3
    assert len(body(4, 8, 2, deep=False).body) == 6
