"""Random programs over the operator table and the forms of the language, held against PyTorch.

`ARCHDSL_EXAMPLES=5000 ARCHDSL_SEED=1 python -m pytest tests/test_programs.py` draws others, and more of them.
"""

import os
import re
from pathlib import Path

import pytest
import torch
from program_definitions import PARAMS
from program_drawing import MERGES
from program_judging import Judge, compiled
from programs import draw

from archdsl.ops import all_ops

COUNT = int(os.environ.get("ARCHDSL_EXAMPLES", "300"))
FIRST = 100_000 * int(os.environ.get("ARCHDSL_SEED", "0"))
CHUNKS = 10
SOURCES = tuple(Path(__file__).parent.glob("program*.py"))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_programs_compute_what_their_graphs_say(chunk: int, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    seeds = range(FIRST + chunk, FIRST + COUNT, CHUNKS)
    valid = 0
    for seed in seeds:
        program = draw(seed)
        result = compiled(program.text)
        if not result.ok:
            continue
        valid += 1
        try:
            judged = Judge(program, result.models[0], tmp_path, thorough=seed % 3 == 0).judge()
        except Exception as error:
            raise AssertionError(str(program)) from error
        assert not judged.findings, f"{judged.findings}\n{program}"
    assert valid > 0.8 * len(seeds), f"{valid} of {len(seeds)} programs are valid"


def test_the_generator_draws_every_operator_and_every_form() -> None:
    operators = {op.name for op in all_ops()}
    forms = written_forms()
    for seed in range(3_000):
        program = draw(seed)
        result = compiled(program.text)
        if result.ok:
            operators -= {node.op.name for node in result.models[0].nodes}
            forms -= program.forms
        if not operators | forms:
            return
    raise AssertionError(f"never drawn: {sorted(operators | forms)}")


def written_forms() -> set[str]:
    """Return the forms that the generator can draw: those that it names in its text, and those of its tables."""
    found = {f"parameter {role}" for role in PARAMS} | set(MERGES)
    for kind in ("block", "macro"):
        found |= {kind, f"{kind} again"}
    for file in SOURCES:
        for line in re.findall(r"\bforms(?:\.add\(| \|= \{)(.*)", file.read_text()):
            found |= set(re.findall(r'(?<![f\w])"([^"]+)"', line))
    return found
