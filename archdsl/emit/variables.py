"""The variables of `forward`: few, and reused as soon as a tensor is no longer needed.

A tensor that a later step reads is named after its step, a tensor in a tower after the tower. The main stream is `x`,
and tensors beside it are `y`, `z` and then their labels.
"""

from collections.abc import Mapping, Sequence
from keyword import iskeyword

from archdsl.base.records import record
from archdsl.ir.graph import Path
from archdsl.target.reserved import AMBIGUOUS, no_variables

_STREAM = "x"
_BESIDE = ("y", "z")
_UNREAD = "_"


@record(frozen=True, slots=True)
class Value:
    """A tensor that needs a variable.

    Attributes:
        path: The tensor.
        reads: The tensors that it is computed from.
        label: Its name if the next statement does not read it; may be empty.
        tower: The tower that it is in; may be empty.
        is_merged: Whether its only reader has several inputs: a step, or `return` of several outputs.
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
    labels = _labels(values, last)
    spoken = frozenset(value.label for value in values)
    variables = _Variables(frozenset(given.values()), frozenset(own.values()), spoken)
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
        elif value.device and not value.tower:
            name = variables.name(f"{names[value.reads[0]]}_on_{value.device}", value.label)
        else:
            name = variables.name(value.tower or labels[value.path], value.label)
        names[value.path] = name
        variables.hold(name, last.get(value.path, -1))
    return names


def _labels(values: Sequence[Value], last: Mapping[Path, int]) -> dict[Path, str]:
    """Return the label that the variable of each tensor takes, empty if the next statement is its only reader.

    A tensor that `+=` overwrites takes the label of the sum.
    """
    found: dict[Path, str] = {}
    for number, value in reversed([*enumerate(values)]):
        waits = last.get(value.path, 0) > number + 1 or value.is_merged
        found[value.path] = found.get(value.path) or (value.label if waits else "")
        if value.over is not None and found[value.path]:
            found[value.over] = found[value.path]
    return found


def own_name(label: str, taken: set[str]) -> str:
    """Return a variable for an output with this label, other than those that are taken."""
    variables = _Variables(frozenset(taken), frozenset(taken))
    return variables.name(label if label not in taken else f"{label}_out")


class _Variables:
    """The variables that hold a tensor which a later statement reads.

    Args:
        arguments: The arguments of `forward`.
        own: Variables that are never reused.
        labels: The labels of all tensors. A variable with such a name holds no other tensor.
    """

    def __init__(self, arguments: frozenset[str], own: frozenset[str], labels: frozenset[str] = frozenset()) -> None:
        self._arguments = arguments
        self._own = own
        self._labels = labels - {_STREAM}
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

    def name(self, wanted: str, label: str = "") -> str:
        """Return a free variable.

        Args:
            wanted: The preferred name; may be empty.
            label: The label of the tensor, which is better than a number.
        """
        if wanted and (found := self._as_variable(wanted)):
            return found
        if not self._is_taken(_STREAM):
            return _STREAM
        for name in _BESIDE:
            if not self._is_taken(name) and name not in self._arguments and name not in self._labels - {label}:
                return name
        if label and (found := self._as_variable(label)):
            return found
        while self._is_taken(name := f"{_STREAM}{self._lowest}") or name in self._arguments | self._labels:
            self._lowest += 1
        return name

    def _as_variable(self, label: str) -> str:
        """Return the variable that is named after a label, with `_` after a reserved name; empty if it is taken."""
        if not label.isidentifier():
            return ""
        is_open = label not in no_variables() and label not in AMBIGUOUS and not iskeyword(label)
        name = label if is_open else f"{label}_"
        return "" if self._is_taken(name) or (not is_open and name in self._labels | self._arguments) else name

    def _is_taken(self, name: str) -> bool:
        return name in self._ends or name in self._own
