"""Scripts that `build --train` writes: what they learn, in one process and in two, and what a kill leaves behind."""

import hashlib
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from archdsl.cli import cli
from archdsl.resources import resource

# How often a worker is killed in a training; `ARCHDSL_KILLS=10` is what a release should stand.
KILLS = int(os.environ.get("ARCHDSL_KILLS", "1"))
SMALL = """model Small(classes = 10) {
  input image: 1x14x14
  conv1: conv(6, 3, padding = 1) -> bn1: batchnorm -> relu
  conv2: conv(8, 3, stride = 2) -> bn2: batchnorm -> relu
  residual { block: { conv: conv(8, 3, padding = 1) -> bn: batchnorm } } -> relu
  flatten -> dropout(0.2) -> fc: linear(classes)
}
"""


def built(folder: Path, text: str) -> Path:
    done = training_of(folder, text)
    assert done.exit_code == 0, done.output
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}


def script_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the script of a folder, with the module beside it."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "net", raising=False)
    monkeypatch.delitem(sys.modules, "train", raising=False)
    monkeypatch.chdir(folder)
    return importlib.import_module("train")


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(before)


def started(folder: Path, out: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start two processes, as the script says how."""
    torchrun = f"-m torch.distributed.run --standalone --max-restarts {KILLS} --nproc-per-node 2 train.py"
    command = [sys.executable, *torchrun.split(), "--out", out, *arguments]
    # Not a pipe: nobody reads it before the end, and what ten failures say is more than a pipe holds.
    with (folder / f"{out}.txt").open("w") as said:
        return subprocess.Popen(command, cwd=folder, env=environment(), stdout=said, stderr=said)


def finished(run: subprocess.Popen[bytes], folder: Path, out: str) -> None:
    run.wait(timeout=600)
    assert run.returncode == 0, (folder / f"{out}.txt").read_text()


def weights(folder: Path, out: str) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / out / "weights.pt")
    return found


def sha(folder: Path, out: str) -> str:
    """Return the digest of all weights and buffers."""
    digest = hashlib.sha256()
    for name, value in sorted(weights(folder, out).items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def log(folder: Path, out: str) -> list[dict[str, Any]]:
    """Return the log, without a last line that is not whole yet."""
    path = folder / out / "log.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def workers(run: subprocess.Popen[bytes]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]


def killed(folder: Path, out: str, *arguments: str) -> None:
    """Train with two processes, one of which is killed KILLS times in mid-training; all come back at once each time."""
    run = started(folder, out, *arguments)
    for kill in range(KILLS):
        step = 10 + 60 * kill // KILLS
        while [line["event"] for line in log(folder, out)].count("start") <= kill or last_step(folder, out) < step:
            assert run.poll() is None, (folder / f"{out}.txt").read_text()
            time.sleep(0.002)
        os.kill(workers(run)[kill % 2], signal.SIGKILL)
    finished(run, folder, out)
    starts = [line["step"] for line in log(folder, out) if line["event"] == "start"]
    assert len(starts) == KILLS + 1
    assert 0 < starts[1] < starts[-1] + 1 < 81


def last_step(folder: Path, out: str) -> int:
    return max((line["step"] for line in log(folder, out)), default=0)


# Without a bound on the gradients, whose norm FSDP2 sums up in another order, and without another layout of weights,
# which it does not take, DDP and FSDP2 compute the same.
ARGUMENTS = ("--data=pictures", "--epochs=9", "--batch=20", "--save-every=6", "--log-every=1", "--clip=0",
             "--no-channels-last")  # fmt: skip


def draw_pictures(folder: Path) -> None:
    """Draw 20 grey pictures of each of 10 classes: a stripe that stands elsewhere in each."""
    source = random.Random(0)
    for number in range(10):
        (folder / f"class{number}").mkdir(parents=True)
        for copy in range(20):
            pixels = bytes(source.randrange(100) + 150 * (x // 2 == number) for _ in range(24) for x in range(20))
            Image.frombytes("L", (20, 24), pixels).save(folder / f"class{number}" / f"{copy}.png")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = built(tmp_path_factory.mktemp("small"), SMALL)
    draw_pictures(folder / "pictures")
    finished(started(folder, "undisturbed", *ARGUMENTS), folder, "undisturbed")
    return folder


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for the workers in /proc")
@pytest.mark.parametrize("parallel", ["ddp", "fsdp2"])
def test_a_killed_worker_comes_back_and_nothing_shows(undisturbed: Path, parallel: str) -> None:
    killed(undisturbed, parallel, *ARGUMENTS, "--parallel", parallel)
    assert sha(undisturbed, parallel) == sha(undisturbed, "undisturbed")
    assert steps(undisturbed, parallel) == steps(undisturbed, "undisturbed")
    assert len(list((undisturbed / parallel / "checkpoints").iterdir())) == 2


def steps(folder: Path, out: str) -> list[dict[str, Any]]:
    """Return what the log says of steps and epochs, save for speeds and norms."""
    said = [line for line in log(folder, out) if line["event"] != "start"]
    return [{name: value for name, value in line.items() if name not in ("speed", "norm")} for line in said]


FORKED = """
import os
import sys
import train

found = train.digits()
train.digits = lambda: found

def forked(world, *arguments):
    children = []
    for rank in range(world):
        child = os.fork()
        if child == 0:
            os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world), LOCAL_WORLD_SIZE=str(world))
            os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=sys.argv[1])
            try:
                train.main([*"--data digits --epochs 1 --batch 200 --log-every 1 --rate 1e-2".split(), *arguments])
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * world

