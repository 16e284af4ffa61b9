"""Blocks of the documentation: the files they define, the commands they show, and what the commands print."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED = {"comparison.md", "errors.md", "gallery.md", "lengths.md", "operators.md"}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md"))]
WRITTEN = [page for page in PAGES if page.name not in GENERATED]
ELLIPSIS = "..."
FILE = re.compile(r"# (\w+\.\w+)\n")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, its number there, the line of its fence, its language and its text."""

    page: Path
    number: int
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block defines: its first line is a comment with the name."""
        named = FILE.match(self.text)
        return named.group(1) if named else None


@dataclass(frozen=True)
class Command:
    """A command of a `console` block with the lines that the page shows below it."""

    line: str
    shown: tuple[str, ...]


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of a page in these languages, or in all."""
    text = page.read_text(encoding="utf-8")
    found = (
        Block(page, number, text[: m.start()].count("\n") + 1, m[1], m[2])
        for number, m in enumerate(_BLOCK.finditer(text))
    )
    return [block for block in found if not languages or block.language in languages]


def commands(block: Block) -> list[Command]:
    """Return the commands of a `console` block; a line with a command begins with `$ `."""
    first, *parts = re.split(r"^\$ ", block.text, flags=re.M)
    assert not first, f"{block.place}: a console block begins with a command"
    return [Command(line, tuple(shown)) for line, *shown in (part.rstrip("\n").split("\n") for part in parts)]


def run(command: str, folder: Path) -> tuple[str, ...]:
    """Run a command in a folder; return what it prints, both streams in one, without spaces at the ends of lines."""
    program, *arguments = shlex.split(command)
    start = {"archdsl": [sys.executable, "-m", "archdsl"], "python": [sys.executable]}[program]
    settings = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*start, *arguments], cwd=folder, env=os.environ | settings, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    return tuple(line.rstrip() for line in done.stdout.rstrip().split("\n"))


def agrees(printed: tuple[str, ...], shown: tuple[str, ...], mask: Callable[[str], str] = str) -> bool:
    """Tell whether a page shows what was printed; `...` on a line of its own stands for any number of lines."""
    if ELLIPSIS not in shown:
        return [*map(mask, printed)] == [mask(line) for line in shown or ("",)]
    at = shown.index(ELLIPSIS)
    head, tail = shown[:at], shown[at + 1 :]
    return len(printed) >= len(head) + len(tail) and agrees(shortened(printed, shown), head + tail, mask)


def shortened(printed: tuple[str, ...], shown: tuple[str, ...]) -> tuple[str, ...]:
    """Return as many of the first and last printed lines as the page shows around `...`."""
    at = shown.index(ELLIPSIS)
    return printed[:at] + printed[len(printed) - (len(shown) - at - 1) :]


def rewritten(block: Block, printed: list[tuple[str, ...]]) -> str:
    """Return the text of a `console` block with what its commands print now."""
    lines: list[str] = []
    for command, found in zip(commands(block), printed, strict=True):
        shown = found
        if ELLIPSIS in command.shown:
            at = command.shown.index(ELLIPSIS)
            kept = shortened(found, command.shown)
            shown = (*kept[:at], ELLIPSIS, *kept[at:])
        lines += [f"$ {command.line}", *(shown if shown != ("",) else ())]
    return "\n".join(lines) + "\n"


def replace(block: Block, text: str) -> None:
    """Put another text into a block of its page."""
    page = block.page.read_text(encoding="utf-8")
    start, end = list(_BLOCK.finditer(page))[block.number].span(2)
    block.page.write_text(page[:start] + text + page[end:], encoding="utf-8")


def hold(block: Block, folder: Path, *, regen: bool, mask: Callable[[str], str] = str) -> list[tuple[str, ...]]:
    """Run the commands of a block and compare what they print with the page; with `regen` rewrite the page."""
    printed = [run(command.line, folder) for command in commands(block)]
    different = [
        (command, found)
        for command, found in zip(commands(block), printed, strict=True)
        if not agrees(found, command.shown, mask)
    ]
    if different and regen:
        replace(block, rewritten(block, printed))
        return printed
    for command, found in different:
        told = "\n".join(found)
        raise AssertionError(
            f"{block.place}: `{command.line}` prints something else; `pytest --regen` rewrites the block:\n{told}"
        )
    return printed


def play(page: Path, folder: Path, *, regen: bool, mask: Callable[[str], str] = str) -> list[str]:
    """Do what a page says, in order: write its files, make its edits, run its commands; return the printed lines."""
    printed: list[str] = []
    edited = folder
    for block in blocks(page, "arch", "python", "diff", "console"):
        if block.language == "console":
            printed += [line for lines in hold(block, folder, regen=regen, mask=mask) for line in lines]
        elif block.language == "diff":
            edit(edited, block)
        elif block.file:
            edited = folder / block.file
            edited.write_text(block.text, encoding="utf-8")
    return printed


def edit(file: Path, block: Block) -> None:
    """Change a file as a `diff` block shows: its lines without `+` become its lines without `-`."""
    lines = [(line[:1], line[1:]) for line in block.text.splitlines()]
    before = "".join(f"{text}\n" for sign, text in lines if sign != "+")
    after = "".join(f"{text}\n" for sign, text in lines if sign != "-")
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{block.place}: {file.name} has the lines to change {text.count(before)} times"
    file.write_text(text.replace(before, after), encoding="utf-8")
