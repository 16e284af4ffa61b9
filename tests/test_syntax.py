"""The parser: the same trees as Lark's, spans that hold, and no text that breaks it."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Token
from lark.lexer import Lexer

from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.loader import gallery, read
from archdsl.source import Source, Span
from archdsl.syntax import ast
from archdsl.syntax.automaton import Automaton
from archdsl.syntax.automaton import Token as OurToken
from archdsl.syntax.compile_grammar import grammar, grammar_text, tables
from archdsl.syntax.parse import parse
from archdsl.syntax.tables import RULES

NAMES = st.sampled_from(["a", "b1", "conv", "input", "model", "set", "half", "Net"])
NUMBERS = st.sampled_from(["1", "61_706", "2.5", "1e-3", '"text"', "true", "none", "3x1"])
EXPRESSIONS = st.recursive(
    NUMBERS | st.sampled_from(["n", "channels"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "//", "**", "<", "and"]), inner),
        st.builds("-{}".format, st.sampled_from(["n", "3"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("max({}, {})[0]".format, inner, inner),
    ),
    max_leaves=5,
)
ARGUMENTS = st.one_of(
    st.just(""), st.builds("({})".format, EXPRESSIONS), st.builds("({}, padding = {})".format, EXPRESSIONS, EXPRESSIONS)
)
CALLS = st.builds("{}{}".format, st.sampled_from(["conv", "relu", "Block"]), ARGUMENTS)
STEPS = st.recursive(
    CALLS,
    lambda inner: st.one_of(
        st.builds("label: {}".format, inner.filter(lambda text: ":" not in text.split("(")[0])),
        st.builds("({} -> {})".format, inner, inner),
        st.builds("[ {} ]".format, inner),
        st.builds("{{ {}; {} }}".format, inner, inner),
        st.builds("{} * 3".format, inner.filter(lambda text: "*" not in text and "::" not in text)),
    ),
    max_leaves=4,
)
STATEMENTS = st.one_of(
    st.builds("{} -> {}".format, STEPS, STEPS),
    st.builds("{} :: 3x4x5".format, CALLS),
    st.builds("assert {}".format, EXPRESSIONS),
    st.builds("set conv(bias = {})".format, EXPRESSIONS),
    st.just("input x: [3, h = 2, w = 4]"),
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=5).map(
    lambda lines: "## Words.\nset conv(a = 1)\nmodel Net(n = 1, m = 2) {\n  " + "\n  ".join(lines) + "\n}\n"
)


class Recorded(Lexer):
    """Gives Lark the tokens that our lexer made: line ends inside ( ) and before arrows are gone already."""

    def __init__(self, _: Any) -> None:
        pass

    def lex(self, data: Any) -> Iterator[Token]:
        for token in data:
            yield Token(token.kind, token.text)


LARK = Lark(grammar_text(), parser="lalr", lexer=Recorded, start="file")


def build_all(make: Any) -> dict[str, Any]:
    return {name: make(name) for _, _, name, _ in RULES if name not in ("", "?")}


def own_tree(text: str) -> tuple[Any, list[OurToken]]:
    """Return our tree in Lark's form, and the tokens that were shifted."""
    tokens: list[OurToken] = []

    def make(name: str) -> Any:
        return lambda children, start, end: (name, tuple(children))

    automaton = Automaton(text, build_all(make))
    original = Automaton._shift

    class Watched(Automaton):
        def _shift(self, token: OurToken, state: int) -> bool:
            tokens.append(token)
            return original(self, token, state)

    watched = Watched(text, build_all(make))
    tree = watched.run()
    assert not watched.failures
    assert automaton is not watched
    return simplified(tree), tokens


def simplified(tree: Any) -> Any:
    if isinstance(tree, OurToken):
        return (tree.kind, tree.text)
    name, children = tree
    return (str(name), tuple(simplified(child) for child in children))


def larks_tree(tokens: list[OurToken]) -> Any:
    def convert(tree: Any) -> Any:
        if isinstance(tree, Token):
            return (tree.type, str(tree))
        return (str(tree.data), tuple(convert(child) for child in tree.children))

    return convert(LARK.parse(tokens))  # type: ignore[arg-type]


@given(PROGRAMS)
def test_trees_are_those_of_lark(text: str) -> None:
    tree, tokens = own_tree(text)
    assert tree == larks_tree(tokens)


def test_the_gallery_gives_larks_trees() -> None:
    for name in gallery():
        tree, tokens = own_tree(read(name).text)
        assert tree == larks_tree(tokens)


def test_lark_reads_a_flat_program_by_itself() -> None:
    text = "model Net(n = 1) {\n  input x: 3x4x5\n  a: conv(6, 5) -> relu :: 6x1x2\n}\n"
    tree, _ = own_tree(text)

    def convert(tree: Any) -> Any:
        if isinstance(tree, Token):
            return (tree.type, str(tree))
        return (str(tree.data), tuple(convert(child) for child in tree.children))

    assert tree == convert(grammar().parse(text, start="file"))


def test_tables_are_current() -> None:
    from archdsl.resources import _PACKAGE

    assert (_PACKAGE / "syntax" / "tables.py").read_text() == tables()


def spans(part: Any) -> Iterator[tuple[Span, Span]]:
    """Yield every pair of a node's span and the span of a node within."""
    for child in part if isinstance(part, tuple) else ():
        if isinstance(child, tuple) and not isinstance(child, Span):
            own, inner = getattr(part, "span", None), getattr(child, "span", None)
            if own is not None and inner is not None:
                yield own, inner
            yield from spans(child)


@given(PROGRAMS)
def test_spans_lie_inside_each_other(text: str) -> None:
    file = parsed(text)
    assert file is not None
    for outer, inner in spans(file.items):
        assert 0 <= outer.start <= inner.start <= inner.end <= outer.end <= len(text)


def parsed(text: str) -> ast.File | None:
    return parse(Source("net.arch", text), Problems())


@settings(max_examples=300)
@given(st.text(max_size=60) | st.text('(){}[]->:*=,"#\n ax12.;', max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    problems = Problems()
    if parse(Source("net.arch", text), problems) is None:
        assert problems.has_errors


@settings(max_examples=300)
@given(PROGRAMS, st.data())
def test_no_slip_breaks_the_parser(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    to = data.draw(st.integers(at, min(len(text), at + 4)))
    put = data.draw(st.sampled_from(["", "(", ")", "{", "}", "[", "]", "->", "\n", ",", '"', ":", "model", "é"]))
    parsed(text[:at] + put + text[to:])
    parsed(text[:at])


def test_brackets_are_bounded_in_depth() -> None:
    for opening in ("(", "[", "x: {"):
        problems = Problems()
        parse(Source("net.arch", "model M { input x: 3\n" + opening * 10_000), problems)
        assert [found.code for found in problems.in_order()][:1] == [codes.TOO_DEEP]


def test_long_programs_and_long_sums_are_parsed() -> None:
    file = parsed("model M { input x: 3\n" + "  a: relu -> tanh\n" * 10_000 + "  assert " + "1 + " * 20_000 + "1\n}\n")
    assert file is not None
    assert len(file.models[0].body) == 10_002


def test_two_errors_are_both_found() -> None:
    problems = Problems()
    parse(Source("net.arch", "model M {\n  input x: 3\n  a relu\n  tanh\n  b = relu\n}\n"), problems)
    assert [found.primary.span.line for found in problems.in_order()] == [3, 5]
