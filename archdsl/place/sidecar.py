"""A placement in a file beside the net: which step is on which device, and the fingerprint of the net."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.passes.placement import placed
from archdsl.place.stages import Placement
from archdsl.target.reserved import why_no_label

_FORMAT = "archdsl placement 1"


class NoPlacement(Exception):
    """A text is no placement, or none of this net; the text says why, and `help` what to do."""

    def __init__(self, words: str, help: str | None = None) -> None:
        super().__init__(words)
        self.help = help


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What a placement says of a model: the device of each step."""

    model: str
    fingerprint: str
    devices: dict[str, str]


def written(graph: CheckedGraph, placement: Placement) -> str:
    """Return the text of a placement of a net."""
    head = {"format": _FORMAT, "model": graph.name, "fingerprint": fingerprint(graph)}
    return json.dumps(head | placement.as_data(), indent=2) + "\n"


def fingerprint(graph: CheckedGraph) -> str:
    """Return what tells a net from others: its steps, their shapes, counts and connections, and chosen devices."""
    lines = [f"{given.name} {given.shape.plain()}" for given in graph.inputs]
    for node in graph.nodes:
        sources = " ".join(map(dotted, node.sources))
        weights = dotted(node.weights) if node.weights else ""
        counts = f"{node.shape.plain()} {node.params} {node.macs}"
        lines.append(f"{dotted(node.path)} {node.op.name} ({sources}) {counts} {node.device} {weights}")
    lines.append(" ".join(graph.devices))
    return sha256("\n".join(lines).encode()).hexdigest()[:32]


def read(text: str) -> Sidecar:
    """Return what a text says; raise NoPlacement where it is none."""
    try:
        data = json.loads(text)
        if data["format"] != _FORMAT:
            raise ValueError(f"its format is {data['format']!r}, not {_FORMAT!r}")
        steps = [*_steps(data["stages"])]
        devices = dict(steps)
        if len(devices) < len(steps):
            twice = next(step for number, (step, _) in enumerate(steps) if step in dict(steps[:number]))
            raise ValueError(f"`{twice}` is in two stages")
        return Sidecar(str(data["model"]), str(data["fingerprint"]), devices)
    except KeyError as error:
        raise NoPlacement(f"it has no {error}") from None
    except (ValueError, TypeError) as error:
        raise NoPlacement(str(error)) from None


def _steps(stages: Any) -> Iterator[tuple[str, str]]:
    for stage in stages:
        device = stage["device"]
        if not isinstance(device, str) or not device.isidentifier() or why_no_label(device):
            raise ValueError(f"{device!r} cannot be the name of a device")
        yield from ((str(step), device) for step in stage["steps"])


def applied(graph: CheckedGraph, sidecar: Sidecar) -> CheckedGraph:
    """Return a net placed as a sidecar says; raise NoPlacement where that was made for another one."""
    help = "place the net anew, with `archdsl place … -o` and the settings that it is built with"
    if sidecar.model != graph.name:
        raise NoPlacement(f"it places {sidecar.model}, not {graph.name}", f"choose it, with --model {sidecar.model}")
    paths = {dotted(node.path) for node in graph.nodes}
    new, lost = paths - sidecar.devices.keys(), sidecar.devices.keys() - paths
    if new or lost:
        words = [f"`{min(new)}` is new"] * bool(new) + [f"`{min(lost)}` is not there any more"] * bool(lost)
        raise NoPlacement(f"{graph.name} has changed since: {', '.join(words)}", help)
    if sidecar.fingerprint != fingerprint(graph):
        raise NoPlacement(f"{graph.name} has changed since: its shapes, connections or chosen devices differ", help)
    for node in graph.nodes:
        found = sidecar.devices[dotted(node.path)]
        if not node.weights and node.device not in (None, found):
            raise NoPlacement(f"it puts `{dotted(node.path)}` on {found}, and the net puts it on {node.device}", help)
    return placed(graph, sidecar.devices)


def placed_as(graph: CheckedGraph, text: str) -> CheckedGraph:
    """Return a net placed as the text of a sidecar says; raise NoPlacement where it says nothing, or of another net."""
    return applied(graph, read(text))
