"""Every `arch` block of the documentation is compiled, and says what its comments announce."""

import re
from contextlib import chdir
from pathlib import Path

import pytest

from archdsl.base.source import Source
from archdsl.diag.model import Diagnostic
from archdsl.driver import compile_source

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
WHOLE = re.compile(r"^(model|block|macro) ", re.M)
FILE = re.compile(r"# (\w+\.arch)\n")
EXPECTED = re.compile(r'# (?:error|warning): \[(\w+)\] "(.*)"')


def blocks(page: Path) -> list[tuple[int, str]]:
    """Return line and text of every `arch` block."""
    text = page.read_text(encoding="utf-8")
    return [
        (text[: m.start()].count("\n") + 1, m.group(1)) for m in re.finditer(r"^```arch\n(.*?)^```$", text, re.M | re.S)
    ]


CASES = [pytest.param(page, text, id=f"{page.name}:{line}") for page in PAGES for line, text in blocks(page)]


def test_the_language_reference_has_examples() -> None:
    assert len(blocks(ROOT / "docs" / "language.md")) >= 12


@pytest.mark.parametrize(("page", "text"), CASES)
def test_the_block_says_what_it_announces(page: Path, text: str, tmp_path: Path) -> None:
    whole = text if WHOLE.search(text) else f"model Example {{ input image: 3x32x32\n{text}}}\n"
    write_files(page, tmp_path)
    with chdir(tmp_path):
        found = compile_source(Source("docs.arch", whole), every=True).diagnostics
    announced = [
        (number, *m.groups()) for number, line in enumerate(whole.split("\n"), 1) if (m := EXPECTED.search(line))
    ]
    assert [(d.primary.span.line, d.code.id) for d in found] == [(line, code) for line, code, _ in announced]
    for diagnostic, (_, _, words) in zip(found, announced, strict=True):
        assert words in wording(diagnostic)


def write_files(page: Path, folder: Path) -> None:
    """Write the blocks that begin with the name of a file, so that others can import them."""
    for _, text in blocks(page):
        if named := FILE.match(text):
            (folder / named.group(1)).write_text(text, encoding="utf-8")


def wording(diagnostic: Diagnostic) -> str:
    """Return all that a diagnostic says."""
    return " ".join([diagnostic.primary.text, *diagnostic.notes, diagnostic.help or ""])
