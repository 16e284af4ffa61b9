"""The texts from which the fuzzers start: the gallery, golden cases, examples and blocks of the documentation."""

import re
from functools import cache

from documented import DOCS, ROOT

from archdsl.base.source import Source
from archdsl.diag.model import Problems
from archdsl.syntax import ast
from archdsl.syntax.parse import parse

FOLDERS = ("architectures", "tests/golden", "examples")
LONGEST = 20_000
MODELS = 6
_WHOLE = re.compile(r"^(model|block|macro|set|import|from) ", re.M)
_BLOCKS = re.compile(r"^```arch\n(.*?)^```$", re.M | re.S)
_NAMES = re.compile(r"\b[A-Z]\w*")


@cache
def corpus() -> tuple[str, ...]:
    """Return the texts; a file with several models becomes one text for each of them."""
    found = [file.read_text(encoding="utf-8") for folder in FOLDERS for file in sorted((ROOT / folder).rglob("*.arch"))]
    for page in sorted(DOCS.glob("*.md")):
        for block in _BLOCKS.findall(page.read_text(encoding="utf-8")):
            found.append(block if _WHOLE.search(block) else f"model Example {{ input image: 3x32x32\n{block}}}\n")
    single = [part for text in found for part in (_by_model(text) if text.count("\nmodel ") > 1 else [text])]
    return tuple(text for text in dict.fromkeys(single) if len(text) < LONGEST)


def _by_model(text: str) -> list[str]:
    """Return a text for each of the first models, with the definitions that it names."""
    file = parse(Source("net.arch", text), Problems())
    if file is None:
        return [text]
    definitions = {item.name.text: item for item in file.definitions}
    made = []
    for model in file.models[:MODELS]:
        waiting, needed = [model.name.text], set()
        while waiting:
            name = waiting.pop()
            if name in definitions and name not in needed:
                needed.add(name)
                waiting += _NAMES.findall(definitions[name].span.text)
        parts = [
            item.span.text for item in file.items if not isinstance(item, ast.Definition) or item.name.text in needed
        ]
        made.append("\n\n".join(parts) + "\n")
    return made
