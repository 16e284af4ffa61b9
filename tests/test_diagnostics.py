"""Every code has a case that provokes it; the renderers keep what a diagnostic says."""

import re
from pathlib import Path

import pytest
from documented import ROOT

from archdsl.base.guards import Guard, at, recording
from archdsl.base.source import Source, Span
from archdsl.base.symbolic import TracedInt
from archdsl.diag import codes
from archdsl.diag.json import all_as_data
from archdsl.diag.model import Label, Problems
from archdsl.diag.text import counted, render
from archdsl.driver import compile_source
from archdsl.elaborate.values import fix
from archdsl.emit.generate import generate
from archdsl.syntax.loader import Unreadable, read
from archdsl.syntax.tables import KEYWORDS

GOLDEN = Path(__file__).parent / "golden"
# These come from the file as such, not from what stands in it; the tests below provoke them, and those of `check`.
OF_FILES = {"E0504", "E0601", "E0602", "E0603", "W0304"}


def test_every_code_has_a_case() -> None:
    text = "".join(file.read_text() for file in GOLDEN.rglob("problems.txt"))
    reported = {code.id for code in codes.CATALOGUE.values() if not code.is_retired}
    assert set(re.findall(r"^(?:error|warning)\[(\w+)\]", text, re.M)) | OF_FILES == reported


@pytest.mark.parametrize("code", codes.CATALOGUE.values(), ids=lambda code: code.id)
def test_every_code_is_explained(code: codes.Code) -> None:
    assert re.fullmatch(r"[EW]\d{4}", code.id)
    assert code.title[0] in "`abcdefghijklmnopqrstuvwxyz"
    assert not code.title.endswith(".")
    assert code.explanation.endswith(".")
    assert len(code.explanation) > 60


def test_the_language_page_lists_every_warning_and_every_keyword() -> None:
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    listed: set[str] = set()
    for first, last in re.findall(r"^\| W(\d{4})(?: to W(\d{4}))? \|", page, re.M):
        listed |= {f"W{number:04}" for number in range(int(first), int(last or first) + 1)}
    assert listed == {code.id for code in codes.CATALOGUE.values() if not (code.is_error or code.is_retired)}
    code = " ".join(re.findall(r"^```arch.*?^```|`[^`\n]+`", page, re.M | re.S))
    assert set(KEYWORDS) <= set(re.findall(r"\w+", code))


def unreadable(file: str) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(file)
    return caught.value


def test_files_that_cannot_be_read_have_codes(tmp_path: Path) -> None:
    (tmp_path / "binary.arch").write_bytes(b"model \xff\xfe")
    (tmp_path / "zero.arch").write_bytes(b"model\0")
    assert unreadable(str(tmp_path / "missing.arch")).code is codes.FILE_NOT_FOUND
    assert unreadable("lenet").help == "did you mean `lenet5`, from the gallery?"
    assert unreadable(str(tmp_path)).code is codes.FILE_NOT_READABLE
    assert unreadable(str(tmp_path / "binary.arch")).why == "byte 6 is not UTF-8"
    assert unreadable(str(tmp_path / "zero.arch")).code is codes.FILE_NOT_TEXT


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    (found,) = compile_source(Source("large.arch", "#" * 4_000_001)).diagnostics
    assert found.code is codes.SOURCE_TOO_LARGE


def test_a_byte_order_mark_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "marked.arch"
    file.write_bytes(b"\xef\xbb\xbfmodel M { input x: 4; relu }\n")
    assert compile_source(read(str(file))).ok


def problems(text: str) -> Problems:
    source = Source("net.arch", text)
    found = Problems()
    at = text.index("here")
    found.report(
        codes.UNEXPECTED, Span(source, at, at + 4), "these words", secondary=(Label(Span(source, 0, 3), "begins"),),
        notes=("a fact",), help="a way out",
    )  # fmt: skip
    return found


def test_what_a_diagnostic_says_is_rendered() -> None:
    text = render(problems("one\ntwo\nthree here\n").in_order())
    assert text == (
        "error[E0001]: unexpected text\n --> net.arch:3:7\n  |\n1 | one\n  | --- begins\n...\n"
        "3 | three here\n"
        "  |       ^^^^ these words\n  |\n  = note: a fact\n  = help: a way out\n"
    )


