"""`archdsl place`: the assignment of steps to devices."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, TYPE_CHECKING, Any, Literal

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import NetRequest, OutputFile, as_data, gathered, of_a_net
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, print_json, remember_read, say_written, stop, write_output

if TYPE_CHECKING:
    from archdsl.ir.graph import CheckedGraph
    from archdsl.place import Placement

_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?(?:/s)?", re.IGNORECASE).fullmatch


class Quantity(click.ParamType[float]):
    """Bytes, or bytes per second: `16GiB`, `12GB/s`, `500000000`."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number of bytes."""
        if isinstance(value, int | float):
            return float(value)
        found = _QUANTITY(value.strip())
        if found is None:
            self.fail(f"{value} is not a number of bytes, such as 16GiB or 12GB/s", param, ctx)
        number, unit, binary = found.groups()
        scale: int = (1024 if binary else 1000) ** _UNITS[unit.lower()]
        return float(number) * scale


@dataclass(frozen=True, slots=True)
class Problem:
    """The devices and the workload of a placement; `memory` and `link` are bytes and bytes per second.

    `profile` is a file of measured seconds, `exact` asks for a proof of optimality.
    """

    devices: int | None
    memory: float | None
    link: float
    batch: int
    micro: int | None
    schedule: Literal["inference", "gpipe", "1f1b"]
    profile: IO[str] | None
    exact: bool


_problem = gathered("problem", Problem, [
    click.option(
        "--devices", type=click.IntRange(1, 1000), help="Maximum number of devices; by default, those of the net"
    ),
    click.option("--memory", type=Quantity(), metavar="BYTES", help="Memory of each device, such as 16GiB"),
    click.option(
        "--link", type=Quantity(), metavar="BYTES/S", default=12e9,
        help="Bandwidth between two devices, 12GB/s by default",
    ),
    click.option(
        "--batch", type=click.IntRange(min=1), default=32, show_default=True, help="Number of samples in a batch"
    ),
    click.option(
        "--micro", type=click.IntRange(min=1),
        help="Number of micro-batches in a batch; by default, one for each device",
    ),
    click.option(
        "--schedule", type=click.Choice(["inference", "gpipe", "1f1b"]), default="1f1b", show_default=True,
        help="Forward passes only, or the schedule of a pipeline in training",
    ),
    click.option(
        "--profile", type=click.File(), metavar="TIMES.json", help="JSON file with measured seconds for each path"
    ),
    click.option("--exact", is_flag=True, help="Prove the optimum, which may be a few percent better"),
])  # fmt: skip


@click.command()
@of_a_net
@_problem
@click.option(
    "-o",
    "--output",
    type=OutputFile(),
    metavar="NET.place.json",
    help="File to write the placement to, for --placement",
)
@click.option(
    "--draw", "drawing", type=OutputFile(), metavar="OUT", help="File to write a drawing to: .svg, .png, .pdf or .dot"
)
@as_data
def place(net: NetRequest, problem: Problem, output: str | None, drawing: str | None, *, as_json: bool) -> None:
    """Assign steps to devices so that the bottleneck is minimal.

    The bottleneck is the slowest device or the busiest link. Steps that the model assigns to a device stay there. With
    --placement, the command reports on that placement.
    """
    if net.placement and output:
        raise click.UsageError("--placement already is a placement: leave out -o")
    kind = _kind(drawing) if drawing else ""
    graph = graph_of(net)
    placement = _placed(graph, problem)
    if output:
        from archdsl.place.sidecar import written

        write_output(output, written(graph, placement).encode(), net.file)
        say_written(output, f"{len(placement.stages)} stages")
    if drawing:
        write_output(drawing, _drawn(graph, placement, kind), net.file)
        say_written(drawing, graph.name)
    if as_json:
        print_json(placement.as_data())
    elif output != "-":
        _print(graph.name, placement, trains=problem.schedule != "inference")


def _kind(target: str) -> str:
    """Return the format of a drawing by the suffix of its file."""
    kind = PurePath(target).suffix.removeprefix(".").lower()
    if kind not in ("svg", "png", "pdf", "dot"):
        raise click.BadParameter(f"{target} must end in .svg, .png, .pdf or .dot", param_hint="--draw")
    return kind


def _drawn(graph: "CheckedGraph", placement: "Placement", kind: str) -> bytes:
    from archdsl.diagram import diagram, to_dot
    from archdsl.diagram.render.engines import CannotRender, draw
    from archdsl.passes.assign import placed

    drawing = diagram(placed(graph, placement.devices))
    try:
        return to_dot(drawing).encode() if kind == "dot" else draw(drawing, kind)
    except CannotRender as error:
        stop(NO_FILE, str(error), error.help)


