"""Files, pipes, links, streams and signals: each ends in one sentence or works, and no output is written halfway."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archdsl.base import bounded_read
from archdsl.base.atomic_write import IsLink, write
from archdsl.base.bounded_read import TooMuch, read_file
from archdsl.cli.main import cli
from archdsl.syntax.loader import MAX_BYTES

NET = "model Net(classes = 10) {\n  input image: 1x8x8\n  c: conv(4, 3) -> relu\n  flatten -> fc: linear(classes)\n}\n"
MESSY = "model  A{input x:3\nf:linear(2)}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_text(NET)
    return tmp_path


def run(*args: str, code: int) -> Result:
    """Run a command in this process; it ends with an exit code and at most one short error."""
    result = CliRunner().invoke(cli, args)
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert result.exit_code == code, result.output
    assert len(result.output) < 4_000
    return result


# What is read


def test_what_is_too_large_is_refused_while_it_is_read(folder: Path) -> None:
    with pytest.raises(TooMuch):
        read_file(Path("/dev/zero"), 1_000)
    assert f"more than {MAX_BYTES:,} bytes" in run("check", "/dev/zero", code=3).stderr
    assert "more than 4,000,000 bytes" in run("check", "net.arch", "--placement", "/dev/zero", code=3).stderr
    with (folder / "sparse.arch").open("wb") as stream:
        stream.truncate(1 << 40)
    assert "the file is too large" in run("check", "sparse.arch", code=3).stderr


def test_imports_share_one_limit(folder: Path) -> None:
    for number in range(3):
        (folder / f"part{number}.arch").write_text("#" * (MAX_BYTES // 2 - 200))
    (folder / "net.arch").write_text("".join(f'import "part{number}.arch"\n' for number in range(3)) + NET)
    result = run("check", "net.arch", code=1)
    assert result.stderr.count("error[E0504]") == 1
    assert "net.arch:3:8" in result.stderr
    (folder / "net.arch").write_text('import "a0.arch"\n' + NET)
    for number in range(80):
        (folder / f"a{number}.arch").write_text(f'import "a{number + 1}.arch"\n')
    assert "50 levels deep" in run("check", "net.arch", code=1).stderr


def test_imports_are_regular_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.arch")
    (folder / "loop.arch").symlink_to("loop.arch")
    (folder / "inner.arch").mkdir()
    for name, words in (
        ("pipe.arch", "not a regular file"),
        ("loop.arch", "a link that leads to itself"),
        ("inner.arch", "a directory"),
        ("a" * 300 + ".arch", "file name too long"),
        ("a/" * 3_000 + "x.arch", "file name too long"),
    ):
        (folder / "main.arch").write_text(f'import "{name}"\n{NET}')
        assert words in run("check", "main.arch", code=1).stderr


def test_a_pipe_without_a_writer_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_read, "PATIENCE", 0.05)
    os.mkfifo(folder / "pipe.arch")
    assert "nothing was written to this pipe" in run("check", "pipe.arch", code=3).stderr


def test_a_pipe_is_read_until_its_writer_ends(folder: Path) -> None:
    os.mkfifo(folder / "pipe.arch")

    def writer() -> None:
        with (folder / "pipe.arch").open("w") as stream:
            for line in NET.splitlines(keepends=True):
                stream.write(line)
                stream.flush()
                time.sleep(0.01)

    thread = threading.Thread(target=writer)
    thread.start()
    assert "1,490 parameters" in run("check", "pipe.arch", code=0).stdout
    thread.join()


@pytest.mark.parametrize("name", ["a" * 300 + ".arch", "a" * 300, "net.arch/x.arch", "none.arch", "loop", ".", ""])
def test_a_path_that_leads_nowhere_is_one_sentence(name: str, folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    assert run("check", name, code=3).stderr.startswith("error[E060")


# What is written


def test_links_are_not_written_through(folder: Path) -> None:
    victim = folder / "victim.py"
    victim.write_text("victim = 1\n")
    (folder / "link.py").symlink_to("victim.py")
    (folder / "dangling.py").symlink_to("nowhere.py")
    for name in ("link.py", "dangling.py"):
        error = run("build", "net.arch", "-o", name, code=3).stderr
        assert "it is a link to" in error
        assert "--follow" in error
    assert victim.read_text() == "victim = 1\n"
    assert not (folder / "nowhere.py").exists()
    run("build", "net.arch", "-o", "link.py", "--follow", code=0)
    assert (folder / "link.py").is_symlink()
    assert "class Net" in victim.read_text()


def test_the_default_output_is_not_written_through_a_link(folder: Path) -> None:
    for target in ("net.py", "net.svg"):
        (folder / target).symlink_to("nowhere")
    assert "it is a link to nowhere" in run("build", "net.arch", code=3).stderr
    assert not (folder / "nowhere").exists()


def test_fmt_does_not_write_through_a_link(folder: Path) -> None:
    (folder / "messy.arch").write_text(MESSY)
    (folder / "link.arch").symlink_to("messy.arch")
    assert "it is a link" in run("fmt", "link.arch", code=3).stderr
    assert (folder / "messy.arch").read_text() == MESSY
    run("fmt", "--follow", "link.arch", code=0)
    assert (folder / "messy.arch").read_text() != MESSY


def test_folders_may_be_links(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "linked").symlink_to("real")
    run("build", "net.arch", "-o", "linked/net.py", code=0)
    assert (folder / "real" / "net.py").exists()


def test_a_link_to_itself_is_one_sentence(folder: Path) -> None:
    loop = folder / "loop.py"
    loop.symlink_to("loop.py")
    for options in ([], ["--follow"]):
        run("build", "net.arch", "-o", "loop.py", *options, code=3)
    with pytest.raises(IsLink):
        write(loop, b"")


def test_an_output_of_any_name_is_written_whole_or_not(folder: Path) -> None:
    run("build", "net.arch", "-o", "x" * 255, code=0)
    assert "too long" in run("build", "net.arch", "-o", "x" * 256, code=3).stderr
    assert "no such file" in run("build", "net.arch", "-o", "none/x.py", code=3).stderr
    assert "is a directory" in run("build", "net.arch", "-o", ".", code=3).stderr
    assert not list(folder.glob(".*"))


def test_an_interrupted_write_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = folder / "old.py"
    target.write_text("old")

    def interrupted(self: Path, other: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(target, b"new")
    assert target.read_text() == "old"
    assert sorted(each.name for each in folder.iterdir()) == ["net.arch", "old.py"]


def test_permissions_are_kept_without_setuid(folder: Path) -> None:
    target = folder / "old.py"
    target.write_text("old")
    target.chmod(0o4750)
    write(target, b"new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o750


# Streams and signals, in processes of their own


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    line = f'set -o pipefail; archdsl() {{ {sys.executable} -m archdsl "$@"; }}; {command}'
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=os.environ | environment, capture_output=True, check=False, timeout=120
    )


def assert_clear(ran: subprocess.CompletedProcess[bytes], codes: Sequence[int]) -> None:
    assert ran.returncode in codes, ran
    assert b"Traceback" not in ran.stderr + ran.stdout
    assert b"bug" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr


STREAMS = [
    ("archdsl check net.arch >&-", (3,)),
    ("archdsl build net.arch -o - >&-", (3,)),
    ("archdsl build net.arch -o x.py 2>&-", (0,)),
    ("archdsl check none.arch 2>&-", (3,)),
    ("archdsl check - <&-", (3,)),
    ("archdsl check net.arch >/dev/full", (3,)),
    ("archdsl build net.arch -o - >/dev/full", (3,)),
    ("archdsl build net.arch -o /dev/full", (3,)),
    ("archdsl summary net.arch >/dev/full", (3,)),
    ("archdsl check none.arch 2>/dev/full", (3,)),
    ("archdsl summary lenet5 | head -1", (0,)),
    ("archdsl build lenet5 -o - | head -1", (0, 141)),
    ("yes '{' | archdsl check -", (3, 141)),
    ("cat net.arch | archdsl check -", (0,)),
    ("archdsl build net.arch -o /dev/stdout | cat", (0,)),
]
QUICK = [STREAMS[0], STREAMS[5], STREAMS[10], STREAMS[12]]


@pytest.mark.parametrize(
    ("command", "codes"),
    [each if each in QUICK else pytest.param(*each, marks=pytest.mark.long) for each in STREAMS],
)  # fmt: skip
def test_streams_that_are_closed_or_full(command: str, codes: Sequence[int], folder: Path) -> None:
    assert_clear(shell(command, folder), codes)


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}


def test_a_stream_of_ascii_gets_escapes(folder: Path) -> None:
    (folder / "bad.arch").write_text("model A {\n  input x: 4\n  rellu  # é → ü\n}\n", encoding="utf-8")
    ran = shell("archdsl check bad.arch", folder, **ASCII)
    assert_clear(ran, (1,))
    assert b"\\xe9 \\u2192 \\xfc" in ran.stderr


@pytest.mark.long
@pytest.mark.parametrize("command", ["gallery", "summary lenet5", "explain E0302", "ops conv", "diff vgg11 vgg13",
                                     "draw lenet5 --style table", "build lenet5 -o -", "--help"])  # fmt: skip
def test_every_command_prints_to_ascii(command: str, folder: Path) -> None:
    assert_clear(shell(f"archdsl {command}", folder, **ASCII), (0, 1))


@pytest.mark.parametrize("level", ["1", pytest.param("2", marks=pytest.mark.long)])
def test_optimised_python_gives_the_same(level: str, folder: Path) -> None:
    (folder / "messy.arch").write_text(MESSY)
    command = "archdsl build net.arch -o - && archdsl fmt - < messy.arch"
    plain, optimised = shell(command, folder), shell(command, folder, PYTHONOPTIMIZE=level)
    assert_clear(optimised, (0,))
    assert (plain.stdout, plain.stderr) == (optimised.stdout, optimised.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_signal_ends_a_run_in_one_sentence(number: signal.Signals, folder: Path) -> None:
    (folder / "out.py").write_text("# by archdsl from\nold = 1\n")
    os.mkfifo(folder / "pipe.arch")
    process = subprocess.Popen(
        [sys.executable, "-m", "archdsl", "build", "pipe.arch", "-o", "out.py"], cwd=folder, stderr=subprocess.PIPE
    )
    # Opening waits until the command opens the pipe, which then waits for its text.
    with (folder / "pipe.arch").open("w"):
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else 128 + number)
    assert error.strip() in (b"error: interrupted", b"error: terminated by a signal")
    assert (folder / "out.py").read_text() == "# by archdsl from\nold = 1\n"
    assert sorted(each.name for each in folder.iterdir()) == ["net.arch", "out.py", "pipe.arch"]


SETTINGS = {
    "another hash seed": {"PYTHONHASHSEED": "1"},
    "another locale and time zone": {
        "PYTHONHASHSEED": "2",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "TZ": "Pacific/Kiritimati",
    },
    "a narrow terminal": {"PYTHONHASHSEED": "3", "COLUMNS": "20", "TERM": "dumb", "SOURCE_DATE_EPOCH": "1"},
    "python -O": {"PYTHONHASHSEED": "4", "PYTHONOPTIMIZE": "1"},
}
WRITTEN = "build {0} -o - ", "draw {0} -o x.dot && cat x.dot", "summary {0} --json", "check {0} --json"


@pytest.mark.long
@pytest.mark.parametrize("command", WRITTEN)
@pytest.mark.parametrize("net", ["googlenet", "unet", "gpt"])
def test_outputs_have_the_same_bytes_everywhere(net: str, command: str, folder: Path) -> None:
    line = f"archdsl {command.format(net)}"
    expected = shell(line, folder, PYTHONHASHSEED="0")
    assert_clear(expected, (0,))
    for name, environment in SETTINGS.items():
        (folder / name).mkdir()
        assert shell(line, folder / name, **environment).stdout == expected.stdout, name
