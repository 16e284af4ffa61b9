"""Pipelines: what the stages are, and what they compute in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from programs import draw

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.driver import compile_source
from archdsl.emit.generate import generate, generate_stages
from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.passes.assign import placed
from archdsl.passes.invariants import assert_valid
from archdsl.passes.pipeline_stages import PipelineStage, staged, units
from archdsl.place import costs, place
from archdsl.place.pipeline import NotInStages, TooFewUnits, by_devices, dealt, of_units
from archdsl.verify.parallel import verify_stages

NETS = {
    # A shortcut over all cuts, batch norm, blocks, a sequence that is cut, an output of the training.
    "skips": """block Block(width) {
  residual {
    conv1: conv(width, 3, padding = 1) -> bn1: batchnorm -> relu -> conv2: conv(width, 3, padding = 1)
  } -> relu
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


def stages_of(graph: CheckedGraph, count: int) -> tuple[PipelineStage, ...]:
    stages = staged(graph, dealt(graph, count))
    for stage in stages:
        assert_valid(stage.graph)
    return stages


@pytest.mark.parametrize("count", [2, 3, 4, 8])
def test_stages_compute_what_the_whole_net_does(count: int, tmp_path: Path) -> None:
    for name in NETS:
        graph = graph_of(name)
        stages = stages_of(graph, count)
        (tmp_path / "stages.py").write_text(generate_stages(graph, stages))
        verified = verify_stages(graph, stages, tmp_path / "stages.py")
        assert verified.findings == ()
        assert verified.params == graph.params


def test_stages_of_random_programs_compute_what_the_whole_nets_do(tmp_path: Path) -> None:
    counts = []
    for seed in range(40):
        for graph in compile_source(Source("random.arch", draw(seed).text)).models[-1:]:
            count = 2 + seed % 3
            try:
                stages = stages_of(graph, count)
            except TooFewUnits:
                continue
            (tmp_path / "stages.py").write_text(generate_stages(graph, stages))
            verified = verify_stages(graph, stages, tmp_path / "stages.py")
            assert (seed, verified.findings) == (seed, ())
            counts.append(len(stages))
    assert len(counts) > 20


def test_a_submodule_that_ignores_its_stream_is_in_a_later_stage(tmp_path: Path) -> None:
    """`late` reads `early` and not the result of `mid`, which stays in the stage before and is sent nowhere."""
    text = """model Ignores {
  input image: 4x8x8
  early: conv(4, 3, padding = 1)
  mid: conv(4, 3, padding = 1)
  late: Reads(4, @early)
  last: conv(4, 3, padding = 1)
}

block Reads(n, y) = y -> conv(n, 3, padding = 1) -> relu
"""
    compiled = compile_source(Source("ignores.arch", text))
    assert compiled.ok, compiled.diagnostics
    graph = compiled.models[-1]
    first, *rest = units(graph)
    for cut in range(1, len(rest)):
        stages = staged(graph, ((first, *rest[:cut]), rest[cut:]))
        for stage in stages:
            assert_valid(stage.graph)
        (tmp_path / "stages.py").write_text(generate_stages(graph, stages))
        assert verify_stages(graph, stages, tmp_path / "stages.py").findings == ()


def test_what_shares_weights_is_in_one_unit_with_all_between() -> None:
    """The first two shares overlap, so nothing from `a` to the last use of `b` can be cut; `c` stands alone."""
    text = """model Shared {
  input image: 4x8x8
  z: conv(4, 1)
  a: conv(4, 1)
  b: conv(4, 1)
  share @a
  relu
  share @b
  c: conv(4, 1)
}
"""
    compiled = compile_source(Source("shared.arch", text))
    assert compiled.ok, compiled.diagnostics
    found = [[dotted(path) for path in unit.nodes] for unit in units(compiled.models[-1])]
    assert [len(some) for some in found] == [1, 5, 1]
    assert found[0] == ["z"]
    assert found[2] == ["c"]


def test_stages_are_where_the_devices_are(tmp_path: Path) -> None:
    for name in NETS:
        graph = graph_of(name)
        chosen = placed(graph, place(graph, 3).devices)
        parts = by_devices(chosen)
        assert [{path for unit in part for path in unit.nodes} for part in parts] == [
            {node.path for node in chosen.nodes if node.device == device} for device in chosen.graph.devices
        ]
        stages = staged(chosen, parts)
        for stage in stages:
            assert_valid(stage.graph)
        (tmp_path / "stages.py").write_text(generate_stages(chosen, stages))
        verified = verify_stages(chosen, stages, tmp_path / "stages.py")
        assert (verified.findings, verified.params) == ((), graph.params)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("on d0 { c1: conv(4, 3) }\n on d1 { c2: conv(4, 3) }\n on d0 { c3: conv(4, 3) }", "`c3` returns to d0"),
        ("group t{0..1} on d{0..1} { c: conv(4, 3) } -> concat", "begins at `t0` is on d0 and d1"),
        ("on d1 { c1: conv(4, 3) }", "all steps are on d1"),
    ],
)
def test_devices_that_are_no_stages_are_said(text: str, why: str) -> None:
    compiled = compile_source(Source("net.arch", f"model Net {{\n devices d0, d1\n input x: 3x9x9\n {text}\n}}\n"))
    assert compiled.ok, compiled.diagnostics
    with pytest.raises(NotInStages, match=why):
        by_devices(compiled.models[-1])


