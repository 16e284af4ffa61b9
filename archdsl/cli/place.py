"""`archdsl place`: which device should compute what."""

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from archdsl.cli.nets import graph_of
from archdsl.cli.options import PLACEMENT, as_data, of_a_net
from archdsl.cli.terminal import NET_HAS_ERRORS, NO_FILE, print_json, say, stop, write_output

if TYPE_CHECKING:
    from archdsl.elaborate.limits import Limits
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
            self.fail(f"{value} is no number of bytes, such as 16GiB or 12GB/s", param, ctx)
        number, unit, binary = found.groups()
        scale: int = (1024 if binary else 1000) ** _UNITS[unit.lower()]
        return float(number) * scale


@click.command()
@of_a_net
@click.option("--devices", type=click.IntRange(1, 1000), help="How many there are; those of the net if left out.")
@click.option("--memory", type=Quantity(), metavar="BYTES", help="What each device has, such as 16GiB.")
@click.option("--link", type=Quantity(), metavar="BYTES/S", default=12e9, help="Between two devices; 12GB/s.")
@click.option("--batch", type=click.IntRange(min=1), default=32, show_default=True, help="Samples of a batch.")
@click.option("--micro", type=click.IntRange(min=1), help="Micro-batches of a batch; as many as devices if left out.")
@click.option(
    "--schedule", type=click.Choice(["inference", "gpipe", "1f1b"]), default="1f1b", show_default=True,
    help="What runs: only forward passes, or a pipeline that trains.",
)  # fmt: skip
@click.option("--profile", type=click.File(), metavar="TIMES.json", help="Measured seconds by the path of a step.")
@click.option("--exact", is_flag=True, help="Prove the optimum, which may be better by a few percent.")
@click.option("-o", "--output", metavar="NET.place.json", help="Where the placement goes, for --placement of others.")
@click.option("--draw", "drawing", metavar="OUT", help="Where a drawing of it goes: .svg, .png, .pdf or .dot.")
@as_data
def place(
    file: str, model: str | None, settings: tuple[str, ...], limits: "Limits",
    output: str | None, drawing: str | None, **options: Any,
) -> None:  # fmt: skip
    """Cut a model into stages, one for each device, so that the slowest is as fast as possible.

    Steps that the model puts on a device stay there. With --placement nothing is left to choose, and the report is of
    that placement.
    """
    if click.get_current_context().meta.get(PLACEMENT) and output:
        raise click.UsageError("--placement is a placement already: leave out -o")
    kind = _kind(drawing) if drawing else ""
    graph = graph_of(file, model, settings, limits)
    as_json = options.pop("as_json")
    devices = options.pop("devices") or len(graph.devices)
    if not devices:
        raise click.UsageError("the net names no devices: say how many there are, with --devices")
    if len(graph.devices) > devices:
        raise click.UsageError(f"the net names {len(graph.devices)} devices, and --devices is {devices}")
    placement = _placed(graph, devices, **options)
    if output:
        from archdsl.place.sidecar import written

        write_output(output, written(graph, placement).encode(), file)
        say(output, f"wrote {output}: {len(placement.stages)} stages")
    if drawing:
        write_output(drawing, _drawn(graph, placement, kind), file)
        say(drawing, f"wrote {drawing}: {graph.name}")
    if as_json:
        print_json(placement.as_data())
    elif output != "-":
        from archdsl.cli.tables import print_placement

        print_placement(graph.name, placement, trains=options["schedule"] != "inference")


def _kind(target: str) -> str:
    """Return the format of a drawing."""
    kind = PurePath(target).suffix.removeprefix(".").lower()
    if kind not in ("svg", "png", "pdf", "dot"):
        raise click.BadParameter(f"{target} ends in none of .svg, .png, .pdf and .dot", param_hint="--draw")
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


def _placed(
    graph: "CheckedGraph", devices: int, *, memory: float | None, link: float, batch: int, micro: int | None,
    schedule: Any, profile: Any, exact: bool,
) -> "Placement":  # fmt: skip
    from archdsl.base.byte_sizes import amount
    from archdsl.place import Impossible, Machine, NotProven
    from archdsl.place import place as placed

    try:
        return placed(
            graph, devices, batch=batch, machine=Machine(link=link), schedule=schedule, micro=micro or devices,
            limit=int(memory) if memory else None, profile=_times(profile, graph) if profile else None, prove=exact,
        )  # fmt: skip
    except Impossible as error:
        assert memory
        message = f"{devices} devices of {amount(int(memory))} do not hold {graph.name}"
        least = f"{amount(error.least)} ({error.least:,} bytes)"
        stop(NET_HAS_ERRORS, message, f"give each at least {least}, or take a smaller --batch, or more --devices")
    except NotProven:
        stop(NET_HAS_ERRORS, "the optimum was not proven within a minute", "leave out --exact, or take fewer --devices")
    except ImportError as error:
        stop(NO_FILE, f"--exact needs OR-tools: {error}", "pip install 'archdsl[place]'")


def _times(file: Any, graph: "CheckedGraph") -> dict[str, float]:
    """Return measured seconds by the paths of steps and submodules."""
    import json

    from archdsl.elaborate.suggestions import suggestion
    from archdsl.ir.graph import dotted

    help = 'a profile is an object of seconds by path: {"layer1.0.conv1": 0.0012}'
    try:
        found = {str(path): float(seconds) for path, seconds in json.load(file).items()}
    except (ValueError, AttributeError, TypeError) as error:
        stop(NO_FILE, f"{file.name} is no profile: {error}", help)
    paths = (node.path[:end] for node in graph.nodes for end in range(1, len(node.path) + 1))
    known = list(dict.fromkeys(map(dotted, paths)))
    for path, seconds in found.items():
        if path not in known:
            stop(NO_FILE, f"{file.name}: {graph.name} has no step or submodule {path}", suggestion(path, known) or help)
        if not 0 <= seconds < float("inf"):
            stop(NO_FILE, f"{file.name}: {path} cannot take {seconds} seconds", help)
    return found
