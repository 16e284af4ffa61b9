"""Trainings for tests: scripts that are built, started in processes, killed, and what they leave behind."""

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
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from archdsl.cli.main import cli

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


def training_of(folder: Path, text: str, *arguments: str) -> Result:
    (folder / "net.arch").write_text(text)
    where = () if "-o" in arguments else ("-o", str(folder / "net.py"))
    return CliRunner().invoke(cli, ["build", str(folder / "net.arch"), "--train", *arguments, *where])


def built(folder: Path, text: str, *arguments: str) -> Path:
    folder.mkdir(exist_ok=True)
    done = training_of(folder, text, *arguments)
    assert done.exit_code == 0, done.output
    return folder


def script_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import the script of a folder, with the module beside it."""
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "net", raising=False)
    monkeypatch.delitem(sys.modules, "train", raising=False)
    monkeypatch.chdir(folder)
    return importlib.import_module("train")


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}


# Python imports this as `sitecustomize` at the start of every process.
NOTICE_SHUTDOWN = """import atexit, os, pathlib
if "RANK" in os.environ:
    atexit.register(pathlib.Path(os.environ["NOTICE"]).touch)
"""


def started(folder: Path, out: str, *arguments: str, processes: int = 2) -> subprocess.Popen[bytes]:
    """Start processes, as the script says how."""
    (folder / "sitecustomize.py").write_text(NOTICE_SHUTDOWN)
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {**environment(), "PYTHONPATH": path, "NOTICE": f"{out}.shutdown"}
    torchrun = f"-m torch.distributed.run --standalone --max-restarts {KILLS} --nproc-per-node {processes} train.py"
    command = [sys.executable, *torchrun.split(), "--out", out, *arguments]
    # Not a pipe: nobody reads it before the end, and what ten failures say is more than a pipe holds.
    with (folder / f"{out}.txt").open("w") as said:
        return subprocess.Popen(command, cwd=folder, env=variables, stdout=said, stderr=said)


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


def steps(folder: Path, out: str) -> list[dict[str, Any]]:
    """Return what the log says of steps and epochs, save for speeds and norms."""
    said = [line for line in log(folder, out) if line["event"] != "start"]
    return [{name: value for name, value in line.items() if name not in ("speed", "norm")} for line in said]


def learn_digits(folder: Path, cases: dict[str, tuple[Any, ...]], *more: str) -> None:
    """Learn digits for 20 steps, once for each case: how many processes there are, and what they are started with."""
    common = ["--data=digits", "--epochs=1", "--batch=200", "--log-every=1", "--rate=1e-2", *more]
    listed = [(world, [*common, "--out", out, *arguments]) for out, (world, *arguments) in cases.items()]
    (folder / "cases.json").write_text(json.dumps(listed))
    command = [sys.executable, str(Path(__file__).parent / "forked.py"), str(free_port())]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def losses(folder: Path, out: str) -> list[float]:
    return [line["loss"] for line in log(folder, out) if line["event"] == "step"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
