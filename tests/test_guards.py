"""Guards and the checks of constructors that are made of them: what the checks accept, the guards accept."""

import itertools
import operator
from collections.abc import Callable
from random import Random
from time import process_time
from typing import Any

import pytest
from placed import class_of

from archdsl.base.guards import NEGATED, Guard, recording
from archdsl.base.source import Source
from archdsl.base.substitution import evaluated
from archdsl.base.symbolic import TracedFloat, TracedInt, fixed, is_traced, parameters_of
from archdsl.driver import compile_source
from archdsl.emit.conditions import Clause, clauses
from archdsl.emit.divisions import Ordered
from archdsl.emit.generate import generate
from archdsl.emit.implied import simplified

NAMES = ("n", "m", "d")
SETS = 250
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ARITHMETIC: tuple[Callable[[Any, Any], Any], ...] = (
    operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod,
)  # fmt: skip


def number(random: Random, values: dict[str, int], depth: int = 2) -> int:
    """Return a random expression over the parameters."""
    kind = random.random()
    if depth == 0 or kind < 0.35:
        name = random.choice(NAMES)
        return TracedInt.parameter(name, values[name])
    if kind < 0.45:
        return random.randint(1, 4)
    left, right = number(random, values, depth - 1), number(random, values, depth - 1)
    try:
        found: int = random.choice(ARITHMETIC)(left, right)
    except ZeroDivisionError:
        return left
    return found


def guards(random: Random, values: dict[str, int]) -> list[Guard]:
    """Return guards that hold for the values: lower bounds of parameters, and comparisons of expressions."""
    given = [(">=", TracedInt.parameter(name, values[name]), 1) for name in NAMES if random.random() < 0.8]
    found = [Guard(symbol, ((left, right),), None) for symbol, left, right in given]
    for _ in range(random.randint(1, 4)):
        left = number(random, values)
        right = number(random, values) if random.random() < 0.5 else random.randint(0, 4)
        symbol = random.choice(list(COMPARE))
        holds = COMPARE[symbol](left.real, right.real)
        found.append(Guard(symbol if holds else NEGATED[symbol], ((left, right),), None))
    return found


def holds(symbol: str, left: int, right: int, values: dict[str, int]) -> bool:
    return COMPARE[symbol](evaluated(left, values).real, evaluated(right, values).real)


def accepts(found: list[Guard] | list[Clause], values: dict[str, int]) -> bool:
    for each in found:
        if isinstance(each, Guard):
            if not all(holds(each.symbol, left, right, values) for left, right in each.pairs):
                return False
        elif not any(holds(only.symbol, only.left, only.right, values) for only in each.atoms):
            return False
    return True


@pytest.mark.parametrize("chunk", range(2))
def test_checks_accept_the_values_that_the_guards_accept(chunk: int) -> None:
    for seed in range(chunk, SETS, 2):
        random = Random(seed)
        values = {name: random.randint(1, 6) for name in NAMES}
        demanded = guards(random, values)
        made = {clause.key: clause for guard in demanded for clause in clauses(guard, values)}
        checks = list(simplified(made).values())
        for others in itertools.product(range(1, 7), repeat=len(NAMES)):
            tried = dict(zip(NAMES, others, strict=True))
            try:
                assert accepts(checks, tried) == accepts(demanded, tried), (seed, tried, demanded)
            except ZeroDivisionError:
                continue


@pytest.mark.parametrize("chunk", range(2))
def test_no_check_divides_by_0_before_it_is_refused(chunk: int) -> None:
    for seed in range(chunk, SETS, 2):
        random = Random(seed)
        values = {name: random.randint(1, 6) for name in NAMES}
        demanded = guards(random, values)
        made = simplified({clause.key: clause for guard in demanded for clause in clauses(guard, values)})
        ordered = Ordered(list(made.values()), {}, values)
        for clause in ordered.conditions:
            ordered.add(clause)
        assert set(ordered.checks) >= {each.key for each in ordered.conditions}
        for others in itertools.product(range(-2, 5), repeat=len(NAMES)):
            tried = dict(zip(NAMES, others, strict=True))
            accepted = accepts(list(ordered.checks.values()), tried)
            try:
                expected = accepts(list(made.values()), tried)
            except ZeroDivisionError:
                expected = False
            assert accepted == expected, (seed, tried, demanded)


