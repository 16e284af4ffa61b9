"""Large, deep and growing input ends in diagnostics of bounded size, after work that is linear in the text.

Everything here counts; the `long` tests run commands under limits on CPU time and memory.
"""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archdsl.base.guards import Guard, recording
from archdsl.base.source import Source
from archdsl.base.symbolic import TracedInt, parameters_of, polynomial
from archdsl.base.traces import MAX_WEIGHT, weight
from archdsl.diag.json import all_as_data
from archdsl.diag.model import MOST_ERRORS, MOST_WARNINGS
from archdsl.diag.text import MOST, render
from archdsl.driver import Compiled, compile_source
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.suggestions import nearest
from archdsl.emit.generate import generate_with_notes

HEAD = "model A {\n  input x: 3x8x8\n"


def model(body: str) -> str:
    return f"{HEAD}  {body}\n}}\n"


def compiled(text: str, operations: int = 1_000) -> Compiled:
    """Compile every model under lower limits, so that what grows is stopped soon."""
    found = compile_source(Source("case.arch", text), every=True, limits=Limits(operations))
    assert_bounded(found)
    return found


def assert_bounded(found: Compiled) -> None:
    """Assert that the messages are within the bounds that SECURITY.md states."""
    errors = sum(each.code.is_error for each in found.diagnostics)
    assert errors <= MOST_ERRORS
    assert len(found.diagnostics) - errors <= MOST_WARNINGS
    for each in found.diagnostics:
        message = render([each], width=10_000)
        assert message.count("\n") <= 20, message
        assert len(message.encode()) <= 4_096, message[:200]
        assert len(str(all_as_data([each]))) < 20_000
    assert len(render(found.diagnostics)) < MOST * 4_096


def codes_of(text: str, operations: int = 1_000) -> list[str]:
    return [each.code.id for each in compiled(text, operations).diagnostics if each.code.is_error]


def params(count: int) -> str:
    return ", ".join(f"p{number} = {number}" for number in range(count))


def derived(value: str) -> str:
    """Return a model with parameters, each of which is computed from the one before."""
    given = ", ".join(f"q{i + 1} = {value.format(i)}" for i in range(60))
    return f"model A(q0 = [1], {given}) {{ input x: 4; relu }}"


def halves(kind: str, last: str) -> str:
    """Return definitions, each of which uses the next one twice."""
    steps = "{ a: B%d; b: B%d }" if kind == "block" else "{ B%d; B%d }"
    return "".join(f"{kind} B{i} {steps % (i + 1, i + 1)}\n" for i in range(45)) + f"{kind} B45 {last}\n"


GROWING = {
    "lists through parameters": (
        derived("q{0} + q{0}"), "E0503",
    ),
    "lists in lists": (
        derived("[q{0}, q{0}]"), "E0503",
    ),
    "levels of lists": (
        derived("[q{0}]"), "E0503",
    ),
    "long lists, many times": (model("for i in range(900) { relu if len(range(900)) == i }"), "E0503"),
    "streams": (model("concat { identity; identity } -> " * 60 + "relu"), "E0503"),
    "macros": (halves("macro", "= relu") + model("B0"), "E0501"),
    "macros of nothing": (halves("macro", "{ }") + model("B0; relu"), "E0501"),
    "blocks": (halves("block", "= relu") + model("b: B0"), "E0501"),
    "loops": (model("for i in range(9) { " * 40 + "relu if false" + " }" * 40), "E0501"),
    "exchange": (model("group t{0..400} { relu -> exchange -> relu } -> add"), "E0501"),
    "labels": (model("a{0..40}b{0..40}: relu"), "E0503"),
    "labels in loops": (model("for i in range(900) { a{i}: { if false { " + "relu; " * 900 + "}; relu } }"), "E0501"),
    "models": ("block B { a: [relu * 900] }\n" + "".join(f"model M{i} {{ input x: 4; b: B }}\n" for i in range(9)),
               "E0501"),
    "models of models": ("".join(f"model M{i} = M{i + 1}()\n" for i in range(200)) + "model M200 { input x: 3; relu }",
                         "E0502"),
    "a cycle of models": ("".join(f"model M{i} = M{(i + 1) % 200}()\n" for i in range(200)), "E0502"),
    "axes": (model("stack { identity } -> " * 70 + "relu"), "E0112"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), GROWING.values(), ids=GROWING)
def test_what_grows_is_stopped(text: str, code: str) -> None:
    assert code in codes_of(text)


