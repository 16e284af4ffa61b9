"""Random programs: the compiler never fails, and says the same thing twice."""

import ast

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archdsl.base.source import Source
from archdsl.driver import Compiled, compile_source
from archdsl.elaborate.limits import Limits
from archdsl.emit.generate import generate
from archdsl.ops import all_ops
from archdsl.syntax.loader import read

CALLS = st.sampled_from([example.call for op in all_ops() for example in op.examples])
STEPS = st.recursive(
    CALLS,
    lambda inner: st.one_of(
        st.builds("({} -> {})".format, inner, inner),
        st.builds("({}) * {}".format, inner, st.integers(0, 3)),
        st.builds("[{} -> {}]".format, inner, inner),
    ),
    max_leaves=4,
)
STATEMENTS = st.one_of(
    st.builds("s{}: {}".format, st.integers(0, 99), CALLS),
    st.builds("m{}: [ {} ]".format, st.integers(0, 99), STEPS),
    st.builds("n{}: {{ {}; {} }}".format, st.integers(0, 99), CALLS, CALLS),
    STEPS,
    st.sampled_from(["set conv(bias = false)", "assert params > 0", "flatten", "conv(n, 1)", "linear(2 * n)"]),
)
INPUTS = st.sampled_from(["3x32x32", "4x16", "84", "2x6x7x8", "[n, 20, 20]"])


@st.composite
def programs(draw: st.DrawFn) -> str:
    lines = draw(st.lists(STATEMENTS, min_size=1, max_size=6))
    return f"model Net(n = 6) {{\n  input x: {draw(INPUTS)}\n  " + "\n  ".join(lines) + "\n}\n"


def compiled(text: str) -> Compiled:
    return compile_source(Source("net.arch", text), every=True, limits=Limits(operations=500))


@settings(max_examples=300)
@given(programs())
def test_a_program_compiles_or_says_why(text: str) -> None:
    first, second = compiled(text), compiled(text)
    assert first.ok == bool(first.models)
    assert [str(found) for found in first.diagnostics] == [str(found) for found in second.diagnostics]
    for one, other in zip(first.models, second.models, strict=True):
        assert generate(one) == generate(other)


@settings(max_examples=300)
@given(st.data())
def test_no_slip_in_lenet5_breaks_the_compiler(data: st.DataObject) -> None:
    text = read("lenet5").text
    at = data.draw(st.integers(0, len(text)))
    to = data.draw(st.integers(at, min(len(text), at + 6)))
    put = data.draw(
        st.sampled_from(["", "(", ")", "{", "}", "[", "]", "->", "\n", ",", '"', "0", "x", " * 9", "1e9", "-"])
    )
    result = compiled(text[:at] + put + text[to:])
    assert result.ok == bool(result.models)


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_no_documentation_breaks_the_module(words: str) -> None:
    line = " ".join(words.split("\n"))
    result = compiled(f"## {line}\nmodel Net {{\n  input x: 4\n  f: linear(2)\n}}\n")
    assume(result.ok)
    module = ast.parse(generate(result.models[0]))
    assert [part.name for part in module.body if isinstance(part, ast.ClassDef)] == ["Net"]