DIVISIONS = {
    "a bound of 2": ("n = 8, d = 2", "a: linear(n) -> b: linear(d)\n if d >= 2 { relu }\n if n % d == 0 { tanh }"),
    "a bound below": ("n = 8, d = 2", "a: linear(n) -> b: linear(n // d) -> relu -> c: linear(d)"),
    "a product": ("n = 8, d = 2, e = 2", "a: linear(n) -> b: linear(n // (d * e)) -> c: linear(d) -> e: linear(e)"),
    "a sum": ("n = 8, d = 2, e = 2", "a: linear(n) -> b: linear(n // (d + e)) -> c: linear(d) -> e: linear(e)"),
    "a difference": ("n = 8, d = 2", "a: linear(n) -> b: linear(n // (d - 1)) -> relu -> c: linear(d)"),
    "a default": ("n = 8, d = 2, k = n // d, j = n // k", "a: linear(n) -> b: linear(k) -> c: linear(d) -> linear(j)"),
    "a submodule": ("n = 8, d = 2", "a: linear(n // d) -> z: { b: linear(d) -> relu -> c: linear(n) }"),
}


@pytest.mark.parametrize("name", DIVISIONS)
def test_a_bound_of_a_number_needs_no_check_for_0(name: str) -> None:
    parameters, body = DIVISIONS[name]
    compiled = compile_source(Source("net.arch", f"model M({parameters}) {{\n input x: 5\n {body}\n}}\n"))
    assert compiled.ok
    code = generate(compiled.models[0])
    assert "!= 0, not" not in code
    made = class_of(code, "M")
    made()
    for number in parameters.split(", "):
        with pytest.raises(ValueError, match=" needs "):
            made(**{number.split(" = ")[0]: 0})


def test_the_bounds_of_many_parameters_take_linear_time() -> None:
    demanded = [Guard(">=", ((TracedInt.parameter(f"p{number}", 3), 1),), None) for number in range(2_000)]
    made = {clause.key: clause for guard in demanded for clause in clauses(guard, {})}
    before = process_time()
    assert len(Ordered(list(simplified(made).values()), {}, {}).conditions) == 2_000
    assert process_time() - before < 2


