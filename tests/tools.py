"""The tools that generated code has to pass: ruff and mypy, started as programs."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

# mypy reads the types of PyTorch once for all tests and later runs.
CACHE = Path(__file__).parent.parent / ".mypy_cache" / "tests"
RUFF_FORMAT = ("ruff", "format", "--isolated", "--check", "--diff")
RUFF_DEFAULT = ("ruff", "check", "--isolated")
RUFF_CHECK = ("ruff", "check", "--isolated", "--select", "E,F,I,UP,B,W,SIM,C4,PIE,RET501,RET502,RET503")
MYPY = ("mypy", "--strict", "--cache-dir", str(CACHE))


def assert_passes(folder: Path, *command: str) -> None:
    """Run a tool in a folder, and fail with its output if it finds something."""
    program = Path(sys.executable).parent / command[0]
    found = str(program) if program.exists() else shutil.which(command[0])
    assert found, f"{command[0]} is not installed"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{command[0]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([found, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
