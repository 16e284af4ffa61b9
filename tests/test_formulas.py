"""The traces of random expressions compute, for all values that their guards accept, what elaboration computes."""

import inspect
import math
from random import Random
from typing import Any

import pytest
import torch
from formulas import PARAMETERS, real_number, values, whole
from placed import class_of

from archdsl.base import functions
from archdsl.base.functions import make_divisible
from archdsl.base.guards import Guard, Number, recording
from archdsl.base.pyprint import flat
from archdsl.base.source import Source
from archdsl.base.substitution import evaluated, replaced
from archdsl.base.symbolic import TracedFloat, TracedInt, combined, parameters_of
from archdsl.diag.model import Problems
from archdsl.driver import compile_source
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.values import ERROR, MaybeValue
from archdsl.emit.generate import generate
from archdsl.emit.support import definition
from archdsl.syntax import ast
from archdsl.syntax.parse import parse

EXPRESSIONS = 300
PYTHON = {"math": math, "make_divisible": make_divisible}


def parsed(text: str) -> ast.Expr:
    file = parse(Source("net.arch", f"model M {{\n input x: 4\n times({text})\n}}\n"), Problems())
    assert file is not None
    (model,) = (each for each in file.definitions if isinstance(each, ast.Definition))
    chain = model.body[1]
    assert isinstance(chain, ast.Chain)
    call = chain.steps[0].unit
    assert isinstance(call, ast.Call)
    return call.args[0].value


def traced(given: dict[str, int | float]) -> dict[str, MaybeValue]:
    return {
        name: TracedFloat.parameter(name, value) if isinstance(value, float) else TracedInt.parameter(name, value)
        for name, value in given.items()
    }


def computed(expr: ast.Expr, given: dict[str, MaybeValue]) -> tuple[MaybeValue, list[Guard], str]:
    """Return the value of an expression, its guards, and what is wrong with it."""
    guards: list[Guard] = []
    problems = Problems()
    with recording(guards):
        value = Evaluator(problems, Limits()).value(expr, Scope(given), Cursor())
    return value, guards, " ".join(each.primary.text for each in problems.in_order())


def accepts(guards: list[Guard], given: dict[str, int | float]) -> bool:
    """Return whether guards hold, as Python evaluates them."""
    pairs = [(guard.symbol, left, right) for guard in guards for left, right in guard.pairs]
    return all(eval(f"({flat(left)}) {symbol} ({flat(right)})", PYTHON, dict(given)) for symbol, left, right in pairs)


def same(one: object, other: object) -> bool:
    """Return whether two numbers have one type and equal bits."""
    return repr(one) == repr(other) and isinstance(one, int) == isinstance(other, int)


def check(seed: int) -> bool:
    """Check one expression; return whether it has a value that depends on a parameter, also for other parameters."""
    random = Random(seed)
    text = random.choice((whole, real_number))(random)
    expr, given = parsed(text), values(random)
    value, guards, _ = computed(expr, traced(given))
    plain, *_ = computed(expr, {**given})
    assert (value is ERROR) == (plain is ERROR), text
    if not isinstance(value, int | float):
        return False
    assert same(value.real, plain), (text, given)
    assert same(eval(flat(value), PYTHON, dict(given)), plain), (text, given, flat(value))
    assert accepts(guards, given), (text, given)
    tried = 0
    for _ in range(8):
        other = {**values(random), random.choice(PARAMETERS): given[random.choice(PARAMETERS)]}
        other = {name: type(given[name])(number) for name, number in other.items()}
        try:
            if not accepts(guards, other):
                continue
        except ArithmeticError:
            continue
        there, _, wrong = computed(expr, {**other})
        if not isinstance(there, int | float):
            # Limits of the language have no guards.
            assert "would be" in wrong or "not a finite number" in wrong, (text, given, other, flat(value), wrong)
            continue
        assert same(eval(flat(value), PYTHON, dict(other)), there), (text, given, other, flat(value))
        assert same(evaluated(value, other).real, there), (text, given, other, flat(value))
        half = evaluated(value, _half_traced(other))
        assert not parameters_of(half) & {"n", "r"}
        assert same(evaluated(half, other).real, there), (text, given, other, flat(value), flat(half))
        assert _is_alike(replaced(value, {"m": other["m"], "s": other["s"]}, other), other, there)
        tried += 1
    return bool(tried and parameters_of(value))


def _half_traced(other: dict[str, int | float]) -> dict[str, Number]:
    """Return values of the parameters, of which two have no trace."""
    kept = {name: value for name, value in traced(other).items() if isinstance(value, int | float)}
    return {**kept, "n": other["n"], "r": other["r"]}


def _is_alike(number: Number, other: dict[str, int | float], wanted: object) -> bool:
    return not parameters_of(number) & {"m", "s"} and same(eval(flat(number), PYTHON, dict(other)), wanted)


@pytest.mark.parametrize("chunk", [0, pytest.param(1, marks=pytest.mark.long), pytest.param(2, marks=pytest.mark.long)])
def test_a_trace_computes_what_elaboration_computes(chunk: int) -> None:
    open_ = [check(seed) for seed in range(chunk, 20 * EXPRESSIONS if chunk else EXPRESSIONS, 3 if chunk else 1)]
    assert sum(open_) > len(open_) / 2


