"""`archdsl fmt`: the layout is canonical, comments stay, and the meaning never changes."""

import difflib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from test_syntax import PROGRAMS

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.diag.model import Problems
from archdsl.syntax.format import WIDTH, format_source, same
from archdsl.syntax.loader import gallery, read
from archdsl.syntax.parse import parse

DOCS = Path(__file__).parent.parent / "docs" / "language.md"
MESSY = "model  A(  n=3){ input x:3x8x8;c1:conv(n,3,padding=half)->relu # why\n\n\n\n  f: [ conv(4,3) ->relu]\n}"
NEAT = """model A(n = 3) {
  input x: 3x8x8
  c1: conv(n, 3, padding = half) -> relu  # why

  f: [conv(4, 3) -> relu]
}
"""


def formatted(text: str) -> str:
    result = format_source(Source("net.arch", text), Problems())
    assert result is not None
    return result


def tree(text: str) -> object:
    file = parse(Source("net.arch", text), Problems())
    assert file is not None
    return file.items


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["fmt", *arguments], input=stdin)


def test_a_messy_file_becomes_neat() -> None:
    assert formatted(MESSY) == NEAT


@pytest.mark.parametrize("name", gallery())
def test_the_gallery_is_formatted(name: str) -> None:
    text = read(name).text
    assert formatted(text) == text


def test_whole_examples_of_the_documentation_are_formatted() -> None:
    blocks = re.findall(r"^```arch\n(.*?)^```$", DOCS.read_text(), re.M | re.S)
    whole = [block for block in blocks if re.search(r"^model ", block, re.M)]
    assert whole
    for block in whole:
        assert "".join(difflib.unified_diff(block.splitlines(), formatted(block).splitlines())) == ""


@given(PROGRAMS)
def test_layout_is_stable_and_keeps_the_meaning(text: str) -> None:
    once = formatted(text)
    assert formatted(once) == once
    assert same(tree(once), tree(text))


@given(PROGRAMS, st.data())
def test_comments_stay_wherever_they_stand(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    chosen = data.draw(st.lists(st.integers(2, len(lines) - 2), max_size=4, unique=True))
    for number, line in enumerate(chosen):
        lines[line] += f"   # remark {number}" if data.draw(st.booleans()) else f"\n      # remark {number}"
    messy = "\n".join(lines)
    neat = formatted(messy)
    assert sorted(re.findall(r"# remark \d", neat)) == sorted(re.findall(r"# remark \d", messy))
    assert same(tree(neat), tree(messy))
    assert formatted(neat) == neat


def test_a_role_stands_apart_from_the_sizes_behind_it() -> None:
    text = formatted("model A {\ninput  x:sequence[50,n=16]\nrelu::sequence  50x16->maps( 5x10 )\n}\n")
    assert text == "model A {\n  input x: sequence [50, n = 16]\n  relu :: sequence 50x16 -> maps(5x10)\n}\n"


def test_line_ends_and_tabs_become_those_of_the_house() -> None:
    text = formatted("model A {\r\n\tinput x: 4\r\n\tf: linear(2)\r\n}\r\n")
    assert text == "model A {\n  input x: 4\n  f: linear(2)\n}\n"


def test_columns_that_the_author_lined_up_stay() -> None:
    text = "model A {\n  input x: 4\n  a: linear(100)   -> relu   :: 100\n  b: linear(2)     -> relu   :: 2\n}\n"
    assert formatted(text) == text


def test_a_long_chain_breaks_before_an_arrow() -> None:
    steps = " -> ".join(["linear(100)"] * 12)
    neat = formatted(f"model A {{\n  input x: 4\n  f: [{steps}]\n  a: {steps}\n}}\n")
    assert all(len(line) <= WIDTH for line in neat.split("\n"))
    assert "\n    -> linear(100)" in neat


LONG = """\
set conv(padding = half, bias = false, groups = 1, dilation = 1), batchnorm(momentum = 0.01), linear(bias = false),
  dropout(0.25)

model Long {
  input x: 4
  linear(2)
  assert params == 100000001 * 100000002 + 100000003 * 100000004 + 100000005 * 100000006 + 100000007 * 100000008 +
    100000009
}
"""


def test_long_settings_and_assertions_break_behind_a_comma_and_an_operator() -> None:
    on_one_line = LONG.replace(",\n  ", ", ").replace("+\n    ", "+ ")
    assert max(map(len, on_one_line.split("\n"))) > WIDTH
    assert formatted(on_one_line) == LONG


def test_files_are_rewritten_only_if_they_change(tmp_path: Path) -> None:
    file = tmp_path / "a.arch"
    file.write_text(MESSY)
    assert run(str(file), "--check").exit_code == 1
    assert file.read_text() == MESSY
    shown = run(str(file), "--diff")
    assert shown.exit_code == 0
    assert "+  input x: 3x8x8" in shown.stdout
    assert run(str(file)).stdout == f"formatted {file}\n"
    assert file.read_text() == NEAT
    assert run(str(file)).stdout == ""
    assert run(str(file), "--check").exit_code == 0


def test_standard_input_goes_to_standard_output() -> None:
    assert run("-", stdin=MESSY).stdout == NEAT


def test_files_with_mistakes_are_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a.arch"
    file.write_text("model A {\n input x 4\n}\n")
    result = run(str(file))
    assert result.exit_code == 1
    assert "E0001" in result.stderr
    assert file.read_text() == "model A {\n input x 4\n}\n"
    assert run(str(tmp_path / "missing.arch")).exit_code == 3
    assert run("lenet5").exit_code == 2
    assert run("lenet5", "--check").exit_code == 0


@pytest.mark.parametrize("after", ["\n", "\n\n\n", "# a comment\n\n", ""])
def test_documentation_of_the_file_stays_apart(after: str) -> None:
    block = "block Pair(out) = a: linear(out) -> relu\n"
    text = f"## Nets for the tutorial.\n{after}{block}\nmodel Net {{\n  input x: 4\n  pair: Pair(8)\n}}\n"
    for each in (text, formatted(text)):
        file = parse(Source("net.arch", each), Problems())
        assert file
        pair, net = file.definitions
        assert bool(pair.doc) == (not after)
        assert bool(net.doc) == bool(after)
