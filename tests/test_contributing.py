"""CONTRIBUTING.md works as written: its operator passes the operators' tests, and its lists are complete."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from documented import ROOT, blocks

from archdsl.ops import argument_types
from archdsl.ops.argument_types import ArgumentType

PAGE = ROOT / "CONTRIBUTING.md"
TEXT = PAGE.read_text(encoding="utf-8")
COPIED = ("archdsl", "templates", "grammar", "architectures", "tests")
PATH = re.compile(r"# ([\w/]+\.py)\n")


def test_the_operator_passes_the_tests_of_operators(tmp_path: Path) -> None:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    files = {m[1]: block.text for block in blocks(PAGE, "python") if (m := PATH.match(block.text))}
    assert sorted(files) == ["archdsl/ops/roll.py", "templates/support/Roll.py"]
    for name, text in files.items():
        assert not (tmp_path / name).exists(), f"{name} is an operator already: the page needs another example"
        (tmp_path / name).write_text(text, encoding="utf-8")
    (command,) = (line for block in blocks(PAGE, "sh") for line in block.text.splitlines() if line.endswith("-k roll"))
    program, *arguments = command.split()
    assert program == ".venv/bin/python"
    done = subprocess.run(
        [sys.executable, *arguments, "-q", "-p", "no:cacheprovider"], cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^(\d+) passed", done.stdout, re.M)
    assert passed and int(passed[1]) >= 15, done.stdout


def test_every_argument_type_is_listed() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\|$", TEXT.partition("### Argument types")[2], re.M)
    classes = {
        name
        for name, each in vars(argument_types).items()
        if isinstance(each, type) and issubclass(each, ArgumentType) and each is not ArgumentType
    }
    assert set(rows) == classes
    ready = {name: type(each).__name__ for name, each in vars(argument_types).items() if isinstance(each, ArgumentType)}
    for name, owner in ready.items():
        assert re.search(rf"^\| `{owner}` .*`{name}`", TEXT, re.M), name


def test_every_target_of_make_exists() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    shown = {name for block in blocks(PAGE, "sh") for name in re.findall(r"^make ([\w-]+)", block.text, re.M)}
    assert shown | set(re.findall(r"`make ([\w-]+)`", TEXT)) <= set(targets)
