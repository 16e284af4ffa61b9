"""The documentation holds: examples compile, commands print what pages show, links lead somewhere, options exist."""

import re
import shlex
from contextlib import chdir
from pathlib import Path

import click
import pytest
from documented import FILE, PAGES, ROOT, WRITTEN, Block, blocks, play

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.diag.model import Diagnostic
from archdsl.driver import compile_source

WHOLE = re.compile(r"^(model|block|macro) ", re.M)
EXPECTED = re.compile(r'# (?:error|warning): \[(\w+)\] "(.*)"')
LINK = re.compile(r'(?:\]\(|(?:src|href)=")(?!\w+:)([^)#" ]*)(?:#([^)" ]+))?')
# Pages that are written later; delete a name once its page is there.
PROMISED = {"docs/lecture.md"}
SHOWN = re.compile(r"^(?:\$ )?(archdsl .+)$", re.M)
INLINE = re.compile(r"`(archdsl [^`]+)`")
# test_tutorial.py runs the commands of the tutorial.
SHOWING = [page for page in WRITTEN if page.name != "tutorial.md" and blocks(page, "console")]


def cases(pages: list[Path], *languages: str) -> list[object]:
    return [pytest.param(block, id=block.place) for page in pages for block in blocks(page, *languages)]


def test_the_language_reference_has_examples() -> None:
    assert len(blocks(ROOT / "docs" / "language.md", "arch")) >= 12


@pytest.mark.parametrize("block", cases(PAGES, "arch"))
def test_the_block_says_what_it_announces(block: Block, tmp_path: Path) -> None:
    text = block.text
    whole = text if WHOLE.search(text) else f"model Example {{ input image: 3x32x32\n{text}}}\n"
    write_files(block.page, tmp_path)
    with chdir(tmp_path):
        found = compile_source(Source("docs.arch", whole), every=True).diagnostics
    announced = [
        (number, *m.groups()) for number, line in enumerate(whole.split("\n"), 1) if (m := EXPECTED.search(line))
    ]
    places = [(diagnostic.primary.span.line, diagnostic.code.id) for diagnostic in found]
    assert places == [(line, code) for line, code, _ in announced], block.place
    for diagnostic, (_, _, words) in zip(found, announced, strict=True):
        assert words in wording(diagnostic), block.place


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.name)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path, *, regen: bool) -> None:
    assert play(page, tmp_path, regen=regen)


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(prose(page)):
        file = (page.parent / target).resolve() if target else page
        assert file.exists() or target in PROMISED, f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}#{anchor}"


def test_the_readme_links_every_page() -> None:
    linked = {(ROOT / target).resolve() for target, _ in LINK.findall(prose(ROOT / "README.md"))}
    assert {page for page in PAGES if page.name != "README.md"} <= linked


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_options_of_shown_commands_exist(page: Path) -> None:
    lines = [line for block in blocks(page, "sh", "console") for line in SHOWN.findall(block.text)]
    for line in lines + INLINE.findall(prose(page)):
        _, *words = shlex.split(line, comments=True)
        if words and not words[0].startswith("-"):
            command = cli.get_command(click.Context(cli), words[0])
            assert command is not None, f"{page.name}: {line}"
            context = click.Context(command, info_name=words[0])
            command.make_parser(context).parse_args(words[1:])


def prose(page: Path) -> str:
    """Return the text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page, and those that are written out."""
    text = prose(page)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {slug(title) for title in titles} | set(re.findall(r'<a id="([^"]+)"', text))


def slug(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def write_files(page: Path, folder: Path) -> None:
    """Write the blocks that begin with the name of a file, so that other blocks can import or use them."""
    for block in blocks(page, "arch"):
        if named := FILE.match(block.text):
            (folder / named.group(1)).write_text(block.text, encoding="utf-8")


def wording(diagnostic: Diagnostic) -> str:
    """Return all that a diagnostic says."""
    return " ".join([diagnostic.primary.text, *diagnostic.notes, diagnostic.help or ""])
