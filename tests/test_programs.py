"""Random programs over the operator table and the forms of the language, held against PyTorch.

`ARCHDSL_EXAMPLES=5000 ARCHDSL_SEED=1 python -m pytest tests/test_programs.py` draws others, and more of them.
"""

import os
from pathlib import Path

import torch
from program_judging import Judge, compiled
from programs import draw

COUNT = int(os.environ.get("ARCHDSL_EXAMPLES", "60"))
FIRST = 100_000 * int(os.environ.get("ARCHDSL_SEED", "0"))


def test_programs_compute_what_their_graphs_say(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    valid = 0
    for seed in range(FIRST, FIRST + COUNT):
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
    assert valid > 0.6 * COUNT, f"{valid} of {COUNT} programs are valid"
