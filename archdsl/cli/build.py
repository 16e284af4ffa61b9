"""`archdsl build`: the generated PyTorch module of a net, and its training script."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import NetRequest, gathered, of_a_net
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, say, stop, write_output

if TYPE_CHECKING:
    from archdsl.ir.graph import CheckedGraph, CountedGraph
    from archdsl.passes.lowering import LoweredGraph
    from archdsl.passes.pipeline_stages import PipelineStage
    from archdsl.verify.module import Verified


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The options of `archdsl build`: `parallel` is `pipeline`, `towers` or None, `stages` the number of stages."""

    output: str | None
    verify: bool
    parallel: Literal["pipeline", "towers"] | None
    stages: int | None
    train: bool
    fuse_towers: bool

    def check(self) -> None:
        """Raise click.UsageError for options that exclude each other."""
        if self.stages and self.parallel != "pipeline":
            raise click.UsageError("--stages needs --parallel pipeline")
        if self.train and self.parallel == "towers":
            raise click.UsageError("--train supports whole nets and pipelines: leave out --parallel towers")
        if self.fuse_towers and self.parallel:
            raise click.UsageError("--fuse-towers builds for a single device: leave out --parallel")


_build_options = gathered("options", BuildOptions, [
    click.option("-o", "--output", metavar="OUT.py", help="File to write; - for standard output"),
    click.option("--verify", is_flag=True, help="Run the generated module and check every shape, count and key"),
    click.option(
        "--parallel", type=click.Choice(["pipeline", "towers"]), help="Generate modules for several processes"
    ),
    click.option(
        "--stages", type=click.IntRange(min=2), help="Number of pipeline stages; one for each device by default"
    ),
    click.option("--train", is_flag=True, help="Write a training script, train.py, beside the module"),
    click.option(
        "--fuse-towers", is_flag=True, help="Merge the towers' layers into grouped layers for a single device"
    ),
])  # fmt: skip


@click.command()
@of_a_net
@_build_options
def build(net: NetRequest, options: BuildOptions) -> None:
    """Generate the PyTorch module of a model.

    With --parallel pipeline, the module has a class for each stage, and a function that returns the stages of a process
    with their schedule. With --parallel towers, it has a class for each tower of a group, which exchanges tensors with
    the processes of the other towers.
    """
    options.check()
    graph = graph_of(net)
    match options.parallel:
        case "pipeline":
            made = _pipeline(graph, options.stages)
        case "towers":
            made = _towers(graph)
        case None:
            made = _single(_lowered(graph, fuse_towers=options.fuse_towers))
        case _:
            assert_never(options.parallel)
    target = options.output or f"{_module_name(net.file)}.py"
    if options.output is None:
        _keep_foreign(Path(target))
    script = _script(made, target) if options.train else None
    if options.verify:
        _verify(made)
    write_output(target, made.text.encode(), net.file)
    say(target, f"wrote {target}: {graph.name}, {graph.params:,} parameters")
    if script:
        write_output(str(script[0]), script[1].encode(), net.file)
        say(target, f"wrote {script[0]}; run `python {script[0]} --help` for its options")


def _script(made: "_Made", target: str) -> "tuple[Path, str]":
    from archdsl.cli.training_script import script_beside

    return script_beside(made.graph, made.stages, target)


def _module_name(file: str) -> str:
    """Return the default name of a module: that of the file, as a Python identifier."""
    from archdsl.syntax.loader import stem

    name = "".join(char if char.isalnum() and char.isascii() else "_" for char in stem(file))
    return name if name.isidentifier() else f"net_{name}"


