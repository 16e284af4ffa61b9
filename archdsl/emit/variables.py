"""The names of variables in `forward`: few, and reused as soon as a value is not needed any more.

A value that waits for a later step goes by the label of its step, what flows in a lane by the name of the lane, what
else flows on is called `x`, and what runs beside it `y`, `z`, …
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from keyword import iskeyword

from archdsl.ir.graph import Path
from archdsl.target.reserved import no_variables

_STREAM = "x"
_BESIDE = ("y", "z")
_UNREAD = "_"


@dataclass(frozen=True, slots=True)
class Value:
    """A value that a statement computes from others. `label` is what it may be called if it has to wait.

    `is_part` says that a step that takes several streams reads it; `over` is the value that it is written over, and
    `device` the device that a copy is on: it is called after what it is a copy of.
    """

    path: Path
    reads: tuple[Path, ...]
    label: str = ""
    lane: str = ""
    is_part: bool = False
    over: Path | None = None
    device: str = ""


def named(
    values: Sequence[Value], given: Mapping[Path, str], kept: frozenset[Path], own: Mapping[Path, str]
) -> dict[Path, str]:
    """Return a variable for each value. `given` are the arguments of `forward`; what is `kept` goes out at the end.

    A value in `own` has a variable that nothing else is ever kept in.
    """
    last = {read: number for number, value in enumerate(values) for read in value.reads}
    last |= {path: len(values) for path in kept}
    names = dict(given)
    holder: dict[str, Path] = {name: path for path, name in given.items()}
    for number, value in enumerate(values):
        free = {name for name, path in holder.items() if last.get(path, -1) <= number}
        if value.over is not None:
            name = names[value.over]
        elif value.path in own:
            name = own[value.path]
        elif value.path not in last:
            name = _UNREAD
        else:
            waits = last.get(value.path, 0) > number + 1 or value.is_part
            taken = (holder.keys() - free) | set(own.values())
            label = f"{names[value.reads[0]]}_on_{value.device}" if value.device else value.label if waits else ""
            name = _name(value.lane or label, taken, set(given.values()))
        names[value.path] = name
        holder[name] = value.path
    return names


def own_name(label: str, taken: set[str]) -> str:
    """Return a variable for what goes out under a label, other than those that are taken."""
    return _name(label, taken, taken) if label not in taken else _name(f"{label}_out", taken, taken)


def _name(label: str, taken: set[str], arguments: set[str]) -> str:
    if label and label not in taken and label not in no_variables() and label.isidentifier() and not iskeyword(label):
        return label
    candidates = chain((_STREAM, *_BESIDE), (f"x{number}" for number in count(1)))
    return next(name for name in candidates if name not in taken and (name == _STREAM or name not in arguments))
