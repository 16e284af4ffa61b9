"""The variables of `forward`: few, and reused as soon as a tensor is no longer needed.

A tensor that a later step reads is named after its step, a tensor in a tower after the tower. The main stream is `x`,
and tensors beside it are `y`, `z`, …
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """Return the variable of each tensor. A tensor that several statements compute keeps its variable.

    Args:
        values: The tensors, in the order of the statements that compute them.
        given: The arguments of `forward`.
        kept: The tensors that `forward` returns.
        own: Tensors with a variable of their own, which is not reused.
    """
    last = {read: number for number, value in enumerate(values) for read in value.reads}
    last |= {path: len(values) for path in kept}
    names = dict(given)
    variables = _Variables(frozenset(given.values()), frozenset(own.values()))
    for path, name in given.items():
        variables.hold(name, last.get(path, -1))
    for number, value in enumerate(values):
        variables.release(number)
        if value.over is not None:
            name = names[value.over]
        elif value.path in names:
            name = names[value.path]
        elif value.path in own:
            name = own[value.path]
        elif value.path not in last:
            name = _UNREAD
        else:
            waits = last.get(value.path, 0) > number + 1 or value.is_merged
            label = f"{names[value.reads[0]]}_on_{value.device}" if value.device else value.label if waits else ""
            name = variables.name(value.tower or label)
        names[value.path] = name
        variables.hold(name, last.get(value.path, -1))
    return names


def own_name(label: str, taken: set[str]) -> str:
    """Return a variable for an output with this label, other than those that are taken."""
    variables = _Variables(frozenset(taken), frozenset(taken))
    return variables.name(label if label not in taken else f"{label}_out")


class _Variables:
    """The variables that hold a tensor which a later statement reads.

    Args:
        arguments: The arguments of `forward`.
        own: Variables that are never reused.
    """

    def __init__(self, arguments: frozenset[str], own: frozenset[str]) -> None:
        self._arguments = arguments
        self._own = own
        # The number of the last statement that reads the tensor of a variable.
        self._ends: dict[str, int] = {}
        self._ending: dict[int, list[str]] = {}
        # All of x1, x2, … below this number are taken.
        self._lowest = 1

    def hold(self, name: str, end: int) -> None:
        """Enter a variable whose tensor is last read by statement `end`."""
        self._ends[name] = end
        self._ending.setdefault(end, []).append(name)

    def release(self, number: int) -> None:
        """Free the variables whose tensors no statement after this one reads."""
        for end in (-1, number):
            for name in self._ending.pop(end, ()):
                if self._ends.get(name) == end:
                    self._free(name)

    def _free(self, name: str) -> None:
        del self._ends[name]
        if name[:1] == _STREAM and name[1:].isdecimal():
            self._lowest = min(self._lowest, int(name[1:]))

    def name(self, label: str) -> str:
        """Return a free variable: the label if it can be one."""
        is_free = label and not self._is_taken(label) and label not in no_variables()
        if is_free and label.isidentifier() and not iskeyword(label):
            return label
        for name in (_STREAM, *_BESIDE):
            if not self._is_taken(name) and (name == _STREAM or name not in self._arguments):
                return name
        while self._is_taken(f"{_STREAM}{self._lowest}") or f"{_STREAM}{self._lowest}" in self._arguments:
            self._lowest += 1
        return f"{_STREAM}{self._lowest}"

    def _is_taken(self, name: str) -> bool:
        return name in self._ends or name in self._own
