"""No command overwrites a file that it has read, under whatever name."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archdsl.cli.main import cli

LIBRARY = "block Unit(c) = conv: conv(c, 3) -> relu\n"
NET = """import "lib.arch"
model Net {
  devices gpu0, gpu1
  input image: 1x12x12
  a: Unit(4) -> b: Unit(5)
  flatten -> fc: linear(10)
}
"""
COMMANDS = [
    ("build", "net.arch"),
    ("build", "net.arch", "--train"),
    ("draw", "net.arch"),
    ("draw", "net.arch", "--style", "table"),
    ("draw", "net.arch", "--style", "volumes"),
    ("place", "net.arch"),
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib.arch").write_text(LIBRARY)
    (tmp_path / "net.arch").write_text(NET)
    (tmp_path / "inner").mkdir()
    return tmp_path


@pytest.mark.parametrize("spelling", ["lib.arch", "./inner/../lib.arch", "absolute", "link.arch", "hard.arch"])
def test_an_import_is_not_overwritten_under_any_name(folder: Path, spelling: str) -> None:
    (folder / "link.arch").symlink_to("lib.arch")
    (folder / "hard.arch").hardlink_to(folder / "lib.arch")
    target = str(folder / "lib.arch") if spelling == "absolute" else spelling
    result = run("build", "net.arch", "-o", target)
    assert result.exit_code == 2
    assert "is lib.arch, which this command has read" in result.output
    assert (folder / "lib.arch").read_text() == LIBRARY


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("source", ["lib", "net"])
def test_no_command_overwrites_a_source(folder: Path, command: tuple[str, ...], source: str) -> None:
    # Drawings have to end in .svg or the like: a link with such a name leads to the source.
    for suffix in (".svg", ".md", ".py"):
        (folder / f"link{suffix}").symlink_to(f"{source}.arch")
    suffix = {"build": ".py", "place": ".py", "draw": ".md" if "table" in command else ".svg"}[command[0]]
    result = run(*command, "-o", f"link{suffix}")
    assert result.exit_code == 2, result.output
    assert ((folder / "lib.arch").read_text(), (folder / "net.arch").read_text()) == (LIBRARY, NET)


def test_a_placement_and_a_profile_are_not_overwritten(folder: Path) -> None:
    assert run("place", "net.arch", "-o", "net.place.json").exit_code == 0
    before = (folder / "net.place.json").read_text()
    assert run("build", "net.arch", "--placement", "net.place.json", "-o", "net.place.json").exit_code == 2
    assert (folder / "net.place.json").read_text() == before
    (folder / "times.json").write_text(json.dumps({"fc": 0.1}))
    assert run("place", "net.arch", "--profile", "times.json", "-o", "times.json").exit_code == 2
    assert json.loads((folder / "times.json").read_text()) == {"fc": 0.1}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_output_needs_a_name(folder: Path, command: tuple[str, ...]) -> None:
    before = sorted(folder.iterdir())
    result = run(*command, "-o", "")
    assert result.exit_code == 2
    assert "the name of the file is empty" in result.output
    assert sorted(folder.iterdir()) == before


def test_a_command_may_overwrite_its_own_output_and_other_files(folder: Path) -> None:
    (folder / "other.arch").write_text(LIBRARY)
    for _ in range(2):
        assert run("build", "net.arch", "-o", "net.py").exit_code == 0
    assert run("build", "net.arch", "-o", "other.arch").exit_code == 0
