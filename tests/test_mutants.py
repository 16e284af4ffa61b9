"""Mutation testing: the tests notice small changes of the operators and of the rules about shapes.

`make test-long TOPIC=mutants` runs a sample. `python tests/mutant_runs.py` runs all mutants, and takes an hour.
"""

import subprocess
import sys

import pytest
from mutant_runs import explained
from mutants import ROOT, mutants, sites

SAMPLE = 150


@pytest.mark.long
def test_every_mutant_of_a_sample_is_noticed_or_explained() -> None:
    command = [sys.executable, "tests/mutant_runs.py", "--sample", str(SAMPLE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.long
def test_every_explanation_is_about_a_mutant_that_exists() -> None:
    files = {ROOT / file for file, *_ in explained()}
    found = {mutant.key for path in files for mutant in mutants(sites(path))}
    assert not explained().keys() - found, "these explanations are stale"


def test_every_explanation_has_a_reason_and_its_line_exists() -> None:
    assert len(explained()) > 0
    for (file, _, before, after), reason in explained().items():
        text = " ".join((ROOT / file).read_text(encoding="utf-8").split())
        assert before in text and before != after, f"{file} has no line {before}"
        assert reason.endswith(".")