MANY = {
    "parameters": (f"model A({params(1_001)}) {{ input x: 4; f: linear(p1) }}", "E0111"),
    "parameters of a block": (f"block B({params(1_001)}) = relu\n{model('b: B')}", "E0111"),
    "arguments": (model("c: conv(" + ", ".join(f"a{i} = 1" for i in range(1_001)) + ")"), "E0111"),
    "inputs": ("model A { " + "; ".join(f"input x{i}: 4" for i in range(1_001)) + "; f: linear(2) }", "E0111"),
    "outputs": (model("; ".join(f"output o{i}: relu" for i in range(1_001)) + "; relu"), "E0111"),
    "devices": ("model A { devices g{0..1_000}; input x: 4; f: linear(2) }", "E0111"),
    "axes of an input": ("model A { input x: " + "x".join(["1"] * 5_000) + "; relu }", "E0112"),
    "axes in brackets": ("model A { input x: [" + ", ".join(["1"] * 5_000) + "]; relu }", "E0112"),
    "branches of an if": (model("if false { relu } " + "else if false { relu } " * 3_000 + "; relu"), "E0502"),
    "levels of a sum": (model("f: linear(" + "1 + " * 3_000 + "1)"), "E0502"),
    "levels of powers": (model("f: linear(" + "2 ** " * 3_000 + "1)"), "E0502"),
    "levels of signs": (model("f: linear(" + "-" * 3_000 + "1)"), "E0502"),
    "levels of conditions": (model("f: linear(" + "1 if true else " * 3_000 + "1)"), "E0502"),
    "levels of items": (model("f: linear([1]" + "[0]" * 3_000 + ")"), "E0502"),
    "characters of a label": (model("a" * 50_000 + ": relu"), "E0110"),
    "characters of a computed label": (model("a" + "{1}" * 10_000 + ": relu"), "E0110"),
    "characters of an operator": (model("a" * 50_000), "E0110"),
    "characters of a value in a label": (model('for s in ["' + "x" * 50_000 + '"] { a{s}: relu }'), "E0110"),
    "digits": (model("f: linear(" + "1" * 50_000 + ")"), "E0503"),
    "digits of a fraction": (model("d: dropout(0." + "1" * 50_000 + "e" + "9" * 50_000 + ")"), "E0503"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), MANY.values(), ids=MANY)
def test_what_is_many_is_refused_once(text: str, code: str) -> None:
    found = codes_of(text, operations=20_000)
    assert code in found
    assert found.count(code) <= 2


@pytest.mark.parametrize(
    "sign", ["{", "(", "[", "([{", "a: {", "for i in [1] {", "linear(", ")", "}", '"', "@", "$\n", "-> "]
)
def test_signs_without_end_give_few_errors(sign: str) -> None:
    compiled(sign * 3_000)
    compiled(model(sign * 3_000))


@pytest.mark.parametrize("statement", ["rellu", "c: conv(wrong)", "r: relu", "@nothing", "c: conv(3, 1]", "x = 1"])
def test_errors_end_a_run(statement: str) -> None:
    found = codes_of(model(f"{statement}\n" * 1_000), operations=20_000)
    assert found
    assert len(found) <= MOST_ERRORS


def test_settings_in_one_set_take_linear_time() -> None:
    text = "set " + ", ".join("conv(bias = false)" for _ in range(2_000)) + "\n" + model("c: conv(3, 1)")
    assert compiled(text, operations=20_000).ok
    assert compiled("set conv(bias = false)\n" * 2_000 + model("c: conv(3, 1)"), operations=20_000).ok


def test_a_suggestion_compares_a_bounded_number_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def cost(name: str, known: str) -> None:
        asked.append(known)

    monkeypatch.setattr("archdsl.base.typos._cost", cost)
    nearest("convolution", [f"convolution{number}" for number in range(50_000)])
    assert 0 < len(asked) <= 250
    asked.clear()
    assert nearest("a" * 100, ["b" + "a" * 98]) is None
    assert not asked


def test_a_suggestion_among_many_is_found() -> None:
    assert nearest("pading", [*(f"name{number}" for number in range(5_000)), "padding"]) == "did you mean `padding`?"


def test_large_traces_fix_their_parameters() -> None:
    params, factors = ", ".join(f"p{i} = 1" for i in range(12)), "*".join(f"(1+p{i})" for i in range(12))
    graph = compiled(f"model A({params}) {{ input x: 4; f: linear({factors}) }}").models[0]
    size = graph.output.shape.dims[0]
    assert weight(polynomial(size)) <= MAX_WEIGHT
    made = generate_with_notes(graph)
    fixed = {name for name in (f"p{i}" for i in range(12)) if any(f"{name} is fixed" in note for note in made.notes)}
    assert fixed
    assert not fixed & parameters_of(size)


