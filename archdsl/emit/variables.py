"""The variables of `forward`: few, and reused as soon as a tensor is no longer needed.

A tensor that a later step reads is named after its step, a tensor in a tower after the tower. The main stream is `x`,
and tensors beside it are `y`, `z`, …
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
    """A tensor that needs a variable.

    Attributes:
        path: The tensor.
        reads: The tensors that it is computed from.
        label: Its name if the next statement does not read it; may be empty.
        tower: The tower that it is in; may be empty.
        is_merged: Whether its only reader is a step with several inputs.
        over: The tensor that it overwrites.
        device: The device of a copy, which is named after the original.
    """

    path: Path
    reads: tuple[Path, ...]
    label: str = ""
    tower: str = ""
    is_merged: bool = False
    over: Path | None = None
    device: str = ""


def named(
    values: Sequence[Value], given: Mapping[Path, str], kept: frozenset[Path], own: Mapping[Path, str]
) -> dict[Path, str]:
    """Return the variable of each tensor.

    Args:
        values: The tensors, in the order of the statements that compute them.
        given: The arguments of `forward`.
        kept: The tensors that `forward` returns.
        own: Tensors with a variable of their own, which is not reused.
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
            waits = last.get(value.path, 0) > number + 1 or value.is_merged
            taken = (holder.keys() - free) | set(own.values())
            label = f"{names[value.reads[0]]}_on_{value.device}" if value.device else value.label if waits else ""
            name = _name(value.tower or label, taken, set(given.values()))
        names[value.path] = name
        holder[name] = value.path
    return names


def own_name(label: str, taken: set[str]) -> str:
    """Return a variable for an output with this label, other than those that are taken."""
    return _name(label, taken, taken) if label not in taken else _name(f"{label}_out", taken, taken)


def _name(label: str, taken: set[str], arguments: set[str]) -> str:
    if label and label not in taken and label not in no_variables() and label.isidentifier() and not iskeyword(label):
        return label
    candidates = chain((_STREAM, *_BESIDE), (f"x{number}" for number in count(1)))
    return next(name for name in candidates if name not in taken and (name == _STREAM or name not in arguments))
