"""Scripts that `build --train` writes: what they learn, in one process and in two, and what a kill leaves behind."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from trainings import (
    ARGUMENTS,
    SMALL,
    built,
    draw_pictures,
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


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = built(tmp_path_factory.mktemp("small"), SMALL)
    draw_pictures(folder / "pictures")
    finished(started(folder, "undisturbed", *ARGUMENTS), folder, "undisturbed")
    return folder


@pytest.mark.slow
def test_workers_end_without_shutting_the_interpreter_down(undisturbed: Path) -> None:
    """DTensor keeps the process group alive; its threads abort a process that shuts down, now and then."""
    assert (undisturbed / "sitecustomize.py").exists()
    assert not (undisturbed / "undisturbed.shutdown").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
@pytest.mark.parametrize("parallel", [pytest.param("ddp", marks=pytest.mark.long), "fsdp2"])
def test_a_killed_worker_comes_back_and_nothing_shows(undisturbed: Path, parallel: str) -> None:
    killed(undisturbed, parallel, *ARGUMENTS, "--parallel", parallel)
    assert sha(undisturbed, parallel) == sha(undisturbed, "undisturbed")
    assert steps(undisturbed, parallel) == steps(undisturbed, "undisturbed")
    assert len(list((undisturbed / parallel / "checkpoints").iterdir())) == 2


# Neither statistics of batches nor dropout: then the number of processes changes nothing but the order of sums.
TOWERS = """model Towers(classes = 10) {
  devices side0, side1
  input image: 1x16x16
  group tower{0..1} on side{0..1} { conv: conv(4, 3, stride = 2) -> relu } -> concat
  output early: flatten -> linear(classes) when training
  last: conv(8, 3) -> relu -> flatten -> linear(classes)
}
"""


FSDP2 = (2, "--parallel", "fsdp2")
CASES: dict[str, tuple[Any, ...]] = {"ddp": (2,), "fsdp2": FSDP2}
HALF: dict[str, tuple[Any, ...]] = {"half": (*FSDP2, "--precision", "float16")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cases", "bound"), [(CASES, 1e-4), pytest.param(HALF, 2e-2, marks=pytest.mark.long)], ids=["float32", "float16"]
)
def test_two_processes_learn_what_one_does(tmp_path: Path, cases: dict[str, tuple[Any, ...]], bound: float) -> None:
    learn_digits(built(tmp_path, TOWERS), {"one": (1,), **cases})
    alone = losses(tmp_path, "one")
    assert len(alone) == 20
    assert alone[-1] < alone[0] / 1.5
    for out in cases:
        assert losses(tmp_path, out) == pytest.approx(alone, rel=bound)
        assert weights(tmp_path, out).keys() == weights(tmp_path, "one").keys()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("input a: 3x8x8\n input b: 3x8x8\n add { @a; @b } -> flatten", "takes 2 inputs (`a`, `b`)"),
        ("input t: [5]\n embedding(9, 4) -> flatten", "the input `t` of Net holds indices"),
        ("input a: 5x8\n flatten", "the input `a` of Net is 5x8"),
        ("input a: 2x8x8\n flatten", "the input `a` of Net is 2x8x8"),
        ("input a: 7\n linear(3)", "the input `a` of Net is 7"),
        ("input a: 3x8x8\n conv(4, 3)", "Net gives 4x6x6"),
        ("input a: 3x8x8\n output b: flatten\n flatten", "has a second output, `b`"),
        ("input a: 3x8x8\n output b: flatten when training\n flatten -> linear(9)", "`b` of Net differs in shape"),
        ("input a: 3x8x8\n flatten -> linear(9) -> a2: relu\n output b: softmax when training", "or last operator"),
    ],
)
def test_nets_that_the_script_cannot_train_are_refused(tmp_path: Path, text: str, why: str) -> None:
    done = training_of(tmp_path, f"model Net {{\n {text}\n}}\n")
    assert done.exit_code == 1, done.output
    assert why in done.stderr
    assert "leave out --train" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["net.arch"]


@pytest.mark.parametrize("name", ["my-net.py", "torch.py", "json.py", "class.py", "train.py", "net.txt"])
def test_modules_that_the_script_cannot_import_are_refused(tmp_path: Path, name: str) -> None:
    done = training_of(tmp_path, SMALL, "-o", str(tmp_path / name))
    assert done.exit_code == 2
    assert f"train.py cannot import a module from {name}" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["net.arch"]


def test_a_script_and_a_module_are_not_both_standard_output(tmp_path: Path) -> None:
    assert "--train writes two files" in training_of(tmp_path, SMALL, "-o", "-").stderr


def test_a_script_that_somebody_wrote_or_changed_is_kept(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("mine = 1\n")
    done = training_of(tmp_path, SMALL)
    assert (done.exit_code, script.read_text()) == (3, "mine = 1\n")
    assert "was not generated by archdsl" in done.stderr
    assert not (tmp_path / "net.py").exists()
    script.unlink()
    assert training_of(tmp_path, SMALL).exit_code == 0
    whole = script.read_text()
    assert training_of(tmp_path, TOWERS).exit_code == 0
    assert script.read_text() != whole
    script.write_text(whole.replace("2e-3", "5e-3"))
    done = training_of(tmp_path, SMALL)
    assert done.exit_code == 3
    assert "was edited after archdsl generated it" in done.stderr
    assert "5e-3" in script.read_text()


@pytest.mark.long
def test_lenet5_learns_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = resource("architectures", "lenet5.arch").read_text()
    script = script_of(built(tmp_path, text), monkeypatch)
    with one_thread():
        script.main(["--data", "digits", "--rate", "5e-3", "--device", "cpu"])
    accuracy = log(tmp_path, "run")[-1]["accuracy"]
    assert accuracy > 0.97