def test_the_function_in_generated_modules_is_that_of_the_language() -> None:
    scope: dict[str, Any] = {}
    exec(definition("make_divisible").source, scope)
    assert inspect.signature(scope["make_divisible"]) == inspect.signature(make_divisible)
    random = Random(0)
    for _ in range(300):
        given = (random.uniform(-9, 300), random.choice((1, 2, 8, 16)), random.choice((None, 4, 32)))
        assert scope["make_divisible"](*given) == functions.make_divisible(*given)


# An expression, its text in Python, and the conditions under which it is right.
WRITTEN = {
    "width * ratio": ("width * ratio", []),
    "rate * 7 / 40": ("rate * 7 / 40", []),
    "rate * (7 / width)": ("rate * (7 // width)", ["width != 0", "7 % width == 0"]),
    "rate / (ratio / 3)": ("rate / (ratio / 3)", ["ratio / 3 != 0"]),
    "1 - (1 - rate)": ("1 - (1 - rate)", []),
    "ceil(width * ratio)": ("math.ceil(width * ratio)", []),
    "ceil(width) + floor(7) + round(width)": ("2 * width + 7", []),
    "2 * round(width / ratio) + 1": ("2 * round(width / ratio) + 1", ["ratio != 0"]),
    "make_divisible(width // 4, 8)": ("make_divisible(width // 4, 8)", []),
    "make_divisible(width // 4, 8, none)": ("make_divisible(width // 4, 8)", []),
    "min(width, 64) * 3": ("3 * min(width, 64)", []),
    "max([width, width])": ("width", []),
    "max(ratio, width)": ("width", ["width > ratio"]),
    "max(width, ratio, 2)": ("width", ["ratio <= width", "2 <= width"]),
    "abs(width - 9)": ("abs(width - 9)", []),
    "-(rate + 1)": ("-(rate + 1)", []),
    "-rate * 2": ("-rate * 2", []),
    "width ** -0.5": ("width**-0.5", ["width > 0"]),
    "(width + 1) ** -0.5 ** 1": ("(width + 1) ** -0.5**1", ["width + 1 > 0"]),
    "sum([width, 2, width])": ("2 * width + 2", []),
    "len([width, rate])": ("2", []),
    "width * (width + 1) // (width + 1)": ("width", ["width + 1 != 0"]),
    "6 * width * heads // (4 * heads)": ("3 * width // 2", ["4 * heads != 0"]),
    "width * heads % (heads * 5)": ("heads * (width % 5)", ["5 * heads != 0"]),
    "0.2 * 7 / 40": ("0.035", []),
    "0.2 * 7 / 60": ("0.2 * 7 / 60", []),
    "0.5 + 0.25": ("0.75", []),
}  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_expressions_are_printed_as_they_were_written(text: str) -> None:
    given = {"width": 7, "heads": 2, "ratio": 1.5, "rate": 0.3}
    scope = traced(given)
    value, guards, _ = computed(parsed(text), scope)
    assert isinstance(value, int | float)
    conditions = [f"{flat(left)} {guard.symbol} {flat(right)}" for guard in guards for left, right in guard.pairs]
    assert (flat(value), conditions) == WRITTEN[text]


def test_a_trace_of_floats_that_is_too_large_is_not_kept() -> None:
    total: Number = TracedFloat.parameter("r", 0.5)
    guards: list[Guard] = []
    with recording(guards):
        while parameters_of(total):
            total = combined("+", total, TracedInt.parameter("n", 1))
    assert [(flat(left), right) for guard in guards for left, right in guard.pairs][-1] == ("n", 1)


def test_a_function_of_forward_that_cannot_be_scripted_fixes_its_parameters() -> None:
    text = "model M(n = 9, r = 0.5) {{\n input x: [n]\n narrowed: slice(0, {}(n * r)) -> a: linear(2)\n}}\n"
    for function, is_open in (("ceil", True), ("round", False), ("make_divisible", False)):
        compiled = compile_source(Source("net.arch", text.format(function)))
        assert compiled.ok
        source = generate(compiled.models[0])
        assert ("r: float" in source) == is_open
        class_of(source, "M")()


@pytest.mark.filterwarnings("ignore")
def test_forward_computes_with_functions_and_floats_when_it_is_scripted() -> None:
    text = """model M(n = 9, k = 4, r = 0.5, s = 1.5) {
      input x: [n, 8]
      slice(0, ceil(n * r)) -> slice(0, min(k, n) + abs(n - k) - 5, axis = 1)
      times(n ** -0.5) -> times(-r * 7 / 40 // s) -> times(max(r, s) % 0.3) -> times((r + 1) ** s)
    }"""
    compiled = compile_source(Source("net.arch", text))
    assert compiled.ok
    net = class_of(generate(compiled.models[0]), "M")(n=10, r=0.7)
    x = torch.rand(2, 10, 8)
    assert torch.equal(torch.jit.script(net)(x), net(x))
