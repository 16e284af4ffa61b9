"""The parser: the same trees as Lark's, spans that hold, and no text that breaks it."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Token
from lark.lexer import Lexer

from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.syntax import ast
from archdsl.syntax.automaton import Automaton
from archdsl.syntax.automaton import Token as OurToken
from archdsl.syntax.compile_grammar import grammar, grammar_text, tables
from archdsl.syntax.loader import gallery, read
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
        st.builds("({}, {})".format, inner, inner),
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
BODIES = st.lists(STEPS, min_size=1, max_size=3).map("; ".join)
TAILS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", " * 2", " * n", " * (n - 1)"]),
    st.sampled_from(["", " if n > 1", " if a and not b"]),
    st.sampled_from(["", " :: 3x4x5", " :: [n, h = 2]", " :: 84"]),
)
# Steps that hold statements, or lead several streams.
FORMS = st.one_of(
    st.builds("concat {{ {}; @enc1 }}".format, BODIES),
    st.builds("stack(axis = {}) {{ {}; {} }}".format, st.integers(0, 2), CALLS, CALLS),
    st.builds("residual {{ {} }}".format, BODIES),
    st.builds("residual {{ {} }} project {{ {} }}".format, BODIES, BODIES),
    st.builds("residual {{\n {}\n }}\n  project {{\n {}\n }}".format, BODIES, BODIES),
    st.builds("on {} {{ {} }}".format, st.sampled_from(["gpu0", "gpu{i}"]), BODIES),
    st.builds("group tower{{0..1}} {{ {}; exchange -> {} }}".format, BODIES, CALLS),
    st.builds("group tower{{0..n}} on gpu{{0..n}} {{ {} }}".format, BODIES),
    st.sampled_from(["@enc1", "@layer{i + 1}", "share @enc1", "split(2)", "Up(@enc2, 64, skip = @enc{i})"]),
    st.builds("{} {{ {} }}".format, st.sampled_from(["l{i}:", "l{1..n}_x:", "part:"]), BODIES),
    st.builds("{} [\n {}\n ]".format, st.sampled_from(["layer{i + 1}:", "l{1..n}:"]), BODIES),
).flatmap(lambda form: TAILS.map(lambda tail: form + tail))
SIMPLE = st.one_of(
    st.builds("{} -> {}".format, STEPS, STEPS),
    st.builds("{} :: 3x4x5".format, CALLS),
    st.builds("{} -> {}".format, FORMS, CALLS),
    st.builds("{}\n    -> {}".format, CALLS, FORMS),
    st.builds("output {}: {}{}".format, NAMES.filter(str.islower), CALLS, st.sampled_from(["", " when training"])),
    st.builds("assert {}".format, EXPRESSIONS),
    st.builds("set conv(bias = {}), relu()".format, EXPRESSIONS),
    st.sampled_from(["input x: [3, h = 2, w = 4]", "devices gpu0, gpu1", "devices gpu{0..3}"]),
)
BLOCKS = st.lists(SIMPLE, max_size=2).map(lambda lines: "{\n    " + "\n    ".join(lines) + "\n  }")
STATEMENTS = st.one_of(
    SIMPLE,
    st.builds("for i in {} {}".format, EXPRESSIONS, BLOCKS),
    st.builds("for i, n in enumerate([1, 2]) {}".format, BLOCKS),
    st.builds("if {} {}".format, EXPRESSIONS.filter(lambda text: " if " not in text), BLOCKS),
    st.builds("if n > 1 {} else {}".format, BLOCKS, BLOCKS),
    st.builds("if n > 1 {}\n  else if n == 1 {}\n  else {}".format, BLOCKS, BLOCKS, BLOCKS),
)
ITEMS = st.one_of(
    st.sampled_from(['import "blocks.arch"', 'from "a/b.arch" import One, Two', "model M = Net(Block, [3, 4], n = 2)"]),
    st.builds("## A block.\nblock Block(n, k = {}) {}".format, EXPRESSIONS, BLOCKS),
    st.builds("block Line(n) = {} -> {}".format, CALLS, CALLS),
    st.builds("macro Part {}".format, BLOCKS),
    st.builds("macro Short(a, b = 1) = [\n {}\n ]".format, BODIES),
)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Return a program that uses any of the grammar's forms; it need not mean anything."""
    items = draw(st.lists(ITEMS, max_size=2))
    lines = draw(st.lists(STATEMENTS, min_size=1, max_size=4))
    model = "## Words.\nset conv(a = 1)\nmodel Net(n = 1, m = 2) {\n  " + "\n  ".join(lines) + "\n}"
    return "\n".join([*items, model]) + "\n"


