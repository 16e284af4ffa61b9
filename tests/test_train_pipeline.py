"""Scripts that train the stages of a pipeline: as one process does, behind kills, and what they refuse."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trainings import (
    SMALL,
    built,
    draw_pictures,
    environment,
    finished,
    killed,
    learn_digits,
    log,
    losses,
    script_of,
    sha,
    started,
    steps,
    training_of,
    weights,
)

from archdsl.base.resources import resource

# Neither statistics of batches nor dropout, and nothing that jumps: then stages compute what one process does, up to
# the order of sums. One of its four stages has no weights.
LENET5 = resource("architectures", "lenet5.arch").read_text()


def pipeline_of(folder: Path, text: str, stages: int) -> Path:
    return built(folder, text, "--parallel", "pipeline", "--stages", str(stages))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = built(tmp_path_factory.mktemp("alone"), LENET5)
    learn_digits(folder, {"one": (1,)})
    found = losses(folder, "one")
    assert len(found) == 20
    assert found[-1] < found[0] / 1.5
    return folder


def assert_equal(folder: Path, alone: Path, cases: dict[str, tuple[Any, ...]], bound: float = 1e-5) -> None:
    """Hold that losses, accuracies and keys are those of one process."""
    for out in cases:
        assert losses(folder, out) == pytest.approx(losses(alone, "one"), rel=bound), out
        assert log(folder, out)[-1]["accuracy"] == pytest.approx(log(alone, "one")[-1]["accuracy"], abs=bound), out
        assert weights(folder, out).keys() == weights(alone, "one").keys()


@pytest.mark.slow
def test_two_stages_learn_what_one_process_does(tmp_path: Path, alone: Path) -> None:
    pipeline_of(tmp_path, LENET5, 2)
    cases = {"gpipe": (2, "--schedule=GPipe")}
    learn_digits(tmp_path, cases, "--micro-batches=5")
    assert_equal(tmp_path, alone, cases)
    go_on(tmp_path / "gpipe", alone / "from pipeline", 1)
    go_on(alone / "one", tmp_path / "from one", 2)


@pytest.mark.long
def test_pipelines_in_parallel_and_in_half_precision_learn_the_same(tmp_path: Path, alone: Path) -> None:
    pipeline_of(tmp_path, LENET5, 2)
    exact = {"fsdp2": (4, "--parallel=fsdp2")}
    half = {"bfloat16": (2, "--precision=bfloat16"), "float16": (4, "--precision=float16", "--parallel=fsdp2")}
    learn_digits(tmp_path, {**exact, **half}, "--micro-batches=5")
    assert_equal(tmp_path, alone, exact)
    assert_equal(tmp_path, alone, half, 5e-2)


def go_on(before: Path, after: Path, processes: int) -> None:
    """Go on with what another script has learnt, and find all weights."""
    shutil.copytree(before, after)
    (after / "weights.pt").unlink()
    learn_digits(after.parent, {after.name: (processes,)})
    assert sha(after.parent, after.name) == sha(before.parent, before.name)
    assert log(after.parent, after.name)[-1] == {**log(after.parent, after.name)[-1], "event": "start", "step": 20}


SCHEDULES: dict[str, tuple[Any, ...]] = {
    schedule: (2, f"--schedule={schedule}")
    for schedule in ("Interleaved1F1B", "LoopedBFS", "InterleavedZeroBubble", "DualPipeV")
}
SCHEDULES |= {
    "1F1B": (4,), "ddp": (8,), "fsdp2": (4, "--schedule=ZBVZeroBubble", "--parallel=fsdp2")
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "cases",
    [{"ZBVZeroBubble": (2, "--schedule=ZBVZeroBubble")}, pytest.param(SCHEDULES, marks=pytest.mark.long)],
    ids=["one schedule", "all others"],
)
def test_four_stages_learn_what_one_process_does(
    tmp_path: Path, alone: Path, cases: dict[str, tuple[Any, ...]]
) -> None:
    pipeline_of(tmp_path, LENET5, 4)
    assert "empty in some processes" in (tmp_path / "train.py").read_text()
    learn_digits(tmp_path, cases, "--micro-batches=10")
    assert_equal(tmp_path, alone, cases)


ARGUMENTS = ("--data=pictures", "--epochs=9", "--batch=20", "--save-every=6", "--log-every=1")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
def test_a_killed_stage_comes_back_and_nothing_shows(tmp_path: Path) -> None:
    pipeline_of(tmp_path, SMALL, 2)
    draw_pictures(tmp_path / "pictures")
    finished(started(tmp_path, "undisturbed", *ARGUMENTS), tmp_path, "undisturbed")
    killed(tmp_path, "pipeline", *ARGUMENTS)
    assert sha(tmp_path, "pipeline") == sha(tmp_path, "undisturbed")
    assert steps(tmp_path, "pipeline") == steps(tmp_path, "undisturbed")
    assert len(list((tmp_path / "pipeline" / "checkpoints").iterdir())) == 2


@pytest.mark.parametrize(
    ("stages", "world", "arguments", "why"),
    [
        (2, 0, (), "start it by torchrun with 2 processes or a multiple"),
        (2, 3, (), "a pipeline of 2 stages with --schedule 1F1B needs 2 processes: start a multiple of 2, not 3"),
        (4, 3, ("--schedule=ZBVZeroBubble",), "needs 2 processes: start a multiple of 2, not 3"),
        (4, 4, ("--schedule=ZBVZeroBubble",), "several pipelines with ZBVZeroBubble need --parallel fsdp2"),
        (2, 2, ("--schedule=LoopedBFS",), "cannot assign 2 stages to processes, 2 for each"),
        (4, 2, ("--schedule=LoopedBFS", "--stages-each=3"), "cannot assign 4 stages to processes, 3 for each"),
    ],
)
def test_processes_that_are_no_pipelines_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stages: int, world: int, arguments: tuple[str, ...], why: str
) -> None:
    script = script_of(pipeline_of(tmp_path, LENET5, stages), monkeypatch)
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, str(world))
    if not world:
        monkeypatch.delenv("RANK")
    with pytest.raises(SystemExit) as ended:
        script.main(["--data=digits", "--device=cpu", *arguments])
    assert why in str(ended.value)


@pytest.mark.long
def test_one_process_says_what_does_not_fit(tmp_path: Path) -> None:
    pipeline_of(tmp_path, LENET5, 2)
    torchrun = "-m torch.distributed.run --standalone --nproc-per-node 2 train.py --data=digits --micro-batches=6"
    done = subprocess.run(
        [sys.executable, *torchrun.split()],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("train.py: --batch 64 does not split into 6 micro-batches") == 1
    # What else there is comes from torchrun itself.
    assert f'File "{tmp_path}' not in done.stderr


def test_towers_have_no_training_script(tmp_path: Path) -> None:
    done = training_of(tmp_path, LENET5, "--parallel", "towers")
    assert done.exit_code == 2
    assert "leave out --parallel towers" in done.stderr
