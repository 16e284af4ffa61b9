"""Towers and pipeline stages in processes of their own: what they send, and the gradients that come back."""

import sys
from pathlib import Path

import pytest
from fuzz import fuzz_the_processes, smallest
from fuzz_processes import Cases, run_cases
from fuzz_texts import Counts

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph

COUNT = 30

# Stages that send permuted tensors, views (results of `linear` on sequences), and expanded gradients (of a mean);
# weights that are used several times, also within a layer; weights in a later stage that meet only an input of the net.
PIPELINES = {
    "permuted": "input x: 4x6x6; a: conv(4, 1); permute(1x0x2); permute(1x0x2); permute(2x1x0); b: conv(4, 1)",
    "views": "input x: sequence 6x4; a: linear(4); b: linear(4); c: linear(4); d: linear(4); mean; e: linear(4)",
    "shared": "input x: sequence 6x4; a: linear(4); f: { g: linear(4) -> h: linear(4) }; share @f; b: linear(4); tanh",
    "recurrent": "input x: sequence 6x4; a: linear(4); b: lstm(4, layers = 2); c: lstm(4, layers = 2); d: linear(4)",
    "apart": """input x: 4x6x6
  input y: 4x6x6
  a: conv(4, 1)
  b: conv(4, 1)
  sum: add { identity; @y -> f: conv(4, 1) }
  c: conv(4, 1)
  add { identity; @f }
  d: conv(4, 1)
  add { identity; @f }""",
}
# Towers of which only one has weights before the first exchange, and towers without weights.
TOWERS = {
    "only one has weights": """input x: 4x6x6
  group t{0..1} { tanh -> conv(4, 1) if tower == 0 -> exchange -> d: conv(2, 1) } -> concat
  e: conv(3, 1)""",
    "none has weights": "input x: 4x6x6\n  group t{0..1} { relu -> exchange -> tanh } -> add\n  e: conv(3, 1)",
}


def graph_of(body: str) -> CheckedGraph:
    compiled = compile_source(Source("net.arch", f"model Net {{\n  {body}\n}}\n"))
    assert compiled.ok, compiled.diagnostics
    return compiled.models[-1]


@pytest.mark.slow
def test_processes_compute_what_one_process_does(tmp_path: Path) -> None:
    """One case is another net than its parts, so it must be found, and the cases after it still run."""
    cases = Cases(tmp_path)
    for name, body in TOWERS.items():
        cases.add_towers(graph_of(body), name)
    cases.add_pipeline(graph_of(PIPELINES["views"]), "wrong", 2, 2, "GPipe")
    parts = tmp_path / f"{cases.listed[-1]['name']}_parts.py"
    parts.write_text(parts.read_text().replace("        return x\n", "        return x * 2\n"))
    cases.add_pipeline(graph_of(PIPELINES["permuted"]), "permuted", 4, 2, "Interleaved1F1B")
    for name, body in PIPELINES.items():
        cases.add_pipeline(graph_of(body), f"{name}, zero bubble", 4, 2, "ZBVZeroBubble")
    counts = Counts()
    run_cases(cases, counts)
    assert [finding.text for finding in counts.findings] == ["wrong"], counts.findings
    assert counts.kinds == {"towers": 2, "pipeline": 6}


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="forks processes that have imported torch")
def test_random_nets_compute_in_processes_what_they_do_in_one() -> None:
    counts = fuzz_the_processes(seed=5_000, count=COUNT)
    assert not counts.findings, "\n\n".join(f"{key}\n{each.text}" for key, each in smallest(counts.findings).items())
    assert counts.valid > COUNT * 0.9