def _devices(graph: "CheckedGraph", count: int | None) -> int:
    """Return the number of devices; raise click.UsageError if it does not fit the devices of the net."""
    devices = count or len(graph.devices)
    if not devices:
        raise click.UsageError("the net declares no devices: give their number with --devices")
    if len(graph.devices) > devices:
        raise click.UsageError(f"the net declares {len(graph.devices)} devices, and --devices is {devices}")
    return devices


def _placed(graph: "CheckedGraph", problem: Problem) -> "Placement":
    """Return the best placement; exit if there is none, or if its optimality cannot be proven."""
    from archdsl.base.byte_sizes import amount
    from archdsl.place import Impossible, Machine, NotProven
    from archdsl.place import place as placed

    devices, memory = _devices(graph, problem.devices), problem.memory
    profile = _times(problem.profile, graph) if problem.profile else None
    try:
        return placed(
            graph, devices, batch=problem.batch, machine=Machine(link=problem.link), schedule=problem.schedule,
            micro=problem.micro or devices, limit=int(memory) if memory else None, profile=profile, prove=problem.exact,
        )  # fmt: skip
    except Impossible as error:
        assert memory
        message = f"{devices} devices of {amount(int(memory))} do not hold {graph.name}"
        least = f"{amount(error.least)} ({error.least:,} bytes)"
        stop(NET_HAS_ERRORS, message, f"give each device at least {least}, use a smaller --batch, or more --devices")
    except NotProven:
        stop(NET_HAS_ERRORS, "the optimum was not proven within a minute", "leave out --exact, or use fewer --devices")
    except ImportError as error:
        stop(NO_FILE, f"--exact needs OR-tools: {error}", "pip install 'archdsl[place]'")


def _times(file: IO[str], graph: "CheckedGraph") -> dict[str, float]:
    """Return the measured seconds in a profile, by paths of steps and submodules; exit if it does not fit the net."""
    import json

    from archdsl.elaborate.suggestions import suggestion
    from archdsl.ir.graph import dotted

    remember_read(file.name)
    help = 'a profile is an object of seconds by path: {"layer1.0.conv1": 0.0012}'
    try:
        found = {str(path): float(seconds) for path, seconds in json.load(file).items()}
    except (ValueError, AttributeError, TypeError) as error:
        stop(NO_FILE, f"{file.name} is not a profile: {error}", help)
    paths = (node.path[:end] for node in graph.nodes for end in range(1, len(node.path) + 1))
    known = list(dict.fromkeys(map(dotted, paths)))
    for path, seconds in found.items():
        if path not in known:
            stop(NO_FILE, f"{file.name}: {graph.name} has no step or submodule {path}", suggestion(path, known) or help)
        if not 0 <= seconds < float("inf"):
            stop(NO_FILE, f"{file.name}: {path} cannot take {seconds} seconds", help)
    return found


def _print(model: str, placement: "Placement", *, trains: bool) -> None:
    """Print the stages of a placement and the expected speed-up, with `trains` also that of a training step."""
    from rich.text import Text

    from archdsl.cli.tables import console, print_table

    headers = ("Device", "Steps", "From", "To", "Parameters", "Memory", "Time", "Sent")
    out = console()
    out.print(Text(model, style="bold"))
    print_table(headers, _stage_rows(placement), right=("Steps", "Parameters", "Memory", "Time", "Sent"))
    out.print(
        f"balance {placement.balance:.0%}   bottleneck {placement.bottleneck * 1e3:,.3f} ms ({placement.slowest})"
        f"   {placement.speed_up:.2f} times as fast as one device"
    )
    if trains:
        step = f"a training step of {placement.micro} micro-batches is {placement.step_speed_up:.2f} times as fast"
        out.print(f"{step}, including pipeline fill and drain")


def _stage_rows(placement: "Placement") -> list[tuple[str, ...]]:
    from archdsl.base.byte_sizes import amount

    rows: list[tuple[str, ...]] = []
    for stage in placement.stages:
        first, last = (stage.steps[0], stage.steps[-1]) if stage.steps else ("", "")
        sent = amount(stage.sent) if stage.sent else ""
        numbers = (f"{stage.params:,}", amount(stage.memory), f"{stage.seconds * 1e3:,.3f} ms", sent)
        rows.append((stage.device, str(len(stage.steps)), first, last, *numbers))
    return rows