PROGRAMS = programs()


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


def rules_of(tree: Any) -> set[str]:
    """Return the rules that made a tree."""
    name, children = tree
    return {name}.union(*map(rules_of, children)) if isinstance(children, tuple) else set()


def test_the_programs_use_every_rule_that_makes_a_node() -> None:
    seen: set[str] = set()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(PROGRAMS)
    def watch(text: str) -> None:
        seen.update(rules_of(own_tree(text)[0]))

    watch()
    assert seen == {name for _, _, name, _ in RULES if name not in ("", "?", "broken")}


def test_lark_reads_a_flat_program_by_itself() -> None:
    text = "model Net(n = 1) {\n  input x: 3x4x5\n  a: conv(6, 5) -> relu :: 6x1x2\n}\n"
    tree, _ = own_tree(text)

    def convert(tree: Any) -> Any:
        if isinstance(tree, Token):
            return (tree.type, str(tree))
        return (str(tree.data), tuple(convert(child) for child in tree.children))

    assert tree == convert(grammar().parse(text, start="file"))


def test_tables_are_current() -> None:
    from archdsl.base.resources import _PACKAGE

    assert (_PACKAGE / "syntax" / "tables.py").read_text() == tables()


def spans(part: Any) -> Iterator[tuple[Span, Span]]:
    """Yield every pair of a node's span and the span of the nearest node within."""
    own = getattr(part, "span", None)
    for child in nodes_within(part):
        if own is not None:
            yield own, child.span
        yield from spans(child)


def nodes_within(part: Any) -> Iterator[Any]:
    """Yield the nodes that a node holds, directly or in tuples."""
    held = vars(part).values() if isinstance(part, ast.CONTAINERS) else part if isinstance(part, tuple) else ()
    for child in held:
        if isinstance(child, Span | Source | str):
            continue
        if hasattr(child, "span"):
            yield child
        else:
            yield from nodes_within(child)


@given(PROGRAMS)
def test_spans_lie_inside_each_other(text: str) -> None:
    file = parsed(text)
    assert file is not None
    pairs = [pair for item in file.items for pair in spans(item)]
    assert len(pairs) > len(file.items)
    for outer, inner in pairs:
        assert 0 <= outer.start <= inner.start <= inner.end <= outer.end <= len(text)


def parsed(text: str) -> ast.File | None:
    return parse(Source("net.arch", text), Problems())


@settings(max_examples=300)
@given(st.text(max_size=60) | st.text('(){}[]->:*=,"#\n ax12.;', max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert is_parsed_or_reported(text)


def is_parsed_or_reported(text: str) -> bool:
    problems = Problems()
    return parse(Source("net.arch", text), problems) is not None or problems.has_errors


@settings(max_examples=300)
@given(PROGRAMS, st.data())
def test_no_slip_breaks_the_parser(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    to = data.draw(st.integers(at, min(len(text), at + 4)))
    put = data.draw(st.sampled_from(["", "(", ")", "{", "}", "[", "]", "->", "\n", ",", '"', ":", "model", "é"]))
    assert is_parsed_or_reported(text[:at] + put + text[to:])
    assert is_parsed_or_reported(text[:at])


def test_brackets_are_bounded_in_depth() -> None:
    for opening in ("(", "[", "x: {"):
        problems = Problems()
        parse(Source("net.arch", "model M { input x: 3\n" + opening * 10_000), problems)
        assert [found.code for found in problems.in_order()][:1] == [codes.TOO_DEEP]


def test_long_programs_and_long_sums_are_parsed() -> None:
    file = parsed("model M { input x: 3\n" + "  a: relu -> tanh\n" * 10_000 + "  assert " + "1 + " * 78 + "1\n}\n")
    assert file is not None
    assert len(file.models[0].body) == 10_002


def test_two_errors_are_both_found() -> None:
    problems = Problems()
    parse(Source("net.arch", "model M {\n  input x: 3\n  a relu\n  tanh\n  b = relu\n}\n"), problems)
    assert [found.primary.span.line for found in problems.in_order()] == [3, 5]