def _keep_foreign(target: Path) -> None:
    """Exit if the default output would overwrite a file that archdsl did not write."""
    try:
        foreign = target.exists() and "made by archdsl" not in target.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        foreign = True
    if foreign:
        stop(
            NO_FILE,
            f"{target} exists and was not made by archdsl",
            f"choose another output with `-o`, or overwrite it with `-o {target}`",
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """The text of a module.

    Attributes:
        graph: The graph that it was generated from.
        verified: Runs the module in a file and compares it with the graph.
        stages: The pipeline stages in it, empty for other modules.
    """

    graph: "CountedGraph"
    text: str
    verified: "Callable[[Path], Verified]"
    stages: "tuple[PipelineStage, ...]" = ()


def _lowered(graph: "CheckedGraph", *, fuse_towers: bool) -> "LoweredGraph":
    """Return the graph that a build emits; exit with a message if the towers cannot be fused."""
    from archdsl.passes.alike import CannotFuse
    from archdsl.passes.lowering import lowered

    try:
        return lowered(graph, fuse_towers=fuse_towers)
    except CannotFuse as error:
        stop(NET_HAS_ERRORS, f"the towers of {graph.name} cannot be fused: {error}", error.help)


def _single(graph: "LoweredGraph") -> _Made:
    from archdsl.emit.generate import generate

    def verified(file: Path) -> "Verified":
        from archdsl.verify.module import verify

        return verify(graph, file)

    return _Made(graph, generate(graph), verified)


def _pipeline(graph: "CheckedGraph", count: int | None) -> _Made:
    from archdsl.emit.generate import generate_stages
    from archdsl.passes.pipeline_stages import staged
    from archdsl.place.pipeline import NotInStages, TooFewUnits, by_devices, dealt

    if not (count or len(graph.devices) > 1):
        raise click.UsageError("the net declares no devices: give the number of stages with --stages")
    try:
        stages = staged(graph, dealt(graph, count) if count else by_devices(graph))
    except TooFewUnits as error:
        stop(NET_HAS_ERRORS, f"{graph.name} cannot be cut into {count} stages: {error}", f"use --stages {error.count}")
    except NotInStages as error:
        stop(
            NET_HAS_ERRORS,
            f"the devices of {graph.name} do not form pipeline stages: {error}",
            "give the number of stages with --stages, which ignores the devices",
        )

    def verified(file: Path) -> "Verified":
        from archdsl.verify.parallel import verify_stages

        return verify_stages(graph, stages, file)

    return _Made(graph, generate_stages(graph, stages), verified, stages)


def _towers(graph: "CheckedGraph") -> _Made:
    from archdsl.emit.generate import generate_towers
    from archdsl.passes.towers import NoTowers, towers

    try:
        found = towers(graph)
    except NoTowers as error:
        place = f"{error.span.source.name}:{error.span.line}"
        stop(NET_HAS_ERRORS, f"{place}: {graph.name} has no process for each tower: {error}", error.help)

    def verified(file: Path) -> "Verified":
        from archdsl.verify.parallel import verify_towers

        return verify_towers(graph, found, file)

    return _Made(graph, generate_towers(graph, found), verified)


def _verify(made: _Made) -> None:
    """Run the generated module and compare it with the net; exit if they differ."""
    from tempfile import TemporaryDirectory

    from archdsl.verify.module import VerificationError

    with TemporaryDirectory(prefix="archdsl-") as folder:
        file = Path(folder) / "module.py"
        file.write_text(made.text, encoding="utf-8")
        try:
            result = made.verified(file)
        except ImportError as error:
            stop(NO_FILE, f"--verify needs PyTorch: {error}", "install torch")
        except VerificationError as error:
            stop(NET_HAS_ERRORS, f"the generated module does not run: {error}", _OUR_BUG)
    if result.findings:
        differences = "\n  ".join(map(str, result.findings))
        stop(NET_HAS_ERRORS, f"the generated module differs from the net:\n  {differences}", _OUR_BUG)
    click.echo(f"verified: {result.shapes} shapes and {result.params:,} parameters agree with the net", err=True)


_OUR_BUG = "this is a bug of archdsl: please report it with the .arch file; no file was written"
