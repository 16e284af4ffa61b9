"""Mutation testing: the tests notice small changes of the operators and of the rules about shapes.

`make test-long TOPIC=mutants` runs a sample. `python tests/mutant_runs.py` runs all mutants, and takes hours.
"""

import subprocess
import sys
from fnmatch import fnmatch

import pytest
from mutant_runs import explanations
from mutants import FILES, ROOT, mutants, sites

SAMPLE = 150


@pytest.mark.long
def test_every_mutant_of_a_sample_is_noticed_or_explained() -> None:
    command = [sys.executable, "tests/mutant_runs.py", "--sample", str(SAMPLE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.long
def test_every_explanation_is_about_a_change_that_can_be_made() -> None:
    found = list(mutants(site for path in FILES for site in sites(path)))
    stale = [each for each in explanations() if not any(map(each.fits, found))]
    assert not stale


def test_every_explanation_has_a_reason_and_a_line() -> None:
    for each in explanations():
        texts = [path.read_text(encoding="utf-8") for path in FILES if fnmatch(str(path.relative_to(ROOT)), each.file)]
        assert any(each.before in " ".join(text.split()) for text in texts), f"no line has {each.before}"
        assert each.before != each.after and each.reason.endswith(".")
