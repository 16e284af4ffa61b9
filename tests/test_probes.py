"""Classes take what their blocks take, also sides of tests that no use of the net has."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from test_constructors import REFUSED, class_of, compiled
from test_merge import module_of, require_equal

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.elaborate.again import UseAgain
from archdsl.emit.generate import generate

ARCHITECTURES = Path(__file__).parent.parent / "architectures"
RESIDUAL = """
block Unit(w, s = 1) = residual { a: conv(w, 3, s, padding = 1) -> b: batchnorm } project { c: conv(w, 1, s) } -> relu
"""
# A block, the uses of a net, the arguments that are tried, and the number of combinations that the class takes.
CASES: dict[str, tuple[str, str, dict[str, tuple[Any, ...]], int]] = {
    "two optional steps": (
        "block Unit(w, e = true, f = true) { a: conv(w, 1); b: conv(w, 1) if e; relu if f }\n",
        "p: Unit(8) -> q: Unit(8, false, false)", {"w": (4, 8), "e": (True, False), "f": (True, False)}, 8,
    ),
    "three tests": (
        "macro Body(w, s, e, x) = { a: conv(x, 1) if x != channels; b: conv(w, 3, s, padding = 1); relu if e }\n"
        "block Unit(w, s, e, x) {\n if s == 1 and w == channels { residual { Body(w, s, e, x) } }"
        " else { Body(w, s, e, x) }\n}\n",
        "p: Unit(8, 1, true, 8) -> q: Unit(6, 2, false, 16)",
        {"w": (6, 8), "s": (1, 2), "e": (True, False), "x": (8, 16)}, 16,
    ),
    "a projection that all uses have": (RESIDUAL, "p: Unit(4) -> q: Unit(8, 2)", {"w": (4, 8), "s": (1, 2)}, 4),
    "a projection that no use has": (RESIDUAL, "p: Unit(8) -> q: Unit(8)", {"w": (8,)}, 1),
    "a number that is compared with a constant": (
        "block Unit(w, n) { a: conv(n * w, 1); b: conv(w, 1) if n > 2 }\n",
        "p: Unit(8, 1) -> q: Unit(8, 2)", {"w": (4, 8), "n": (1, 2, 3, 4)}, 8,
    ),
    "a float": (
        "block Unit(w, rate) { a: conv(w, 1); dropout(rate) if rate > 0.0 }\n",
        "p: Unit(8, 0.5) -> q: Unit(8, 0.25)", {"w": (4, 8), "rate": (0.0, 0.5)}, 4,
    ),
    "a truth value that is handed on": (
        "block In(w, f = true) { a: conv(w, 1); tanh if f }\n"
        "block Unit(w, e, f = true) { i: In(w, f); relu if e; b: conv(w, 3 if f else 1, padding = half) }\n",
        "p: Unit(8, true) -> q: Unit(8, false) -> r: In(8, false) -> s: In(8, true)",
        {"w": (4, 8), "e": (True, False), "f": (True, False)}, 8,
    ),
    "a side that needs a block that the net has not": (
        "block Other(w) = residual { a: conv(w, 1) }\n"
        "block Unit(w, n) { a: conv(n * w, 1); b: Other(n * w) if n > 1 }\n",
        "p: Unit(8, 1) -> q: Unit(4, 1)", {"w": (8,), "n": (1, 2)}, 1,
    ),
    "a side that does not elaborate": (
        "block Unit(w, n) { a: conv(n * w, 1); if n > 1 { linear(n, 3, axis = 9) } }\n",
        "p: Unit(8, 1) -> q: Unit(4, 1)", {"w": (8,), "n": (1, 2)}, 1,
    ),
    "a recursion": (
        "block Unit(w, n) { a: conv(w, 1); b: Unit(w, n - 1) if n > 1; relu if n > 2 }\n",
        "p: Unit(8, 2) -> q: Unit(4, 1)", {"w": (8,), "n": (1, 2, 3)}, 3,
    ),
    "a recursion without end": (
        "block Unit(w, n) { a: conv(n * w, 1); b: Unit(w, n + 1) if n > 1 }\n",
        "p: Unit(8, 1) -> q: Unit(4, 1)", {"w": (8,), "n": (1, 2)}, 1,
    ),
}  # fmt: skip


def accepted(source: str, block: str, values: dict[str, tuple[Any, ...]]) -> int:
    """Return for how many combinations of arguments a class equals its block; it has to refuse the others."""
    made = class_of(source, "Unit")
    taken = re.findall(r"^ {8}(\w+):", source.split("\nclass Unit(")[1].split("*,")[0], re.MULTILINE)
    count = 0
    for chosen in itertools.product(*values.values()):
        arguments = dict(zip(values, chosen, strict=True))
        x = torch.rand(2, 8, 8, 8)
        try:
            given = {"in_channels": 8, **arguments}
            net = made(**{name: value for name, value in given.items() if name in taken}).eval()
            net(x)
        except REFUSED:
            continue
        call = ", ".join(f"{name} = {str(value).lower()}" for name, value in arguments.items())
        alone = compiled(f"{block}model Probe {{\n input x: 8x8x8\n b: Unit({call})\n}}\n")
        assert alone is not None, f"{arguments} is accepted"
        require_equal(net, class_of(generate(alone), "Probe")().eval(), x, str(arguments))
        count += 1
    return count


@pytest.mark.parametrize("name", CASES)
def test_a_class_takes_the_sides_that_no_use_takes(name: str) -> None:
    block, uses, values, count = CASES[name]
    source = module_of(f"{block}model Net {{\n input x: 8x8x8\n {uses}\n}}\n")
    assert accepted(source, block, values) == count


def test_bneck_takes_all_combinations_of_its_tests() -> None:
    text = (ARCHITECTURES / "mobilenet.arch").read_text(encoding="utf-8")
    graph = compile_source(Source("mobilenet.arch", text), model="MobileNet_V3_Large").models[0]
    source = generate(graph)
    made = class_of(source, "Bneck")
    for width, stride, expand, excite in itertools.product((16, 24), (1, 2), (16, 64), (True, False)):
        net = made(16, torch.nn.ReLU, 3, expand, width, excite, stride).eval()
        call = f"Bneck(RE, 3, {expand}, {width}, {str(excite).lower()}, {stride})"
        alone = compiled(f"{text}\nmodel Probe {{\n input x: 16x8x8\n b: {call}\n}}\n")
        assert alone
        other = class_of(generate(alone), "Probe")().eval()
        require_equal(net, other, torch.rand(2, 16, 8, 8), call)


def test_an_argument_that_nothing_else_mentions_is_no_argument() -> None:
    block = "block Unit(w, n = 0) { a: conv(w, 1); b: conv(n, 1) if n > 0 }\n"
    source = module_of(f"{block}model Net {{\n input x: 8x8x8\n p: Unit(8) -> q: Unit(4)\n}}\n")
    assert " n:" not in source
    regnet = (ARCHITECTURES / "regnet.arch").read_text(encoding="utf-8")
    graph = compile_source(Source("regnet.arch", regnet), model="RegNetX_400MF").models[0]
    assert "squeezed" not in generate(graph)


def test_truth_values_and_strings_keep_their_defaults() -> None:
    block = """
    block Unit(w, excite = true, deep = false, mode = "half") {
      a: conv(w, 3, padding = half); relu if excite; tanh if deep; sigmoid if mode == "half"
    }
    """
    uses = 'a: Unit(8) -> b: Unit(8, false) -> c: Unit(8, false, true) -> d: Unit(8, true, true, "full")'
    source = module_of(f"{block}model Net {{\n input x: 8x8x8\n {uses}\n}}\n")
    for line in ("excite: bool = True,", "deep: bool = False,", 'mode: str = "half",'):
        assert f"        {line}\n" in source
    assert "self.a = Unit(8, 8, **factory)" in source
    assert 'self.d = Unit(8, 8, deep=True, mode="full", **factory)' in source
    values = {"w": (4, 8), "excite": (True, False), "deep": (True, False)}
    assert accepted(source, block, values) == 8


def test_only_emission_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(UseAgain, "__call__", refuse)
    block, uses, _, _ = CASES["two optional steps"]
    graph = compiled(f"{block}model Net {{\n input x: 8x8x8\n {uses}\n}}\n")
    assert graph
    with pytest.raises(AssertionError):
        generate(graph)


def test_probes_report_nothing_and_change_no_key() -> None:
    block, uses, _, _ = CASES["a side that does not elaborate"]
    text = f"{block}model Net {{\n input x: 8x8x8\n {uses}\n}}\n"
    compiled_ = compile_source(Source("net.arch", text))
    before = compiled_.diagnostics
    source = generate(compiled_.models[0])
    assert compiled_.diagnostics == before
    assert list(class_of(source, "Net")().state_dict()) == ["p.a.weight", "p.a.bias", "q.a.weight", "q.a.bias"]
    assert source == generate(compiled_.models[0])