def test_units_cost_what_their_steps_cost_together() -> None:
    graph = graph_of("skips")
    found, chosen = costs(graph), units(graph)
    merged = of_units(found, chosen)
    assert len(merged.times) == len(chosen) < len(found.times)
    assert sum(merged.times) == pytest.approx(sum(found.times))
    assert sum(merged.weights) == sum(found.weights)
    ends = [max(found.paths.index(dotted(path)) for path in unit.nodes) for unit in chosen]
    assert list(merged.crossing[1:]) == [found.crossing[end + 1] for end in ends]
    assert merged.penalties == (*(int(not size) for size in merged.weights), 0)


@pytest.mark.slow
def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    cases = [
        ("skips", 2, "GPipe"),
        ("chain", 2, "1F1B"),
        ("skips", 4, "Interleaved1F1B"),
        ("skips", 4, "ZBVZeroBubble"),
    ]
    assert_equal_to_one_process(run(tmp_path, 2, cases))


@pytest.mark.long
def test_four_processes_train_what_one_does(tmp_path: Path) -> None:
    assert_equal_to_one_process(run(tmp_path, 4, [("skips", 4, "GPipe"), ("chain", 4, "1F1B")]))


def assert_equal_to_one_process(results: dict[str, dict[str, float]]) -> None:
    """Hold that keys, gradients, buffers and losses are those of one process, bit for bit."""
    for case, found in results.items():
        assert found == {"keys": True, "names": True, "difference": 0.0, "losses": 0.0}, case


def test_a_net_that_is_too_small_says_how_many_stages_it_has(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["build", "lenet5", "--parallel", "pipeline", "--stages", "50", "-o", "-"])
    assert result.exit_code == 1
    assert "50 stages, and only 12 parts can be stages of their own" in result.output
    assert "use --stages 12" in result.output


def test_build_writes_and_verifies_a_pipeline(tmp_path: Path) -> None:
    target = tmp_path / "lenet5_stages.py"
    result = CliRunner().invoke(
        cli, ["build", "lenet5", "--parallel", "pipeline", "--stages", "3", "--verify", "-o", str(target)]
    )
    assert result.exit_code == 0, result.output
    assert "class Stage2(nn.Module)" in target.read_text()


def run(folder: Path, world: int, cases: list[tuple[str, int, str]]) -> dict[str, dict[str, float]]:
    """Run cases in so many processes."""
    listed = []
    for name, count, schedule in cases:
        graph = graph_of(name)
        stages = stages_of(graph, count)
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
    said = [worker.communicate(timeout=120)[1].decode() for worker in workers]
    assert not any(worker.returncode for worker in workers), "\n".join(said)
    results: dict[str, dict[str, float]] = json.loads((folder / "result.json").read_text())
    return results