SUMS = [f"({'*'.join(f'({name}+1)' for name in names)})" for names in ("abcde", "fghij")]
REFUSED = {
    "two kernels": (
        "model M(k = 3, l = 3) {\n input image: 1x32x32\n"
        " c: conv(8, [k, l], padding = half) -> flatten -> f: linear(10)\n}\n",
        [{"k": 4}, {"l": 4}],
    ),
    "quotients against parameters": (
        "model M(dim = 8, heads = 4, m = 1, k = 1) {\n input x: 5\n a: linear(dim) -> b: linear(dim // heads * heads)\n"
        " if dim % heads == 0 { relu }\n if dim // heads - m >= 1 { tanh } else { sigmoid }\n"
        " if dim // heads >= k { c: linear(m) } else { sigmoid }\n d: linear(k)\n}\n",
        [{"k": 5}, {"m": 5}],
    ),
    "large traces": (
        "model M(a = 2, b = 2, c = 2, d = 2, e = 2, f = 1, g = 1, h = 1, i = 1, j = 1) {\n input x: 5\n"
        f" one: linear({SUMS[0]}) -> two: linear({SUMS[1]})\n"
        f" if {SUMS[0]} > {SUMS[1]} {{ relu -> three: linear(7) }} else {{ four: linear(8) }}\n}}\n",
        [{"f": 999}],
    ),
    "a quotient that may be 0": (
        "model M(n = 8) {\n input x: 5\n a: linear(n)\n if (n - 4) % 2 == 0 { b: linear(3) } else { c: linear(4) }\n"
        " if (n - 4) // 2 >= 1 { relu } else { tanh }\n d: linear(n)\n}\n",
        [{"n": 4}, {"n": 7}],
    ),
    "an equal quotient": (
        "model M(dim = 128, heads = 2) {\n input x: 5\n a: linear(dim) -> b: linear(heads)\n"
        " if dim // heads == 64 { relu } else { tanh }\n c: linear(2)\n}\n",
        [{"heads": 4}, {"dim": 64}],
    ),
    "two sizes of a merge": (
        "model M(n = 8, m = 8) {\n input x: 8\n a: linear(n) -> b: linear(m)\n"
        " add { @x; c: linear(m); d: linear(n) }\n}\n",
        [{"n": 1}, {"m": 1}],
    ),
    "a parameter as the bound of another": (
        "model M(n = 8, m = 4) {\n input x: 5\n a: linear(n) -> b: linear(m)\n"
        " if n >= m { relu -> c: linear(3) } else { tanh -> d: linear(4) }\n}\n",
        [{"n": 2}, {"m": 9}],
    ),
    "two quotients of a merge": (
        "model M(n = 8, m = 8) {\n input x: 5\n"
        " a: linear(4) -> add { b: linear(n // 2); c: linear(m // 2) } -> relu\n}\n",
        [{"n": 2}, {"m": 2}],
    ),
    "groups of a normalisation": (
        "model M(n = 5) {\n input x: 4x8x8\n a: groupnorm(n % 3)\n}\n",
        [{"n": 3}, {"n": 6}],
    ),
    "groups of a normalisation before a submodule": (
        "model M(n = 5) {\n input x: 4x8x8\n a: groupnorm(n % 3) -> tanh\n"
        " b: { c: relu -> share @c -> conv(n, 3) }\n}\n",
        [{"n": 3}, {"n": 6}],
    ),
    "defaults that divide": (
        "model M(m = 2, w = 8 // m, v = 12 // w, s = 1.0 / v) {\n input x: 4\n"
        " a: linear(w) -> b: linear(m) -> times(s)\n c: linear(v)\n}\n",
        [{"m": 0}, {"w": 0}, {"v": 0}],
    ),
    "a divisor that is a remainder": (
        "model M(n = 8, m = 5, r = 1.5) {\n input x: 5\n a: linear(n // (m % (round(r) + 1)))\n"
        " times(n / (r - 1))\n}\n",
        [{"m": 6}, {"r": -1.0}, {"r": 1.0}],
    ),
    "numbers that are 0 at least": (
        "model M(n = 1, m = 1) {\n input x: 2x8x8\n a: conv(2, 1) -> pad(1, after = n) -> pad(m, after = 2)\n}\n",
        [{"n": -1}, {"m": -1}],
    ),
    "the axis of a sum": (
        "model M(a = 1) {\n input x: 2x8x8\n c: conv(8, 1) -> sum(a)\n}\n",
        [{"a": -1}, {"a": -2}],
    ),
    "a size of a block in a submodule that takes no parameters": (
        "block Basic(deep) { conv_transpose(8, width // 2) -> selu :: 8x8 }\n"
        "model M(n = 6) {\n devices gpu{0..1}\n input y: sequence 8x8\n split(2) -> group d{0..1} {\n"
        "  gru(n) -> Basic(true) -> group k{0..1} on gpu{0..1} { gelu } -> stack -> flatten\n } -> stack\n}\n",
        [{"n": 7}, {"n": 8}],
    ),
    "a divisor that is a quotient": (
        "model M(n = 2, dim = 8) {\n input x: 5\n a: linear(n) -> b: linear(dim)\n"
        " if dim // (4 // n) == 4 { relu } else { tanh }\n c: linear(2)\n}\n",
        [{"dim": 4}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_values_that_give_another_net_are_refused(name: str) -> None:
    text, refused = REFUSED[name]
    compiled = compile_source(Source("net.arch", text))
    assert compiled.ok
    made = class_of(generate(compiled.models[0]), "M")
    made()
    for values in refused:
        # A parameter that is fixed is no argument, which is a TypeError.
        with pytest.raises((ValueError, TypeError)):
            made(**values)


def test_a_number_without_its_trace_is_demanded() -> None:
    number, rate = TracedInt.parameter("n", 5), TracedFloat.parameter("r", 0.5)
    with recording(found := []):
        plain = [fixed(number), fixed(rate), fixed(7), fixed(0.25)]
    assert plain == [5, 0.5, 7, 0.25]
    assert not any(map(is_traced, plain))
    assert [(each.symbol, parameters_of(each.pairs)) for each in found] == [("==", {"n"}), ("==", {"r"})]
    with recording(None):
        assert type(fixed(number)) is int


@pytest.mark.parametrize(("symbol", "bound"), [("!=", 3), ("!=", -1), ("<=", 2), (">=", 0), ("<", 3)])
def test_what_holds_for_every_remainder_is_not_checked(symbol: str, bound: int) -> None:
    guard = Guard(symbol, ((TracedInt.parameter("n", 5) % 3, bound),), None)
    assert not [*clauses(guard, {"n": 5})]
