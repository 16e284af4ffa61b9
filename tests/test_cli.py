"""The commands as a user runs them: what is printed, what is written, and the exit codes."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from archdsl.cli.main import COMMANDS, cli
from archdsl.cli.options import NetRequest, gathered, of_a_net, of_nets, shapes_option
from archdsl.elaborate.limits import Limits

ROOT = Path(__file__).parent.parent

NET = """## A small net.
model Small(classes = 10) {
  input image: 1x12x12
  c1: conv(4, 5) -> relu -> maxpool(2)   :: 4x4x4
  flatten -> fc: linear(classes)
}
"""
BROKEN = NET.replace("conv(4, 5)", "conv(4, 50)")


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, list(arguments), input=stdin)


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.arch").write_text(NET)
    (tmp_path / "broken.arch").write_text(BROKEN)
    return tmp_path


def test_check_counts_every_model(net: Path) -> None:
    result = run("check", "small.arch", "lenet5")
    assert result.exit_code == 0
    assert "Small: 754 parameters" in result.output
    assert "LeNet5: 61,706 parameters, 416,520 multiply-accumulates" in result.output


def test_check_reads_standard_input(net: Path) -> None:
    assert "<stdin>  Small" in run("check", "-", stdin=NET).output


def test_check_prints_data(net: Path) -> None:
    result = run("check", "small.arch", "broken.arch", "--json")
    assert result.exit_code == 1
    small, broken = json.loads(result.stdout)["files"]
    assert small["models"] == [{"name": "Small", "parameters": 754, "macs": 7_040}]
    problem = broken["diagnostics"][0]
    assert (problem["code"], problem["line"], problem["column"]) == ("E0302", 4, 7)


TWO = """
model One(width = 4) {
  input x: 3x12x12
  conv(width, 3, bias = true) -> relu
}
model Other(size = 3) {
  input x: 3x12x12
  c: conv(8, size) -> maxpool(4)
}
"""


def test_check_takes_the_options_of_a_single_model(net: Path) -> None:
    Path("two.arch").write_text(TWO)
    assert run("check", "two.arch").stdout.count("ok") == 2
    last = run("check", "two.arch", "--set", "size=5")
    assert last.exit_code == 0 and last.stdout == "ok  two.arch  Other: 608 parameters, 38,400 multiply-accumulates\n"
    assert "One: 224 parameters" in run("check", "two.arch", "--model", "One", "--set", "width=8").stdout
    assert "7,776 multiply-accumulates" in run("check", "two.arch", "--model", "One", "--input", "3x6x20").stdout
    assert "--set" in run("check", "two.arch", "--set", "width=8").stderr
    assert run("check", "two.arch", "--model", "Third").exit_code == 1
    assert run("check", "two.arch", "--input", "3x2x2").exit_code == 1


def test_check_fails_on_denied_warnings(net: Path) -> None:
    Path("two.arch").write_text(TWO)
    assert run("check", "two.arch").exit_code == 0
    denied = run("check", "two.arch", "--deny", "w0103")
    assert denied.exit_code == 1 and "denied  two.arch  Other" in denied.stdout
    assert "error: two.arch has warnings that --deny forbids: W0103" in denied.stderr
    assert run("check", "two.arch", "--deny", "W0201", "--model", "Other").exit_code == 0
    everything = run("check", "two.arch", "--deny", "W", "--json")
    (data,) = json.loads(everything.stdout)["files"]
    assert everything.exit_code == 1 and data["denied"] == ["W0103", "W0201"]
    assert run("check", "two.arch", "--deny", "W0103", "--set", "size=5", "--model", "Other").exit_code == 0
    Path("allowed.arch").write_text("# allow W0103, W0201\n" + TWO)
    assert run("check", "allowed.arch", "--deny", "W").exit_code == 0
    for wrong in ("E0302", "W9999", "warnings"):
        refused = run("check", "two.arch", "--deny", wrong)
        assert refused.exit_code == 2 and f"{wrong} is not the code of a warning" in refused.stderr


def test_errors_are_printed_before_warnings_and_are_data_in_the_order_of_the_source(net: Path) -> None:
    Path("both.arch").write_text(
        TWO.replace("conv(8, size)", "conv(8, size, padding = foo)") + "model A { input x: 3 }"
    )
    printed = run("check", "both.arch").stderr
    (data,) = json.loads(run("check", "both.arch", "--json").stdout)["files"]
    lines = [(each["line"], each["severity"]) for each in data["diagnostics"]]
    assert lines == sorted(lines) and lines[0][1] == "warning" and lines[-1][1] == "error"
    assert printed.rindex("error[") < printed.index("warning[")


def test_check_lists_what_goes_from_one_device_to_another() -> None:
    text = """model Two {
  devices gpu0, gpu1
  input image: 1x12x12
  c1: conv(4, 5)
  on gpu1 { c2: conv(4, 5) -> flatten -> fc: linear(10) }
}
"""
    lines = run("check", "-", stdin=text).output.splitlines()
    assert lines[1:] == [
        "            576 bytes  input -> gpu0  1x12x12  image",
        "          1,024 bytes  gpu0 -> gpu1  4x8x8  c1",
        "          1,600 bytes for a sample in 2 moves on gpu0, gpu1",
    ]
    (two,) = json.loads(run("check", "-", "--json", stdin=text).stdout)["files"][0]["models"]
    assert two["moves"][1] == {"value": "c1", "from": "gpu0", "to": "gpu1", "shape": "4x8x8", "bytes": 1024}


def test_a_mistake_is_shown_and_nothing_is_written(net: Path) -> None:
    before = sorted(net.iterdir())
    for command in (["build", "broken.arch"], ["draw", "broken.arch"], ["summary", "broken.arch"]):
        result = run(*command)
        assert result.exit_code == 1
        assert "error[E0302]" in result.stderr
        assert "= -37" in result.stderr
    assert sorted(net.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check"], 2),
        (["check", "small.arch", "--nonsense"], 2),
        (["build", "small.arch", "--set", "classes"], 2),
        (["build", "small.arch", "--set", "colour=3"], 2),
        (["build", "small.arch", "-o", "small.arch"], 2),
        (["draw", "small.arch", "-o", "x.gif"], 2),
        (["explain", "E9999"], 2),
        (["ops", "convv"], 2),
        (["build", "small.arch", "--model", "Smal"], 1),
        (["check", "missing.arch"], 3),
        (["check", "lenet6"], 3),
        (["check", "."], 3),
        (["build", "small.arch", "-o", "no/such/folder/x.py"], 3),
        (["build", "small.arch", "-o", "."], 3),
    ],
)
def test_exit_codes_tell_mistakes_apart(net: Path, arguments: list[str], code: int) -> None:
    before = sorted(net.rglob("*"))
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert sorted(net.rglob("*")) == before


def test_a_misspelt_gallery_name_is_corrected(net: Path) -> None:
    assert "did you mean `lenet5`" in run("check", "lenet6").stderr


def test_binary_and_empty_files_are_refused(net: Path) -> None:
    (net / "binary.arch").write_bytes(b"\x89PNG\x00\xff")
    (net / "empty.arch").write_text("")
    assert run("check", "binary.arch").exit_code == 3
    empty = run("check", "empty.arch")
    assert empty.exit_code == 1
    assert "E0604" in empty.stderr


def test_build_writes_a_module_that_agrees_with_the_net(net: Path) -> None:
    result = run("build", "small.arch", "--verify")
    assert result.exit_code == 0, result.output
    assert "754 parameters agree with the net" in result.stderr
    text = (net / "small.py").read_text()
    assert '__all__ = ["Small"]' in text
    assert run("build", "small.arch").exit_code == 0
    assert (net / "small.py").read_text() == text


def test_build_keeps_a_file_that_it_did_not_write(net: Path) -> None:
    (net / "small.py").write_text("mine = 1\n")
    result = run("build", "small.arch")
    assert result.exit_code == 3
    assert "was not generated by archdsl" in result.stderr
    assert (net / "small.py").read_text() == "mine = 1\n"
    assert run("build", "small.arch", "-o", "small.py").exit_code == 0
    assert "class Small" in (net / "small.py").read_text()


def test_build_sets_parameters(net: Path) -> None:
    result = run("build", "small.arch", "--set", "classes=7", "-o", "-")
    assert "classes: int = 7" in result.stdout
    assert "nn.Linear(64, classes, **factory)" in result.stdout


def test_build_names_a_module_that_python_can_import(net: Path) -> None:
    (net / "2-small net.arch").write_text(NET)
    assert run("build", "2-small net.arch").exit_code == 0
    assert (net / "net_2_small_net.py").exists()


def test_an_interrupted_write_leaves_the_old_file(net: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (net / "old.py").write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    result = run("build", "small.arch", "-o", "old.py")
    assert result.exit_code == 3
    assert "no space left on device" in result.stderr
    assert (net / "old.py").read_text() == "old"
    assert [file.name for file in net.iterdir() if "old" in file.name] == ["old.py"]


def test_outputs_have_ordinary_permissions(net: Path) -> None:
    run("build", "small.arch")
    mask = os.umask(0)
    os.umask(mask)
    assert (net / "small.py").stat().st_mode & 0o777 == 0o666 & ~mask


def test_draw_writes_every_format(net: Path) -> None:
    for name, start in (("a.svg", b"<?xml"), ("a.png", b"\x89PNG"), ("a.dot", b"")):
        assert run("draw", "small.arch", "-o", name).exit_code == 0
        assert (net / name).read_bytes().startswith(start)
    assert b"Conv 5" in (net / "a.svg").read_bytes()
    assert (net / "a.dot").read_text().count("digraph") == 1


def test_draw_without_an_engine_leaves_the_dot_and_says_so(net: Path) -> None:
    result = run("draw", "small.arch", "-o", "a.svg", "--engine", "/no/such/program")
    assert result.exit_code == 3
    assert "wrote a.dot instead" in result.stderr
    assert "digraph" in (net / "a.dot").read_text()
    assert not (net / "a.svg").exists()


def test_summary_prints_a_table_and_data(net: Path) -> None:
    table = run("summary", "small.arch").stdout
    assert re.search(r"c1\s+Conv 5×5, 4\s+4x8x8\s+104\s+6,400\s+1.0 KiB\s+5x5\s+1x1\s+4", table)
    assert re.search(r"Parameters\s+754\n", table)
    data = json.loads(run("summary", "small.arch", "--json").stdout)
    assert data["parameters"] == 754
    assert [step["path"] for step in data["steps"]] == ["c1", "relu", "maxpool", "flatten", "fc"]
    assert data["steps"][0]["output"] == [4, 8, 8]


def test_bounds_can_be_raised(tmp_path: Path) -> None:
    deep = tmp_path / "deep.arch"
    body = "block Deep(n) = fc: linear(4) -> inner: Deep(n - 1) if n > 0\n"
    deep.write_text(f"{body}model A {{\n  input x: 4\n  deep: Deep(300)\n}}\n")
    assert "nested 50 levels deep" in run("check", str(deep)).stderr
    assert run("check", str(deep), "--max-nesting", "301").stdout.endswith(
        "6,020 parameters, 4,816 multiply-accumulates\n"
    )
    many = tmp_path / "many.arch"
    many.write_text("model A {\n  input x: 4\n  fc: linear(len(range(120_000)))\n}\n")
    assert "more than 100,000 items" in run("check", str(many)).stderr
    assert run("check", str(many), "--max-operations", "120000").exit_code == 0
    assert "at most 40 are read" in run("check", str(deep), "--max-operations", "1").stderr


def test_blocks_that_no_model_uses_are_named(tmp_path: Path) -> None:
    blocks = (
        "block Inner(c) = fc: linear(c)\nblock Outer(Part) = part: Part(4)\nblock Alone = alone: Alone -> nonsense\n"
    )
    library, net = tmp_path / "library.arch", tmp_path / "net.arch"
    library.write_text(blocks)
    net.write_text(blocks + "model Net {\n  input x: 8\n  outer: Outer(Inner)\n}\n")
    found = run("check", str(net))
    assert found.exit_code == 0
    assert found.stderr.count("W0304") == 1
    assert ":3:7" in found.stderr
    found = run("check", str(library))
    assert (found.exit_code, found.stderr) == (0, "")
    assert "bodies only where a model uses them" in found.stdout
    assert "E0604" in run("build", str(library)).stderr


def test_explain_and_ops_print_their_page() -> None:
    assert "the window does not fit the input" in run("explain", "e0302").output
    assert "kernel" in run("ops", "conv").output
    assert "scaled_tanh" in run("ops").output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_phrases_for_options_and_sentences_for_commands(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None and command.name == name
    paragraphs = (command.help or "").strip().split("\n\n")
    assert all(paragraph.rstrip().endswith(".") for paragraph in paragraphs)
    for option in (each for each in command.params if isinstance(each, click.Option)):
        assert option.help, option.name
        assert option.help[0].isupper() and not option.help.endswith("."), option.name
    assert run(name, "--help").exit_code == 0


def test_every_command_is_listed_and_has_a_module_of_its_own() -> None:
    listed = re.findall(r"^  (\w+)  +\S", run("--help").output.partition("Commands:")[2], re.M)
    assert listed == list(COMMANDS)
    commands = {file.stem for file in (ROOT / "archdsl" / "cli").glob("*.py") if "@click.command()" in file.read_text()}
    assert commands == set(COMMANDS)
    assert run("nonsense").exit_code == 2


def test_a_command_imports_no_other_command() -> None:
    code = (
        "import sys\nfrom archdsl.cli.main import COMMANDS, cli\n"
        "try: cli(['check', 'lenet5'])\nexcept SystemExit as end: assert not end.code\n"
        "assert {f'archdsl.cli.{name}' for name in COMMANDS} & set(sys.modules) == {'archdsl.cli.check'}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_options_of_a_net_become_one_record() -> None:
    found: list[NetRequest] = []

    @click.command()
    @of_a_net
    @shapes_option
    def one(net: NetRequest) -> None:
        found.append(net)

    @click.command()
    @of_nets
    def several(nets: tuple[NetRequest, ...]) -> None:
        found.extend(nets)

    options = ["--model", "M", "--set", "a=1", "--set", "b=2", "--placement", "p.json", "--max-nesting", "7"]
    limits = Limits(100_000, 7)
    assert CliRunner().invoke(one, ["x", "--input", "3x8x8", *options]).exit_code == 0
    assert CliRunner().invoke(several, ["y", "z", *options]).exit_code == 0
    shared = {"model": "M", "settings": ("a=1", "b=2"), "placement": "p.json"}
    assert found == [
        NetRequest("x", limits, shapes=("3x8x8",), **shared),
        NetRequest("y", limits, **shared),
        NetRequest("z", limits, **shared),
    ]


def test_options_are_gathered_in_a_record() -> None:
    @dataclass(frozen=True)
    class Pair:
        left: int
        right: str

    found: list[object] = []
    both = gathered("pair", Pair, [click.option("--left", type=int), click.option("--right")])

    @click.command()
    @both
    @click.option("--other")
    def command(pair: Pair, other: str) -> None:
        found.append((pair, other))

    assert [option.name for option in command.params] == ["left", "right", "other"]
    assert CliRunner().invoke(command, ["--left", "1", "--right", "r", "--other", "o"]).exit_code == 0
    assert found == [(Pair(1, "r"), "o")]


@pytest.mark.parametrize("command", ["check", "summary", "draw", "explain", "ops"])
def test_commands_do_not_import_torch(command: str, tmp_path: Path) -> None:
    arguments = {"explain": ["E0302"], "ops": ["conv"], "draw": ["lenet5", "-o", "x.svg"]}.get(command, ["lenet5"])
    code = (
        "import sys\nfrom archdsl.cli.main import cli\n"
        f"try: cli({[command, *arguments]!r})\nexcept SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'lark', 'numpy'} | ({'rich', 'jinja2', 'graphviz'} if sys.argv[1] == 'check' else set())\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_closed_pipe_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m archdsl ops | head -n 1", shell=True, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "archdsl", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("archdsl")