def test_traces_do_not_grow_without_bound() -> None:
    total: int = TracedInt.parameter("p0", 1)
    for number in range(60):
        total = total * (TracedInt.parameter(f"p{number}", 1) + 1)
    assert total.real == 2**60
    assert weight(polynomial(total)) <= MAX_WEIGHT
    nested: int = TracedInt.parameter("n", 7)
    guards: list[Guard] = []
    with recording(guards):
        for _ in range(5_000):
            nested = (nested + 14) // 3
    assert weight(polynomial(nested)) <= MAX_WEIGHT
    assert guards


def test_the_security_page_names_tests_that_exist() -> None:
    root = Path(__file__).parents[1]
    named = set(re.findall(r"`(tests/\w+\.py)`", (root / "SECURITY.md").read_text()))
    assert len(named) >= 4
    assert not [name for name in named if not (root / name).exists()]


# Whole commands under limits: bytes of text, CPU seconds, MiB.
SMALL, LARGE = (100_000, 2, 300), (800_000, 10, 1_000)
TEXTS: dict[str, Callable[[int], str]] = {
    "steps": lambda size: model("relu -> " * (size // 8) + "relu"),
    "statements": lambda size: model("c: conv(3, 1)\n" * (size // 14)),
    "labels": lambda size: model("; ".join(f"c{number}: conv(3, 1)" for number in range(min(size // 20, 19_990)))),
    "a repeated layer": lambda size: model("a: [conv(3, 1) * 19_990]"),
    "blocks": lambda size: "block B(n) { c: conv(n, 3, padding = 1) -> relu }\n" + model("a: [B(3) * 6_000]"),
    "residuals": lambda size: model("residual { conv(3, 1) }; " * min(size // 25, 9_990)),
    "different layers of a loop": lambda _: model("for i in range(19_900) { c{i}: conv(i % 97 + 1, 1) }"),
    "residuals of a loop": lambda _: model("for i in range(9_900) { residual { conv(3, 1) } }"),
    "uses of a residual block": lambda _: (
        "block B(n) { residual { c: conv(n, 3, padding = 1) -> b: batchnorm -> relu -> d: conv(n, 1) } -> relu }\n"
        + model("a: [B(3) * 3_300]")
    ),
    "empty lines": lambda size: "\n" * size + model("relu"),
    "comments": lambda size: "#\n" * (size // 2) + model("relu"),
    "documentation": lambda size: "##\n" * (size // 3) + model("relu"),
    "unused blocks": lambda size: "".join(f"block B{i} = relu\n" for i in range(size // 20)) + model("relu"),
    "models": lambda size: "".join(f"model M{i} {{ input x: 4; f: linear(2) }}\n" for i in range(size // 45)),
    "garbage": lambda size: model("$\n" * (size // 2)),
    "unknown names": lambda size: model("; ".join(f"lin{number}(2)" for number in range(size // 14))),
    "unknown labels": lambda size: model("; ".join(f"a{number}: relu" for number in range(size // 50)) + "; @b1" * 900),
    "brackets": lambda size: model("([{" * (size // 3)),
    "one word": lambda size: model("a" * size),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("command", ["check", "fmt", "summary", "draw", "build"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("bounds", [SMALL, LARGE], ids=["small", "large"])
def test_a_command_takes_bounded_time_and_memory(
    bounds: tuple[int, int, int], text: Callable[[int], str], command: str, tmp_path: Path
) -> None:
    size, seconds, memory = bounds
    (tmp_path / "net.arch").write_text(text(size - 200))
    output = {"draw": ["-o", "net.dot"], "build": ["-o", "net.py"]}.get(command, [])

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (2 * seconds, 2 * seconds))
        resource.setrlimit(resource.RLIMIT_AS, (2 * memory << 20, 2 * memory << 20))

    with (tmp_path / "errors").open("wb") as errors:
        ran = subprocess.Popen(
            [sys.executable, "-m", "archdsl", command, "net.arch", *output], cwd=tmp_path, preexec_fn=limited,
            stdout=subprocess.DEVNULL, stderr=errors,
        )  # fmt: skip
        _, status, used = os.wait4(ran.pid, 0)
        ran.returncode = os.waitstatus_to_exitcode(status)
    said = (tmp_path / "errors").read_bytes()
    assert ran.returncode in (0, 1), said[-500:]
    assert len(said) < 100_000
    # The limit on CPU time is twice the promise, for machines that are slow or loaded; memory depends on neither.
    assert used.ru_maxrss <= memory << 10
