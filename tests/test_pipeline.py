"""Pipelines: what the stages are, and what they compute in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from archdsl.driver import compile_source
from archdsl.emit.torch import generate, generate_stages
from archdsl.ir import CheckedGraph
from archdsl.passes import assert_valid, staged
from archdsl.place.pipeline import dealt
from archdsl.source import Source

NETS = {
    # A shortcut over all cuts, batch norm, blocks, a sequence that is cut, an output of the training.
    "skips": """block Block(width) {
  residual { conv1: conv(width, 3, padding = 1) -> bn1: batchnorm -> relu -> conv2: conv(width, 3, padding = 1) } -> relu
}

model Skips(classes = 10) {
  input image: 3x16x16
  stem: conv(8, 3, padding = 1)
  layers: [Block(8) * 4]
  more: { c1: conv(8, 3, padding = 1) -> relu -> c2: conv(8, 3, padding = 1) -> concat { @c1; @stem; @c2 } }
  rest: [conv(8, 3, padding = 1) -> batchnorm -> relu -> conv(8, 3, padding = 1) -> batchnorm -> relu]
  add { @rest; @stem }
  global_avgpool -> flatten -> fc: linear(classes)
  output aux: @stem -> global_avgpool -> flatten -> head: linear(classes) when training
}
""",
    "chain": """model Chain(classes = 10) {
  input image: 3x16x16
  features: [(conv(8, 3, padding = 1) -> batchnorm -> relu) * 6]
  global_avgpool -> flatten -> fc: linear(classes)
}
""",
}


def graph_of(name: str) -> CheckedGraph:
    compiled = compile_source(Source(f"{name}.arch", NETS[name]))
    assert compiled.ok, compiled.diagnostics
    return compiled.models[-1]


def test_runs_equal_a_single_process(tmp_path: Path) -> None:
    run(tmp_path, 2, [("skips", 2, "GPipe"), ("skips", 4, "Interleaved1F1B"), ("chain", 2, "1F1B")])


def run(folder: Path, world: int, cases: list[tuple[str, int, str]]) -> dict[str, dict[str, float]]:
    """Run cases in so many processes."""
    listed = []
    for name, count, schedule in cases:
        graph = graph_of(name)
        stages = staged(graph, dealt(graph, count))
        for stage in stages:
            assert_valid(stage.graph)
        label = f"{name}{count}"
        (folder / f"{label}.py").write_text(generate(graph))
        (folder / f"{label}_stages.py").write_text(generate_stages(graph, stages))
        shape = [int(dim) for dim in graph.inputs[0].shape.dims]
        listed.append({"name": label, "model": graph.name, "shape": shape, "classes": 10, "schedule": schedule})
    (folder / "cases.json").write_text(json.dumps(listed))
    script = Path(__file__).parent / "pipelined.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    workers = [
        subprocess.Popen(
            [sys.executable, str(script), str(folder), str(rank), str(world)], env=environment, stderr=subprocess.PIPE
        )
        for rank in range(world)
    ]
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors.decode()
    results: dict[str, dict[str, float]] = json.loads((folder / "result.json").read_text())
    print(results)
    return results
