"""Text of a stranger stays text: it becomes neither code nor markup nor a control sequence in any output.

The payloads are in documentation comments, in file names, in titles, in settings and in placement files.
"""

import ast
import json
import re
import warnings
import xml.dom.minidom
from collections.abc import Iterator, Sequence
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from archdsl.base.printable import printable
from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.diag.text import render
from archdsl.diagram import THEMES, Diagram, Look, diagram, to_dot
from archdsl.driver import compile_source
from archdsl.emit.generate import generate, generate_stages, generate_training
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.lowering import lowered
from archdsl.passes.pipeline_stages import staged
from archdsl.place.pipeline import by_devices
from archdsl.report import formats
from archdsl.report.rows import report
from archdsl.views.arrange import scene
from archdsl.views.latex import to_latex
from archdsl.views.markdown import to_markdown
from archdsl.views.page import page
from archdsl.views.table import stage_table
from archdsl.views.volumes import figure
from archdsl.views.volumes_svg import to_svg
from archdsl.views.volumes_tikz import to_tikz

PAYLOADS = {
    "docstring end": '"""\nimport os; os.system("touch PWNED")\n"""',
    "docstring end after a backslash": '\\"""; import os; os.system("touch PWNED"); \\"""',
    "two quotes at the end": 'he said ""',
    "a backslash at the end": "a path C:\\",
    "escapes of Python": "\\N{DIGIT ONE} \\x41 \\u0041 \\N{nonsense} \\x",
    "single quotes": "'''; import os; '''",
    "templates": "{{ 7 * 7 }} {% for x in range(9) %}x{% endfor %} {# c #} {0.__class__} %s %(x)s ${x}",
    "HTML": "</title></desc></svg></script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "HTML entities": "&lt;script&gt; &#x3c;script&#x3e; &amp; <!-- --> <![CDATA[ ]]> <?xml ?>",
    "JavaScript": "'; alert(1); // \\'; \u2028 \u2029 `${alert(1)}`",
    "DOT": '"]; evil [label="x"]; } digraph { a -> b [URL="javascript:alert(1)"',
    "escapes of DOT": '\\" \\\\" \\N \\G \\E \\l \\n',
    "LaTeX": "\\input{/etc/passwd} \\write18{touch PWNED} ^^5cinput $x$ % _ & # ~ {",
    "Markdown": "| a | <img src=x> [x](javascript:alert(1)) ![x](http://evil/) `code` **b** # h\n---",
    "a spreadsheet": '=cmd|"/c calc"!A1,+1,-1,@SUM(1)',
    "escape sequences": "\x1b[2J\x1b]0;evil\x07\x1b[31m red \x9b31m \x08\x08\x08 \r over",
    "direction of text": "\u202e reversed \u2066 isolate \u2069 \u200f \u200b zero width \ufeff",
    "no characters": "\U0010ffff \ufffe \ufdd0 \u0085 \u2028",
    "long words": "w" * 20_000,
}  # fmt: skip
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def program(payload: str) -> str:
    doc = "\n".join(f"## {line}" for line in payload.split("\n"))
    return f"""{doc}
block Part(c) {{ residual {{ conv: conv(c, 3, padding = 1) -> relu }} project {{ p: conv(c, 1) }} }}

{doc}
model Net(classes = 10) {{
  devices gpu0, gpu1
  input image: 3x16x16
  on gpu0 {{ part: Part(4); stage: [Part(4) * 2] }}
  on gpu1 {{ flatten -> fc: linear(classes) }}
}}
"""


