"""`archdsl build`: the PyTorch module of a net."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import of_a_net
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, say, stop, write_output

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits
    from archdsl.ir.graph import CheckedGraph, CountedGraph
    from archdsl.passes.lowering import LoweredGraph
    from archdsl.passes.pipeline_stages import PipelineStage
    from archdsl.verify.module import Verified


@click.command()
@of_a_net
@click.option("-o", "--output", metavar="OUT.py", help="Where the module goes; - is standard output.")
@click.option("--verify", is_flag=True, help="Import and run the module, and compare every shape with the net.")
@click.option("--parallel", type=click.Choice(["pipeline", "towers"]), help="Write modules for several processes.")
@click.option(
    "--stages", type=click.IntRange(min=2), help="Cut the net into so many; a stage for each device if left out."
)
@click.option("--train", is_flag=True, help="Write train.py beside the module: a script that trains it.")
@click.option("--fuse-towers", is_flag=True, help="Make one layer of the layers of towers, for one device.")
def build(
    file: str, model: str | None, settings: tuple[str, ...], limits: "Limits", output: str | None, *,
    verify: bool, parallel: str | None, stages: int | None, train: bool, fuse_towers: bool,
) -> None:  # fmt: skip
    """Write the PyTorch module of a model.

    With --parallel pipeline the module has a class for each stage, and a function that gives the stages of a process
    and the schedule that runs them. With --parallel towers it has a class for each lane of a group, which exchanges
    its stream with the processes of the others.
    """
    if stages and parallel != "pipeline":
        raise click.UsageError("--stages needs --parallel pipeline")
    if train and parallel == "towers":
        raise click.UsageError("--train is for whole nets and for pipelines: leave out --parallel towers")
    if fuse_towers and parallel:
        raise click.UsageError("--fuse-towers is for one device: leave out --parallel")
    graph = graph_of(file, model, settings, limits)
    match parallel:
        case "pipeline":
            made = _pipeline(graph, stages)
        case "towers":
            made = _towers(graph)
        case _:
            made = _single(_lowered(graph, fuse_towers=fuse_towers))
    target = output or f"{_module_name(file)}.py"
    if output is None:
        _keep_foreign(Path(target))
    script = _script(made, target) if train else None
    if verify:
        _verify(made)
    write_output(target, made.text.encode(), file)
    say(target, f"wrote {target}: {graph.name}, {graph.params:,} parameters")
    if script:
        write_output(str(script[0]), script[1].encode(), file)
        say(target, f"wrote {script[0]}: `python {script[0]} --help` says how it is started")


def _script(made: "_Made", target: str) -> "tuple[Path, str]":
    from archdsl.cli.training_script import script_beside

    return script_beside(made.graph, made.stages, target)


def _module_name(file: str) -> str:
    from archdsl.syntax.loader import stem

    name = "".join(char if char.isalnum() and char.isascii() else "_" for char in stem(file))
    return name if name.isidentifier() else f"net_{name}"


def _keep_foreign(target: Path) -> None:
    """Refuse to overwrite a file that nobody named and archdsl did not write."""
    try:
        foreign = target.exists() and "made by archdsl" not in target.read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError):
        foreign = True
    if foreign:
        stop(
            NO_FILE, f"{target} exists and was not made by archdsl", f"name the output, with `-o {target}` if it may go"
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
        raise click.UsageError("the net names no devices: say how many stages there are, with --stages")
    try:
        stages = staged(graph, dealt(graph, count) if count else by_devices(graph))
    except TooFewUnits as error:
        stop(NET_HAS_ERRORS, f"{graph.name} cannot be cut into {count} stages: {error}", f"take --stages {error.count}")
    except NotInStages as error:
        stop(
            NET_HAS_ERRORS, f"the devices of {graph.name} are no stages: {error}", "cut it without them, with --stages"
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
            stop(NET_HAS_ERRORS, f"the generated module does not run: {error}", _OUR_MISTAKE)
    if result.findings:
        differences = "\n  ".join(map(str, result.findings))
        stop(NET_HAS_ERRORS, f"the generated module differs from the net:\n  {differences}", _OUR_MISTAKE)
    click.echo(f"verified: {result.shapes} shapes and {result.params:,} parameters agree with the net", err=True)


_OUR_MISTAKE = "this is a mistake of archdsl: please report it with the .arch file; nothing was written"
