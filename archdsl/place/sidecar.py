"""Placement files: the device of each step, and a fingerprint of the net, stored beside the net."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from archdsl.base.printable import shortened
from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.model import Refusal
from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.passes.assign import placed
from archdsl.place.placement import Placement
from archdsl.syntax.loader import read_text
from archdsl.target.reserved import why_no_label

_FORMAT = "archdsl placement 1"
# Number of steps that a message names.
_LISTED = 5
_MOST_BYTES = 4_000_000


class NoPlacement(Exception):
    """A text is not a placement, or not one of this net. The message says why, `help` what the user can do."""

    def __init__(self, words: str, help: str | None = None) -> None:
        super().__init__(words)
        self.help = help


class Misfit(Refusal, NoPlacement):
    """A placement is not one of this net."""

    def __init__(self, code: Code, span: Span, words: str, help: str, notes: tuple[str, ...] = ()) -> None:
        super().__init__(code, span, words, help, notes)
        self.help = help


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The contents of a placement file: the device of each step, by its dotted path."""

    model: str
    fingerprint: str
    devices: dict[str, str]


def written(graph: CheckedGraph, placement: Placement) -> str:
    """Return the text of a placement file."""
    head = {"format": _FORMAT, "model": graph.name, "fingerprint": fingerprint(graph)}
    return json.dumps(head | placement.as_data(), indent=2) + "\n"


def fingerprint(graph: CheckedGraph) -> str:
    """Return a hash of a net: its steps, their shapes, counts and connections, and its devices."""
    lines = [f"{given.name} {given.shape.plain()}" for given in graph.inputs]
    for node in graph.nodes:
        sources = " ".join(map(dotted, node.sources))
        weights = dotted(node.weights) if node.weights else ""
        counts = f"{node.shape.plain()} {node.params} {node.macs}"
        lines.append(f"{dotted(node.path)} {node.op.name} ({sources}) {counts} {node.device} {weights}")
    lines.append(" ".join(graph.devices))
    return sha256("\n".join(lines).encode()).hexdigest()[:32]


def read_sidecar(file: str) -> Sidecar:
    """Return the contents of a placement file.

    Raises:
        Unreadable: The file cannot be read, is too large, or is not text.
        NoPlacement: The text is not a placement.
    """
    return read(read_text(file, _MOST_BYTES))


def read(text: str) -> Sidecar:
    """Return the contents of a placement. Raises NoPlacement if the text is not one."""
    try:
        data = json.loads(text)
        if data["format"] != _FORMAT:
            raise ValueError(f"its format is {_shown(data['format'])}, not {_FORMAT!r}")
        steps = [*_steps(data["stages"])]
        devices = dict(steps)
        if len(devices) < len(steps):
            counts = Counter(step for step, _ in steps)
            twice = next(step for step, count in counts.items() if count > 1)
            raise ValueError(f"`{twice}` is in two stages")
        return Sidecar(str(data["model"]), str(data["fingerprint"]), devices)
    except KeyError as error:
        raise NoPlacement(f"it has no {error}") from None
    except RecursionError:
        raise NoPlacement("it is nested too deeply") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise NoPlacement(str(error)) from None


def _shown(value: object) -> str:
    """Return a value of the file for a message."""
    return shortened(repr(value), 200) if isinstance(value, str | int) else f"a {type(value).__name__}"


def _steps(stages: Any) -> Iterator[tuple[str, str]]:
    """Yield each step with its device. Raises ValueError if a device has no valid name."""
    for stage in stages:
        device = stage["device"]
        if not isinstance(device, str) or not device.isidentifier() or why_no_label(device):
            raise ValueError(f"{_shown(device)} cannot be the name of a device")
        yield from ((str(step), device) for step in stage["steps"])


def applied(graph: CheckedGraph, sidecar: Sidecar) -> CheckedGraph:
    """Return a net with the placement of a file. Raises Misfit if the file is for another net."""
    if sidecar.model != graph.name:
        words = f"the placement is for {sidecar.model}"
        help = f"choose that model with --model {sidecar.model}, or place {graph.name}"
        raise Misfit(codes.OTHER_PLACEMENT, graph.span, words, help)
    count = max(len({*sidecar.devices.values()}), len(graph.devices))
    help = f"run `archdsl place … --devices {count} -o NET.place.json` again, with the settings of this build"
    _require_steps(graph, sidecar, help)
    for node in graph.nodes:
        found = sidecar.devices[dotted(node.path)]
        if not node.weights and node.device not in (None, found):
            words = f"the placement puts `{dotted(node.path)}` on {found}, and the net puts it on {node.device}"
            raise Misfit(codes.OTHER_DEVICE, node.span, words, f"change one of the two, or {help}")
    if sidecar.fingerprint != fingerprint(graph):
        words = f"{graph.name} has changed since it was placed: its shapes, connections or devices differ"
        raise Misfit(codes.OTHER_PLACEMENT, graph.span, words, help)
    return placed(graph, sidecar.devices)


def _require_steps(graph: CheckedGraph, sidecar: Sidecar, help: str) -> None:
    """Raise Misfit unless a net and a placement have the same steps."""
    spans = {dotted(node.path): node.span for node in graph.nodes}
    new = [path for path in spans if path not in sidecar.devices]
    gone = [path for path in sidecar.devices if path not in spans]
    lines = [f"{_listed(new)} new"] if new else []
    lines += [f"{_listed(gone)} gone"] if gone else []
    if lines:
        words, *notes = lines
        span = spans[new[0]] if new else graph.span
        raise Misfit(codes.OTHER_PLACEMENT, span, f"since the net was placed, {words}", help, tuple(notes))


def _listed(steps: list[str]) -> str:
    """Return the first steps of a list and the number of the others: `` `a`, `b` and 3 other steps are``."""
    names = [f"`{step}`" for step in steps[:_LISTED]]
    rest = len(steps) - len(names)
    names += [f"{rest} other {'steps' if rest > 1 else 'step'}"] if rest else []
    words = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{words} {'are' if len(steps) > 1 else 'is'}"
