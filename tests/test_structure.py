"""Bounds on the import graph of archdsl, and the command that prints it."""

from pathlib import Path
from statistics import median

import pytest
from click.testing import CliRunner

from archdsl.dev.__main__ import dev
from archdsl.dev.structure import Structure, report, structure_of

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def own() -> Structure:
    return structure_of(ROOT / "archdsl")


def test_the_top_of_the_package_has_few_rooms_and_arrows(own: Structure) -> None:
    assert len(own.rooms) <= 26, report(own)
    assert len(own.top_modules) <= 8, report(own)
    assert own.arrows < 130, report(own)


def test_neither_rooms_nor_modules_import_in_cycles(own: Structure) -> None:
    assert own.room_cycles == []
    assert own.module_cycles == []


def test_half_of_the_files_are_shorter_than_150_lines(own: Structure) -> None:
    assert 70 <= median(own.lines.values()) <= 150


@pytest.fixture
def small(tmp_path: Path) -> Structure:
    """A package whose imports are hidden in functions, under TYPE_CHECKING, and behind a re-export."""
    texts = {
        "__init__": "",
        "top": "import json\nimport small.high.one\n",
        "high/__init__": "from small.high.one import One\n",
        "high/one": "def f():\n    from small.low import base\n",
        "high/two": "from . import one\nfrom small.high import One\n",
        "low/__init__": "",
        "low/base": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from small.low.other import Other\n",
        "low/other": "from .base import Base\n",
    }
    for name, text in texts.items():
        file = tmp_path / "small" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return structure_of(tmp_path / "small")


def test_imports_count_wherever_they_are(small: Structure) -> None:
    assert small.imports == {
        "small": set(),
        "small.top": {"small.high.one"},
        "small.high": {"small.high.one"},
        "small.high.one": {"small.low.base"},
        "small.high.two": {"small.high", "small.high.one"},
        "small.low": set(),
        "small.low.base": {"small.low.other"},
        "small.low.other": {"small.low.base"},
    }
    assert small.rooms == {"__init__": set(), "high": {"low"}, "low": set(), "top": {"high"}}
    assert small.top_modules == ["__init__", "top"]
    assert small.layers == [["__init__", "low"], ["high"], ["top"]]
    assert small.room_cycles == []
    assert small.module_cycles == [["small.low.base", "small.low.other"]]


def test_an_init_that_is_imported_by_its_own_modules_is_a_cycle(tmp_path: Path) -> None:
    folder = tmp_path / "small" / "room"
    folder.mkdir(parents=True)
    (tmp_path / "small" / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("from small.room.one import One\nLIMIT = 3\n")
    (folder / "one.py").write_text("def f():\n    from small.room import LIMIT\n")
    assert structure_of(tmp_path / "small").module_cycles == [["small.room", "small.room.one"]]


def test_rooms_that_import_each_other_are_a_cycle_and_share_a_layer() -> None:
    imports = {"p.a.x": {"p.b.x"}, "p.b.x": {"p.c"}, "p.c": {"p.a.y", "p.d"}, "p.a.y": set(), "p.d": set()}
    found = Structure("p", imports, dict.fromkeys(imports, 1))
    assert found.room_cycles == [["a", "b", "c"]]
    assert found.module_cycles == []
    assert found.layers == [["d"], ["a", "b", "c"]]
    assert found.arrows == 4


def test_the_command_prints_the_structure(own: Structure) -> None:
    done = CliRunner().invoke(dev, ["structure"])
    assert done.exit_code == 0, done.output
    assert done.output == report(own) + "\n"
    assert f"{own.arrows} arrows between rooms" in done.output
    assert "no import cycles of rooms" in done.output