def test_colour_changes_no_word() -> None:
    found = problems("one\nhere\n").in_order()
    coloured = render(found, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(found)


def test_a_long_line_is_cut_around_the_place() -> None:
    text = render(problems("one\n" + "x" * 500 + " here " + "y" * 500 + "\n").in_order(), width=80)
    assert all(len(line) <= 95 for line in text.split("\n"))
    line, under = next(
        (a, b) for a, b in zip(text.split("\n"), text.split("\n")[1:], strict=False) if "^" in b
    )  # fmt: skip
    assert line[under.index("^") : under.rindex("^") + 1] == "here"


def test_a_problem_is_said_once_and_in_order() -> None:
    found = problems("one here")
    found.report(codes.NO_SUCH_NAME, Span(Source("net.arch", "one here"), 0, 1))
    before = found.in_order()
    for diagnostic in before:
        found.add(diagnostic)
    assert found.in_order() == before
    assert [diagnostic.code.id for diagnostic in before] == ["E0102", "E0001"]


def test_problems_are_counted_in_words() -> None:
    found = problems("one here")
    source = Source("net.arch", "one here")
    for start in (0, 1):
        found.report(codes.UNUSED_SET, Span(source, start, start + 1))
    assert counted(found.in_order()) == "1 error, 2 warnings"


def test_data_has_the_place_of_every_label() -> None:
    (data,) = all_as_data(problems("one\ntwo\nthree here\n").in_order())
    assert (data["line"], data["column"], data["end_column"]) == (3, 7, 11)
    assert data["severity"] == "error"
    assert data["secondary"] == [
        {"message": "begins", "file": "net.arch", "line": 1, "column": 1, "end_line": 1, "end_column": 4}
    ]


def test_other_places_of_a_cause_are_named_with_their_files(tmp_path: Path) -> None:
    (tmp_path / "lib.arch").write_text("block Unit(w) {\n  c: conv(w, 3) -> bottleneck\n}\n")
    (tmp_path / "net.arch").write_text(
        'import "lib.arch"\nmodel M {\n  input image: 3x32x32\n'
        "  add {\n    u: Unit(8)\n    bottleneck\n    bottleneck\n  }\n}\n"
    )
    found = compile_source(read(str(tmp_path / "net.arch"))).diagnostics
    assert [each.code.id for each in found] == ["E0101"]
    assert found[0].primary.span.source.name.endswith("lib.arch")
    assert found[0].notes[-1] == f"the same on lines 6, 7 of {tmp_path / 'net.arch'}"


def test_labels_in_another_file_are_shown_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "lib.arch").write_text("block Head { linear(4) }\n")
    text = 'import "lib.arch"\nmodel M {\n  input image: 3x32x32\n  a: conv(7, 3)\n  h: Head\n}\n'
    (tmp_path / "net.arch").write_text(text)
    lines = render(compile_source(read(str(tmp_path / "net.arch"))).diagnostics).splitlines()
    assert lines[1].endswith("lib.arch:1:14")
    at = next(number for number, line in enumerate(lines) if line.strip().startswith(":::"))
    assert lines[at].endswith("net.arch:4:6") and lines[at + 2].startswith("4 |   a: conv")
    assert "called at line 5 of" in "\n".join(lines)


def test_the_name_of_a_file_takes_one_line() -> None:
    text = "model M {\n  input image: 3x8x8\n  c: conv(4, 3) -> rellu\n}\n"
    found = render(compile_source(Source("a\nb.arch", text)).diagnostics)
    assert " --> a\\x0ab.arch:3:20" in found.splitlines()
    graph = compile_source(Source("a\nb.arch", text.replace("rellu", "relu"))).models[0]
    assert generate(graph).startswith('"""M, generated by archdsl from a\\\\x0ab.arch.')
    assert Source("a\nb.arch", "").shown == "a\\x0ab.arch"


def test_fixing_a_value_keeps_the_place_that_records() -> None:
    log: list[Guard] = []
    source = Source("net.arch", "abc")
    outer, inner = Span(source, 0, 1), Span(source, 1, 2)
    with recording(log), at(outer):
        fix([TracedInt.parameter("n", 3)], inner)
        assert TracedInt.parameter("n", 3) > 1
    assert [guard.span for guard in log] == [inner, outer]
