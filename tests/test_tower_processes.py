"""Towers in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from nets import NETS, graph_of

from archdsl.cli.main import cli
from archdsl.emit.generate import generate, generate_towers
from archdsl.passes.invariants import assert_valid
from archdsl.passes.towers import NoTowers, towers

ROOT = Path(__file__).parent.parent
# Batch norm in the towers, and no dropout, whose random numbers would be others in each process.
SOURCE = NETS["towers"].replace("conv1: conv(4, 3, padding = 1)", "conv1: conv(4, 3, padding = 1) -> batchnorm")


@pytest.mark.parametrize(("world", "bound"), [(2, 0.0), pytest.param(4, 1e-6, marks=pytest.mark.long)])
def test_processes_train_what_one_process_does(world: int, bound: float, tmp_path: Path) -> None:
    """Two copies see other batches, so there the net has no batch norm, and sums are in another order."""
    graph = graph_of(SOURCE if world == 2 else NETS["towers"])
    made = towers(graph)
    for each in made:
        assert_valid(each)
    (tmp_path / "whole.py").write_text(generate(graph))
    (tmp_path / "towers.py").write_text(generate_towers(graph, made))
    script = Path(__file__).parent / "towered.py"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(tmp_path)]
    workers = [
        subprocess.Popen([*command, str(rank), str(world)], env=environment, stderr=subprocess.PIPE)
        for rank in range(world)
    ]
    for worker in workers:
        _, errors = worker.communicate(timeout=300)
        assert worker.returncode == 0, errors.decode()
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["keys"]
    assert result["losses"] <= bound
    assert result["difference"] <= bound


MISTAKES = {
    "no group has two towers or more": "a: conv(4, 3) -> flatten -> fc: linear(10)",
    "`stem` has weights and comes before the towers": "stem: conv(4, 3)\n  group t{0..1} { c: conv(4, 3) } -> concat",
    "the streams of the towers differ in shape": "group t{0..1} { c: conv(4 + tower, 3) } -> concat",
    "` reads streams of several towers": "group t{0..1} { c: conv(4, 3) } -> mul",
    "the towers are merged more than once": (
        "group t{0..1} { c: conv(4, 3) } -> concat\n  group u{0..1} { d: conv(4, 3) } -> concat"
    ),
    "the result of `t1.exchange` does not reach the merge, as it does in other towers": (
        "group t{0..1} { a: conv(4, 3)\n exchange -> b: conv(4, 3)\n if tower == 1 { @a -> c: conv(4, 3) } } -> concat"
    ),
}


@pytest.mark.parametrize("words", MISTAKES)
def test_what_cannot_be_dealt_out_is_said(words: str) -> None:
    graph = graph_of(f"model Net {{\n  input image: 3x8x8\n  {MISTAKES[words]}\n}}\n")
    with pytest.raises(NoTowers, match=words):
        towers(graph)


def test_build_writes_and_verifies_towers(tmp_path: Path) -> None:
    target = tmp_path / "towers.py"
    arguments = ["build", "alexnet", "--model", "AlexNet_2012", "--parallel", "towers", "--verify", "-o", str(target)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert "60,965,224 parameters agree" in result.output
    refused = CliRunner().invoke(cli, ["build", "lenet5", "--parallel", "towers", "-o", str(target)])
    assert refused.exit_code == 1
    assert "error[E0416]" in refused.output
    assert "lenet5.arch:2:1" in refused.output


@pytest.mark.long
def test_alexnet_learns_the_same_on_two_devices_and_in_two_processes(tmp_path: Path) -> None:
    build = ["build", "alexnet", "--model", "AlexNet_2012", "-o"]
    for arguments in ([*build, "alexnet_2012.py"], [*build, "alexnet_towers.py", "--parallel", "towers"]):
        subprocess.run([sys.executable, "-m", "archdsl", *arguments], cwd=tmp_path, check=True)
    script = [str(ROOT / "examples" / "two_towers.py"), "--steps", "3", "--batch", "4"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    printed = [
        subprocess.run([*command, *script], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for command in ([sys.executable], launch)
    ]
    assert printed[0].count("loss") == 3
    assert printed[0] == printed[1]
