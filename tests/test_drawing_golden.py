"""DOT of small models: tests/drawings/<behaviour>/case.arch, and drawing.dot beside it.

The first line of a case may have options of `archdsl draw`: `# draw: --depth full --theme dark`. No Graphviz is needed.
Kept files omit the documentation of operators, which ends their tooltips.
"""

import re
import shlex
from contextlib import chdir
from difflib import unified_diff
from pathlib import Path

import pytest
from click.testing import CliRunner

from archdsl.cli.main import cli

DRAWINGS = Path(__file__).parent / "drawings"
CASES = sorted(DRAWINGS.glob("*/case.arch"))
_DOCUMENTATION = re.compile(r'(case\.arch line \d+) \| [A-Z][^"|]*(?=[" ])')


def _drawn(case: Path, output: Path) -> str:
    """Return the DOT that `archdsl draw` writes for a case."""
    first = case.read_text(encoding="utf-8").partition("\n")[0]
    options = shlex.split(first.removeprefix("# draw:")) if first.startswith("# draw:") else []
    with chdir(case.parent):
        result = CliRunner().invoke(cli, ["draw", case.name, *options, "-o", str(output)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return _DOCUMENTATION.sub(r"\1", output.read_text(encoding="utf-8"))


def _check(case: Path, output: Path, *, regen: bool) -> None:
    found, kept = _drawn(case, output), case.with_name("drawing.dot")
    expected = kept.read_text(encoding="utf-8") if kept.exists() else ""
    if found == expected:
        return
    if regen:
        kept.write_text(found, encoding="utf-8")
        return
    lines = unified_diff(expected.splitlines(), found.splitlines(), "kept", "now", lineterm="", n=0)
    accept = f"python -m pytest tests/test_drawing_golden.py --regen -k {case.parent.name}"
    pytest.fail("\n".join([*lines, "", f"to accept this: {accept}"]), pytrace=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parent.name)
def test_a_case_has_the_kept_dot(case: Path, tmp_path: Path, *, regen: bool) -> None:
    _check(case, tmp_path / "drawing.dot", regen=regen)


def test_every_file_belongs_to_a_case(*, regen: bool) -> None:
    owned = {case.with_name(name) for case in CASES for name in ("case.arch", "drawing.dot")}
    stray = [path for path in sorted(DRAWINGS.rglob("*")) if path.is_file() and path not in owned]
    if regen:
        for path in stray:
            path.unlink()
        return
    assert not stray, "no case owns these files; `pytest --regen` deletes them"


def test_a_difference_fails_with_the_command_that_accepts_it(tmp_path: Path) -> None:
    case = tmp_path / "a_wider_layer" / "case.arch"
    case.parent.mkdir()
    case.write_text("model A {\n  input x: 4\n  linear(2)\n}\n")
    output = tmp_path / "drawing.dot"
    _check(case, output, regen=True)
    _check(case, output, regen=False)
    case.write_text(case.read_text().replace("linear(2)", "linear(3)"))
    with pytest.raises(pytest.fail.Exception) as failure:
        _check(case, output, regen=False)
    message = str(failure.value)
    assert "-\t" in message and "Linear 2" in message and "Linear 3" in message
    assert message.endswith("--regen -k a_wider_layer")
