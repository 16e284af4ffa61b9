"""Outputs that a full disk, a kill or another build interrupts: the file is the old one or the new one, and whole."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from archdsl.base.atomic_write import write
from archdsl.cli.main import cli

OLD = "# by archdsl from\nold = 1\n"
NET = "model Net {\n  input image: 3x8x8\n  a: [conv(3, 3, padding = 1) * 10]\n  flatten -> fc: linear(10)\n}\n"
CONVS = "".join(f"  c{i}: conv({3 + i * i % 11}, 3, padding = 1) -> relu\n" for i in range(400))
BIG = f"model Net {{\n  input image: 3x8x8\n{CONVS}  flatten -> fc: linear(10)\n}}\n"
MESSY = "model  A{input x:3\n" + "".join(f"l{i}:linear(2)\n" for i in range(700)) + "}\n"
COMMAND = [sys.executable, "-m", "archdsl"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in {"net.arch": NET, "big.arch": BIG, "messy.arch": MESSY, "out.py": OLD}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


# Writes that fail in the middle


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let each write to a file fail beyond a size, as on a full disk; Python ignores the signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "arguments",
    [
        ("build", "net.arch", "-o", "out.py"),
        ("build", "net.arch", "--train", "-o", "out.py"),
        ("draw", "net.arch", "-o", "out.py.dot"),
        ("fmt", "messy.arch"),
    ],
    ids=" ".join,
)
def test_a_write_that_fails_in_the_middle_leaves_the_old_file(arguments: tuple[str, ...], folder: Path) -> None:
    before = names(folder)
    with files_of_at_most(500):
        result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 3, result.output
    assert result.stderr.startswith("error: cannot write")
    assert result.stderr.endswith("file too large\n")
    assert result.stderr.count("\n") == 1
    assert (folder / "out.py").read_text() == OLD
    assert (folder / "messy.arch").read_text() == MESSY
    assert names(folder) == before


@pytest.mark.parametrize("unbuffered", ["1", pytest.param("", marks=pytest.mark.long)])
def test_a_stream_that_takes_only_a_part_is_an_error(unbuffered: str, folder: Path) -> None:
    # Data of coverage would not fit either.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    with files_of_at_most(500), (folder / "stream.py").open("wb") as stream:
        ran = subprocess.run(
            [*COMMAND, "build", "net.arch", "-o", "-"], env=env | {"PYTHONUNBUFFERED": unbuffered},
            stdout=stream, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert ran.returncode == 3
    assert ran.stderr == b"error: cannot write the output: file too large\n"


FULL = {
    "build": "archdsl build big.arch -o disk/net.py",
    "build --train": "archdsl build big.arch --train -o disk/net.py",
    "build to a new file": "archdsl build big.arch -o disk/new.py",
    "build to a stream": "archdsl build big.arch -o - > disk/out.py",
    "draw": "archdsl draw big.arch -o disk/net.dot",
    "fmt": "archdsl fmt disk/messy.arch",
    "summary": "archdsl summary big.arch > disk/out.txt",
    "place": "archdsl place big.arch --devices 2 -o disk/placement.json",
}


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """Yield a folder that is a file system of its own, with 4 kB left."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        (disk / "net.py").write_text(OLD)
        (disk / "messy.arch").write_text(MESSY)
        space = os.statvfs(disk)
        (disk / "fill").write_bytes(b"x" * (space.f_bavail - 1) * space.f_frsize)
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.long
@pytest.mark.parametrize("command", FULL.values(), ids=FULL)
def test_a_full_disk_leaves_the_old_files_and_nothing_else(command: str, disk: Path) -> None:
    before = names(disk)
    line = f'archdsl() {{ {sys.executable} -m archdsl "$@"; }}; {command}'
    ran = subprocess.run(["bash", "-c", line], cwd=disk.parent, capture_output=True, text=True, check=False)
    assert ran.returncode == 3, ran
    assert ran.stderr.startswith("error"), ran
    assert ran.stderr.count("\n") <= 3, ran
    assert "no space left" in ran.stderr.lower(), ran
    # The shell has opened the files of its redirections.
    assert names(disk) <= before | {"out.py", "out.txt"}
    assert (disk / "net.py").read_text() == OLD
    assert (disk / "messy.arch").read_text() == MESSY


