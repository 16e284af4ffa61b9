"""The page docs/lengths.md: the lengths of nets in archdsl, torchvision and CNNArchLang."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.diag.model import Problems
from archdsl.syntax import ast
from archdsl.syntax.loader import locate
from archdsl.syntax.parse import parse

_NAMES = re.compile(r"\b[A-Z]\w*").findall


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The numbers of non-blank lines of a net in torchvision 0.28 (its classes) and CNNArchLang's published files."""

    torchvision: int | None = None
    cnnarchlang: int | None = None

    @property
    def least(self) -> int:
        """The smallest known number."""
        return min(count for count in (self.torchvision, self.cnnarchlang) if count is not None)


ELSEWHERE = {
    "lenet5": Elsewhere(cnnarchlang=15),
    "alexnet": Elsewhere(torchvision=35, cnnarchlang=41),
    "vgg16": Elsewhere(torchvision=51, cnnarchlang=29),
    "resnet50": Elsewhere(torchvision=157, cnnarchlang=35),
    "googlenet": Elsewhere(torchvision=185),
    "densenet121": Elsewhere(torchvision=138),
}


@dataclass(frozen=True, slots=True)
class Length:
    """The length of a model of the gallery; `all_lines` includes documentation and assertions."""

    lines: int
    bytes: int
    all_lines: int
    columns: int


def length(name: str) -> Length:
    """Return the length of a model of the gallery, including the definitions of its file that it uses."""
    found = locate(name)
    file = parse(found.source, Problems())
    assert file is not None
    model = found.model or file.models[-1].name.text
    net: list[str] = []
    others = 0
    for item in _needed(file, model):
        others += len(item.doc) if isinstance(item, ast.Definition) else 0
        for line in item.span.text.split("\n"):
            text = line.strip()
            if not text or (text.startswith("#") and not text.startswith("##")):
                continue
            if text.startswith(("##", "assert ")):
                others += 1
            else:
                net.append(line)
    columns = max(map(len, found.source.text.split("\n")))
    return Length(len(net), sum(len(line.encode()) + 1 for line in net), len(net) + others, columns)


def _needed(file: ast.File, model: str) -> Iterator[ast.Item]:
    """Yield the items of a file that a model uses, in order."""
    definitions = {item.name.text: item for item in file.definitions}
    waiting, needed = [model], set[str]()
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in needed:
            needed.add(name)
            waiting += _NAMES(definitions[name].span.text)
    for item in file.items:
        if not isinstance(item, ast.Definition) or item.name.text in needed:
            yield item


def page() -> str:
    """Return the table of docs/lengths.md in Markdown."""
    rows = [
        "| net | lines | bytes | lines with documentation and assertions | torchvision | CNNArchLang |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, other in ELSEWHERE.items():
        own = length(name)
        counts = " | ".join("" if count is None else str(count) for count in (other.torchvision, other.cnnarchlang))
        rows.append(f"| `{name}` | {own.lines} | {own.bytes:,} | {own.all_lines} | {counts} |")
    return "\n".join([*rows, ""])