forked(1, "--out", "one")
forked(2, "--out", "ddp")
forked(2, "--out", "fsdp2", "--parallel", "fsdp2")
forked(2, "--out", "half", "--parallel", "fsdp2", "--precision", "float16")
"""
# Neither statistics of batches nor dropout: then the number of processes changes nothing but the order of sums.
TOWERS = """model Towers(classes = 10) {
  devices side0, side1
  input image: 1x16x16
  group tower{0..1} on side{0..1} { conv: conv(4, 3, stride = 2) -> relu } -> concat
  output early: flatten -> linear(classes) when training
  last: conv(8, 3) -> relu -> flatten -> linear(classes)
}
"""


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    built(tmp_path, TOWERS)
    (tmp_path / "forked.py").write_text(FORKED)
    command = [sys.executable, "forked.py", str(free_port())]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    alone = [line["loss"] for line in log(tmp_path, "one") if line["event"] == "step"]
    assert len(alone) == 20
    assert alone[-1] < alone[0] / 1.5
    for out, bound in (("ddp", 1e-4), ("fsdp2", 1e-4), ("half", 2e-2)):
        together = [line["loss"] for line in log(tmp_path, out) if line["event"] == "step"]
        assert together == pytest.approx(alone, rel=bound)
        assert weights(tmp_path, out).keys() == weights(tmp_path, "one").keys()


def training_of(folder: Path, text: str, *arguments: str) -> Result:
    (folder / "net.arch").write_text(text)
    where = () if "-o" in arguments else ("-o", str(folder / "net.py"))
    return CliRunner().invoke(cli, ["build", str(folder / "net.arch"), "--train", *arguments, *where])


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
        ("input a: 3x8x8\n output b: flatten when training\n flatten -> linear(9)", "output `b` of Net does not end"),
        ("input a: 3x8x8\n flatten -> linear(9) -> a2: relu\n output b: softmax when training", "does not end"),
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
    assert "was not made by archdsl" in done.stderr
    assert not (tmp_path / "net.py").exists()
    script.unlink()
    assert training_of(tmp_path, SMALL).exit_code == 0
    whole = script.read_text()
    assert training_of(tmp_path, TOWERS).exit_code == 0
    assert script.read_text() != whole
    script.write_text(whole.replace("2e-3", "5e-3"))
    done = training_of(tmp_path, SMALL)
    assert done.exit_code == 3
    assert "was changed since archdsl made it" in done.stderr
    assert "5e-3" in script.read_text()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.slow
def test_lenet5_learns_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = resource("architectures", "lenet5.arch").read_text()
    script = script_of(built(tmp_path, text), monkeypatch)
    with one_thread():
        script.main(["--data", "digits", "--rate", "5e-3", "--device", "cpu"])
    accuracy = log(tmp_path, "run")[-1]["accuracy"]
    assert accuracy > 0.97