@pytest.mark.long
@pytest.mark.parametrize("where", ["a full disk", "no folder"])
def test_verify_without_room_for_temporary_files_is_one_sentence(where: str, disk: Path) -> None:
    temporary = str(disk) if where == "a full disk" else "/nonexistent"
    ran = subprocess.run(
        [*COMMAND, "build", "big.arch", "--verify", "-o", "v.py"], cwd=disk.parent, capture_output=True, text=True,
        env=os.environ | {"TMPDIR": temporary}, check=False,
    )  # fmt: skip
    assert ran.returncode in (0, 3), ran
    assert "Traceback" not in ran.stderr
    assert "bug" not in ran.stderr
    assert not any(name.startswith(".archdsl") for name in names(disk.parent))


# Kills


def killed_at(step: str, target: Path) -> None:
    """Write a file in a process that is killed before a step of the writing."""
    child = os.fork()
    if child == 0:
        setattr(Path, step, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        write(target, b"new\n" * 10_000)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("step", ["chmod", "replace"])
def test_a_kill_before_the_end_leaves_the_old_file(step: str, folder: Path) -> None:
    before = names(folder)
    killed_at(step, folder / "out.py")
    assert (folder / "out.py").read_text() == OLD
    # Nothing can remove the temporary file of a killed process, but it is no output.
    assert all(name.startswith(".archdsl-") for name in names(folder) - before)


@pytest.mark.long
def test_builds_that_are_killed_leave_the_old_or_the_new_module(folder: Path) -> None:
    """Half of the builds are killed as soon as their temporary file is there, half after times that differ."""
    command = [*COMMAND, "build", "big.arch", "-o", "out.py"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    new = (folder / "out.py").read_text()
    found = []
    for number in range(24):
        (folder / "out.py").write_text(OLD)
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + (60 if number % 2 else 0.2 + number * 0.1)
        while time.monotonic() < end and process.poll() is None:
            if number % 2 and any(name.startswith(".archdsl-") for name in names(folder)):
                break
            time.sleep(0.0005 if number % 2 else 0.02)
        process.kill()
        process.wait()
        found.append((folder / "out.py").read_text())
        for left in folder.glob(".archdsl-*"):
            left.unlink()
    assert set(found) <= {OLD, new}
    assert OLD in found


# Two builds of one file


def test_two_writers_leave_one_whole_file(folder: Path) -> None:
    contents = [letter * 100_000 for letter in (b"a", b"b", b"c", b"d")]

    def writer(data: bytes) -> None:
        for _ in range(20):
            write(folder / "out.py", data)

    threads = [threading.Thread(target=writer, args=(data,)) for data in contents]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert (folder / "out.py").read_bytes() in (*contents, OLD.encode())
    for thread in threads:
        thread.join()
    assert (folder / "out.py").read_bytes() in contents
    assert not list(folder.glob(".archdsl-*"))


@pytest.mark.long
def test_two_builds_at_once_leave_one_whole_module(folder: Path) -> None:
    modules = []
    for name in ("One", "Two"):
        (folder / f"{name}.arch").write_text(BIG.replace("Net", name))
        subprocess.run([*COMMAND, "build", f"{name}.arch", "-o", "out.py"], cwd=folder, check=True, capture_output=True)
        modules.append((folder / "out.py").read_text())
    for _ in range(4):
        running = [
            subprocess.Popen([*COMMAND, "build", f"{name}.arch", "-o", "out.py"], cwd=folder, stdout=subprocess.DEVNULL)
            for name in ("One", "Two")
        ]
        assert [process.wait() for process in running] == [0, 0]
        assert (folder / "out.py").read_text() in modules
    assert not list(folder.glob(".archdsl-*"))
