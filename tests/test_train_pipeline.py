"""Scripts that train the stages of a pipeline: as one process does, behind kills, and what they refuse."""

import sys
from pathlib import Path
from typing import Any

import pytest
from trainings import (
    SMALL,
    built,
    draw_pictures,
    finished,
    killed,
    learn_digits,
    log,
    losses,
    sha,
    started,
    steps,
    weights,
)

from archdsl.resources import resource

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


def test_two_stages_learn_what_one_process_does(tmp_path: Path, alone: Path) -> None:
    pipeline_of(tmp_path, LENET5, 2)
    exact = {"1f1b": (2,), "gpipe": (2, "--schedule=GPipe"), "ddp": (4,), "fsdp2": (4, "--parallel=fsdp2")}
    half = {"bfloat16": (2, "--precision=bfloat16"), "float16": (4, "--precision=float16", "--parallel=fsdp2")}
    learn_digits(tmp_path, {**exact, **half}, "--micro-batches=5")
    assert_equal(tmp_path, alone, exact)
    assert_equal(tmp_path, alone, half, 5e-2)


def test_four_stages_learn_what_one_process_does(tmp_path: Path, alone: Path) -> None:
    pipeline_of(tmp_path, LENET5, 4)
    assert "none in some processes" in (tmp_path / "train.py").read_text()
    several = ("Interleaved1F1B", "LoopedBFS", "InterleavedZeroBubble", "ZBVZeroBubble", "DualPipeV")
    cases: dict[str, tuple[Any, ...]] = {schedule: (2, f"--schedule={schedule}") for schedule in several}
    cases["1F1B"] = (4,)
    cases["ddp"] = (8,)
    cases["fsdp2"] = (4, "--schedule=ZBVZeroBubble", "--parallel=fsdp2")
    learn_digits(tmp_path, cases, "--micro-batches=10")
    assert_equal(tmp_path, alone, cases)


ARGUMENTS = ("--data=pictures", "--epochs=9", "--batch=20", "--save-every=6", "--log-every=1")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
def test_a_killed_stage_comes_back_and_nothing_shows(tmp_path: Path) -> None:
    pipeline_of(tmp_path, SMALL, 2)
    draw_pictures(tmp_path / "pictures")
    finished(started(tmp_path, "undisturbed", *ARGUMENTS), tmp_path, "undisturbed")
    killed(tmp_path, "pipeline", *ARGUMENTS)
    assert sha(tmp_path, "pipeline") == sha(tmp_path, "undisturbed")
    assert steps(tmp_path, "pipeline") == steps(tmp_path, "undisturbed")
    assert len(list((tmp_path / "pipeline" / "checkpoints").iterdir())) == 2
