"""Numbers that remember their parameters: the trace, printed as Python, computes what the number is."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from archdsl.base.pyprint import flat
from archdsl.base.substitution import evaluated
from archdsl.base.symbolic import TracedInt, parameters_of

NAMES = ("a", "b", "c")
Formula = Callable[[dict[str, int]], int]
SIGNS: dict[str, Callable[[int, int], int]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "//": lambda x, y: x // y if y else x,
    "%": lambda x, y: x % y if y else x,
}
LEAVES: st.SearchStrategy[Formula] = st.one_of(
    st.sampled_from(NAMES).map(lambda name: lambda scope: scope[name]),
    st.integers(-5, 9).map(lambda number: lambda scope: number),
)


def joined(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
    def join(left: Formula, sign: str, right: Formula) -> Formula:
        return lambda scope: SIGNS[sign](left(scope), right(scope))

    return st.builds(join, inner, st.sampled_from(["+", "-", "*"]), inner) | st.builds(
        join, inner, st.sampled_from(["//", "%"]), st.integers(1, 7).map(lambda number: lambda scope: number)
    )


FORMULAS = st.recursive(LEAVES, joined, max_leaves=8)
SCOPES = st.fixed_dictionaries({name: st.integers(1, 50) for name in NAMES})


def traced(scope: dict[str, int]) -> dict[str, int]:
    return {name: TracedInt.parameter(name, value) for name, value in scope.items()}


@given(FORMULAS, SCOPES, SCOPES)
def test_the_printed_trace_computes_the_number_for_any_parameters(
    formula: Formula, scope: dict[str, int], other: dict[str, int]
) -> None:
    value = formula(traced(scope))
    assert value == formula(scope)
    assert eval(flat(value), {}, scope) == formula(scope)
    assert eval(flat(value), {}, other) == formula(other)


@given(FORMULAS, SCOPES, SCOPES)
def test_a_trace_can_be_evaluated_anew(formula: Formula, scope: dict[str, int], other: dict[str, int]) -> None:
    assert evaluated(formula(traced(scope)), other) == formula(other)
    half_fixed = evaluated(formula(traced(scope)), {**traced(scope), "a": scope["a"]})
    assert half_fixed == formula(scope)
    assert "a" not in parameters_of(half_fixed)


def test_equal_sums_are_written_equally() -> None:
    a, b = TracedInt.parameter("a", 3), TracedInt.parameter("b", 4)
    assert flat(a + b + a) == flat(2 * a + b) == "2 * a + b"
    assert flat((a * 7) * 7) == "49 * a"
    assert flat(a - a + 5) == "5"
    assert flat((2 * a) // 2) == "a"
    assert flat((a + 1) // 2 * 3) == "3 * ((a + 1) // 2)"


def test_what_cancels_depends_on_nothing() -> None:
    a = TracedInt.parameter("a", 3)
    assert parameters_of(a - a) == frozenset()
    assert parameters_of((a, [a * TracedInt.parameter("b", 2)])) == {"a", "b"}


def test_a_difference_begins_with_what_is_taken_from() -> None:
    a, b = TracedInt.parameter("a", 8), TracedInt.parameter("b", 3)
    assert flat(b - a) == "b - a"
    assert flat(3 - a + b) == "b - a + 3"
    assert flat(-a) == "0 - a"
