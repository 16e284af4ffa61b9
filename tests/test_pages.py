"""docs/architecture.md agrees with the code: it names every package, and every module that it names exists."""

import re
from pathlib import Path

from documented import DOCS, ROOT, blocks

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.emit.generate import generate

ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
CODE = ROOT / "archdsl"
PACKAGES = sorted(file.parent.relative_to(CODE).as_posix() for file in CODE.glob("*/__init__.py"))

# Files that commands write.
GENERATED = {"train.py"}


def section(page: str, title: str) -> str:
    """Return the text below a heading, up to the next one of the same level."""
    _, _, rest = page.partition(f"\n## {title}\n")
    assert rest, f"no section {title}"
    return rest.partition("\n## ")[0]


def test_every_package_has_a_line_and_a_paragraph() -> None:
    packages = section(ARCHITECTURE, "The packages")
    assert sorted(re.findall(r"^\| `archdsl/(\w+)/`", packages, re.M)) == PACKAGES
    assert sorted(re.findall(r"^\*\*`(\w+)/`\*\*", packages, re.M)) == PACKAGES


def test_the_table_has_the_order_of_the_import_contract() -> None:
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2].partition("]")[0]
    layers = [
        [name.strip().removeprefix("archdsl.") for name in line.split("|")] for line in re.findall(r'"(.+)"', contract)
    ]
    table = re.findall(r"^\| `archdsl/(\w+)(?:/|\.py)`", section(ARCHITECTURE, "The packages"), re.M)
    level = {name: number for number, names in enumerate(layers) for name in names}
    assert [level[name] for name in table] == sorted(level[name] for name in table)


def test_every_module_that_is_named_exists() -> None:
    for name in set(re.findall(r"`([\w/]+(?:\.py|\.lark|\.j2|\.csv|\.toml|/))`", ARCHITECTURE)) - GENERATED:
        assert found(name), f"architecture.md: {name}"
    for package, text in re.findall(r"^\*\*`(\w+/)`\*\*(.*?)\n\n", section(ARCHITECTURE, "The packages"), re.M | re.S):
        for name in set(re.findall(r"`(\w+\.(?:py|csv))`", text)) - GENERATED:
            assert [*(CODE / package).rglob(name)], f"architecture.md: {package}{name}"


def found(name: str) -> bool:
    """Tell whether a path exists: from the root, in the package, or, if it is a name only, in any package."""
    return any(map(Path.exists, (ROOT / name, CODE / name, CODE / "diagram" / name))) or (
        "/" not in name and any(CODE.rglob(name))
    )


def test_the_lines_that_the_example_becomes_are_generated() -> None:
    (example,) = (block for block in blocks(DOCS / "architecture.md", "arch") if block.file == "one.arch")
    (excerpt,) = (block for block in blocks(DOCS / "architecture.md", "python") if not block.file)
    lines = generate(compile_source(Source("one.arch", example.text)).models[0]).split("\n")
    shown = excerpt.text.split("\n")
    assert [line for line in lines if line in shown and line] == [line for line in shown if line]


def test_every_class_that_is_named_exists() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in CODE.rglob("*.py"))
    defined = set(re.findall(r"^class (\w+)", code, re.M))
    named = set(re.findall(r"`([A-Z][a-z]\w+)(?:\.\w+)?`", ARCHITECTURE))
    assert len(named) >= 10
    assert named <= defined