def without_docstrings(text: str) -> str:
    """Return what a module means, without its docstrings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return ast.dump(tree)


def structure(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return the elements of HTML or SVG with the names of their attributes."""
    found: list[tuple[str, tuple[str, ...]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in ("img", "iframe", "object", "embed")
            assert not [value for _, value in attrs if value and "javascript:" in value]
            found.append((tag, tuple(key for key, _ in attrs)))

    Reader().feed(text)
    return found


def bare(text: str) -> str:
    """Return a DOT text without its strings and HTML labels."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text, flags=re.S)
    depth, kept = 0, []
    for char in text:
        depth += (char == "<") - (char == ">" and depth > 0)
        kept += [char] * (not depth)
    return "".join(kept)


def drawn(diagrams: Sequence[Diagram]) -> list[bytes]:
    """Return what Graphviz would draw of the tooltips, escaped as it escapes them."""
    made = []
    for each in diagrams:
        tips = re.findall(r'tooltip="((?:[^"\\]|\\.)*)"', to_dot(each), re.S)
        made.append(f"<?xml version='1.0'?><svg>{''.join(f'<title>{escape(tip)}</title>' for tip in tips)}</svg>")
    return [each.encode() for each in made]


def commands(text: str) -> list[str]:
    return re.findall(r"\\[A-Za-z]+", text)


def outputs(graph: CheckedGraph, title: str | None = None) -> Iterator[tuple[str, str, object]]:
    """Yield the name of each output, its text, and what it means to the program that reads it."""
    for name, text in (
        ("module", generate(lowered(graph))),
        ("stages", generate_stages(graph, staged(graph, by_devices(graph)))),
        ("train.py", generate_training(lowered(graph), "net")),
    ):
        yield name, text, without_docstrings(text)
    dot = to_dot(diagram(graph, look=Look(title=title)))
    yield "dot", dot, re.sub(r"^digraph .*? \{", "digraph {", bare(dot))
    html = page(graph, drawn)
    json.loads(re.search(r'type="application/json">(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    yield "page", html, structure(html)
    plain = compile_source(Source(graph.source.name, "model N { input x: 3x8x8; c: conv(4, 3) }")).models[0]
    svg = to_svg(scene(figure(plain)), THEMES["light"])
    xml.dom.minidom.parseString(svg.encode())
    yield "volumes", svg, structure(svg)
    tikz = to_tikz(scene(figure(plain)), THEMES["light"])
    yield "tikz", tikz, commands(tikz)
    table = stage_table((graph,))
    yield "latex", to_latex(table), commands(to_latex(table))
    yield "markdown", to_markdown(table), None
    rows = report(graph)
    yield "summary latex", formats.latex(rows), commands(formats.latex(rows))
    yield "summary markdown", formats.markdown(rows), None
    yield "summary csv", formats.as_csv(rows), None


def graph_of(file: str, text: str) -> CheckedGraph:
    compiled = compile_source(Source(file, text))
    assert compiled.ok, render(compiled.diagnostics)
    return compiled.models[-1]


HARMLESS = {name: meaning for name, _, meaning in outputs(graph_of("net.arch", program("words")), "words")}


TOGETHER = "\n\n".join(payload for name, payload in PAYLOADS.items() if name != "long words")
# Those that a terminal or an editor could obey.
OBEYED = ("escape sequences", "direction of text")
OTHERS = [pytest.param(payload, id=name, marks=pytest.mark.long) for name, payload in PAYLOADS.items()]


@pytest.mark.parametrize("payload", [pytest.param(TOGETHER, id="together"), *OTHERS])
def test_documentation_of_a_stranger_changes_no_output(payload: str) -> None:
    assert_unchanged("documentation", payload)


@pytest.mark.parametrize("payload", [pytest.param(PAYLOADS["escape sequences"], id="together"), *OTHERS])
def test_the_name_of_a_file_changes_no_output(payload: str) -> None:
    assert_unchanged("file", payload)


def assert_unchanged(where: str, payload: str) -> None:
    """Assert that a text means the same as harmless words in each output, and contains no control characters."""
    file, text = ("net.arch", program(payload)) if where == "documentation" else (f"{payload}.arch", program("words"))
    title = payload if where == "documentation" else "words"
    for name, made, meaning in outputs(graph_of(file, text), title):
        assert meaning == HARMLESS[name], name
        odd = set(CONTROL.findall(made.replace("\n", "").replace("\t", "")))
        assert not odd, f"{name}: {sorted(odd)}"
        made.encode()


def printed(*args: str) -> str:
    result = CliRunner().invoke(cli, args)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.mark.parametrize(
    "payload",
    [pytest.param(each, id=name, marks=() if name in OBEYED else pytest.mark.long) for name, each in PAYLOADS.items()],
)
def test_names_of_a_stranger_are_printed_escaped(payload: str, tmp_path: Path) -> None:
    file = tmp_path / (payload.replace("/", "_")[:60] + ".arch")
    file.write_text(program("words"))
    (tmp_path / "net.arch").write_text(program("words"))
    name, net = str(file), str(tmp_path / "net.arch")
    sidecar = tmp_path / "bad.json"
    sidecar.write_text(json.dumps({"format": payload}))
    for args in (
        ["check", name],
        ["check", "--json", name],
        ["fmt", "--diff", name],
        ["check", str(tmp_path / f"missing{file.name}")],
        ["check", "--placement", str(sidecar), net],
        ["check", "--placement", name, name],
        ["build", name, "--model", payload[:50], "-o", "-"],
        ["explain", net, payload],
        ["build", net, "-o", str(tmp_path / f"{file.stem[:50]}.py")],
    ):
        text = printed(*args)
        assert not CONTROL.search(text.replace("\n", "")), args


def test_what_does_not_print_is_escaped() -> None:
    assert printable("a\x1b[2J\u202e\n\t\U000e0001\udcff é 中") == "a\\x1b[2J\\u202e\n\t\\U000e0001\\udcff é 中"


HEAD = '{"format": "archdsl placement 1", "model": "Net", "fingerprint": "x", "stages": '
NO_PLACEMENTS = [
    "[" * 100_000, '{"a":' * 100_000, "[1]", "1", "null", '"x"', "NaN", "", '{"format": []}', '{"format": "\\ud800"}',
    '{"format": 1' + "0" * 10_000 + "}", HEAD + "3}", HEAD + '"abc"}', HEAD + '{"a": 1}}',
    HEAD + '[{"device": "a", "steps": 3}]}', HEAD + '[{"device": "a", "steps": [[1]]}]}', HEAD + '[{"device": {}}]}',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_PLACEMENTS, ids=lambda text: f"{text[:12]}…{text[-30:]}"[:50])
def test_a_placement_of_a_stranger_ends_in_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "net.arch").write_text(program("words"))
    (tmp_path / "bad.json").write_text(text)
    found = CliRunner().invoke(cli, ["check", str(tmp_path / "net.arch"), "--placement", str(tmp_path / "bad.json")])
    assert found.exit_code in (1, 3), found.output
    assert isinstance(found.exception, SystemExit)
    assert len(found.output) < 4_000
