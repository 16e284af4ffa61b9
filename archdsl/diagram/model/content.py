"""A summary of a closed submodule in one or two lines: chains of layers with arrows, parallel branches with plus."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.base.shape import Shape
from archdsl.ir.graph import Container, Node, Path
from archdsl.ir.order import in_order
from archdsl.ops.analysis import Drawing
from archdsl.ops.base import Merge

# The number of characters in a small line of a box, and of such lines.
WIDEST = 50
_LINES = 2
_WEIGHTY = ("convolution", "linear")
_OUTSIDE: Path = ()
_BREAKS = re.compile(r"(?<= → )|(?<= \+ )")


@dataclass(frozen=True, slots=True)
class _Gate:
    """A squeeze-and-excitation branch (Hu et al. 2018); `squeezed` is the width of its first layer."""

    squeezed: int


@dataclass(frozen=True, slots=True)
class _Join:
    """Parallel branches and the operator that merges them."""

    branches: "tuple[_Chain, ...]"
    merge: Node


_Step: TypeAlias = Node | _Gate | _Join
_Chain: TypeAlias = tuple[_Step, ...]


def content(container: Container, *, strides: bool = True) -> tuple[str, ...]:
    """Return the lines that summarise a submodule: its weighted layers in order, or only their number.

    An arrow leads from a layer to one that reads its output; a plus separates parallel branches. `strides` adds the
    strides of the layers.
    """
    layers = [node for node in container.nodes() if node.op.family in _WEIGHTY]
    if not layers:
        return ()
    reader = _reader(container)
    chain = reader.chain()
    for texts in _texts(chain, layers, strides=strides) if chain else ():
        for count in range(1, _LINES + 1):
            for text in texts:
                if lines := broken(text, count):
                    return lines
    titles = {_drawing(node, strides=strides).title for node in layers}
    what = f"{len(layers)} {titles.pop()}" if len(titles) == 1 else f"{len(layers)} weighted layers"
    return (what if chain else f"{what} · longest path {reader.longest()}",)


def same_content(one: Container, other: Container) -> bool:
    """Return whether two submodules have the same summary, apart from strides."""
    return content(one, strides=False) == content(other, strides=False)


def _drawing(node: Node, *, strides: bool) -> Drawing:
    words = node.answers.drawing
    return words if strides else words._replace(step="")


def _texts(chain: _Chain, layers: list[Node], *, strides: bool) -> Iterator[tuple[str, str]]:
    """Yield texts for a chain, the most detailed first, each without and with repeats folded."""
    name = _names(layers, strides=strides)
    for detailed in (True, False):
        words = _worded(chain, name, detailed=detailed)
        if words:
            # The last merge determines the number of output channels.
            end = chain[-1]
            total = (
                f" = {int(end.merge.shape.channels)}"
                if isinstance(end, _Join) and _is_sum(end, detailed=detailed)
                else ""
            )
            yield " → ".join(words) + total, " → ".join(_folded(words)) + total


def _names(layers: list[Node], *, strides: bool) -> Callable[[Node], str]:
    """Return a function that names layers without a common name; several convolutions have only their window."""
    drawings = {node.path: _drawing(node, strides=strides) for node in layers}
    several = sum(node.op.family == "convolution" for node in layers) > 1
    same = len(drawings) > 1 and len({words.name for words in drawings.values()}) == 1

    def name(node: Node) -> str:
        words = drawings.get(node.path) or _drawing(node, strides=strides)
        if same and node.path in drawings and words.details:
            return words.details
        if several and words.short is not None:
            return f"{words.short} {words.details}".lstrip()
        return words.title

    return name


def _is_sum(join: _Join, *, detailed: bool) -> bool:
    """Return whether a join is written as a sum of channels instead of branches."""
    return _concatenates(join.merge) and (not detailed or len(join.merge.inputs) > 2)


def _concatenates(merge: Node) -> bool:
    return isinstance(merge.op, Merge) and merge.op.free_axis == 0


def _scales_channels(shape: Shape, merge: Node) -> bool:
    """Return whether an input of a merge has one value for each channel, which broadcasts over the map."""
    return not _concatenates(merge) and int(shape.volume) == int(shape.channels) < int(merge.shape.volume)


def _worded(chain: _Chain, name: Callable[[Node], str], *, detailed: bool) -> list[str]:
    """Return the text of each step of a chain."""
    words = []
    for step in chain:
        if isinstance(step, _Gate):
            words.append(f"SE {step.squeezed}")
        elif isinstance(step, Node):
            words.append(name(step))
        elif _is_sum(step, detailed=detailed):
            words.append(" + ".join(str(int(shape.channels)) for shape in step.merge.inputs))
        else:
            branches = [_worded(branch, name, detailed=detailed) for branch in step.branches]
            words.append(" + ".join(f"({' → '.join(each)})" if len(each) > 1 else each[0] for each in branches))
    return words


def _folded(words: list[str]) -> list[str]:
    """Fold repeated sequences of steps: `3 × (a → b)`."""
    made: list[str] = []
    start = 0
    while start < len(words):
        size, times = max(
            ((size, _times(words, start, size)) for size in range(1, (len(words) - start) // 2 + 1)),
            key=lambda found: (found[0] * (found[1] - 1), -found[0]),
            default=(1, 1),
        )
        part = " → ".join(words[start : start + size])
        made.append(f"{times} × ({part})" if times > 1 else words[start])
        start += size * times if times > 1 else 1
    return made


def _times(words: list[str], start: int, size: int) -> int:
    """Return how often the sequence of `size` words at `start` repeats."""
    times = 1
    while words[start + size * times : start + size * (times + 1)] == words[start : start + size]:
        times += 1
    return times


def broken(text: str, most: int = _LINES) -> tuple[str, ...]:
    """Break a text between steps into at most `most` lines; return nothing if it does not fit."""
    parts = _BREAKS.split(text)
    whole = [""]
    for part in parts:
        # Keep text in brackets on one line if possible.
        if whole[-1].count("(") == whole[-1].count(")"):
            whole.append("")
        whole[-1] += part
    for count in range(1, most + 1):
        for some in (whole, parts):
            for width in range(len(text) // count, WIDEST + 1):
                lines = _filled(some, width)
                if len(lines) <= count and max(map(len, lines)) <= WIDEST:
                    return lines
    return ()


def _filled(parts: list[str], width: int) -> tuple[str, ...]:
    lines = [""]
    for part in parts:
        if lines[-1] and len((lines[-1] + part).rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return tuple(line.rstrip() for line in lines)


def _reader(container: Container) -> "_Reader":
    listed = list(_with_optional(container, optional=False))
    optional = {node.path for node, is_optional in listed if is_optional}
    # Towers that exchange streams read each other, so the source lists operators before those that they read.
    nodes = {node.path: node for node in in_order(node for node, _ in listed)}
    above: dict[Path, Path] = {}
    depths = {_OUTSIDE: 0}
    for node in nodes.values():
        sources = [source if source in nodes else _OUTSIDE for source in node.sources]
        above[node.path] = _dominator(sources, above, depths)
        depths[node.path] = depths[above[node.path]] + 1
    return _Reader(container, nodes, frozenset(optional), above)


def _with_optional(container: Container, *, optional: bool) -> Iterator[tuple[Node, bool]]:
    """Yield the operators, each with whether it is part of a projection shortcut."""
    for child in container.children:
        if isinstance(child, Container):
            yield from _with_optional(child, optional=optional or child.optional)
        else:
            yield child, optional or child.optional


def _dominator(values: list[Path], above: Mapping[Path, Path], depths: Mapping[Path, int]) -> Path:
    """Return the last step on all paths from the input to any of the values (Cooper et al. 2001)."""
    first, *others = values
    for other in others:
        while first != other:
            if depths[first] < depths[other]:
                first, other = other, first
            first = above[first]
    return first


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a submodule backwards from its output.

    `nodes` are in an order of execution; `above` is the immediate dominator of each step.
    """

    container: Container
    nodes: Mapping[Path, Node]
    optional: frozenset[Path]
    above: Mapping[Path, Path]

    def chain(self) -> _Chain | None:
        """Return the steps from the input to the output, or None if branches share steps before they merge."""
        return self._back(self._inside(self.container.output), _OUTSIDE, set())

    def _inside(self, value: Path) -> Path:
        return value if value in self.nodes else _OUTSIDE

    def _back(self, value: Path, stop: Path, seen: set[Path]) -> _Chain | None:
        """Return the steps after `stop` up to `value`; `seen` are the steps on branches that were read before."""
        steps: list[_Step] = []
        while value != stop:
            node = self.nodes[value]
            if value in seen:
                return None
            seen.add(value)
            found = self._step(node, seen)
            if found is None:
                return None
            steps = [*found, *steps]
            value = self.above[value]
        weighty = [step for step in steps if not isinstance(step, Node) or step.op.family in _WEIGHTY]
        return tuple(weighty or steps)

    def _step(self, node: Node, seen: set[Path]) -> _Chain | None:
        if len(node.sources) == 1:
            return (node,) if node.op.family in (*_WEIGHTY, "pooling") else ()
        branches: list[_Chain] = []
        for source, shape in zip(node.sources, node.inputs, strict=True):
            branch = self._back(self._inside(source), self.above[node.path], seen)
            if branch is None:
                return None
            if branch and _scales_channels(shape, node):
                first = branch[0]
                branch = (_Gate(int(first.shape.channels)) if isinstance(first, Node) else first,)
            if branch and not all(isinstance(step, Node) and step.path in self.optional for step in branch):
                branches.append(branch)
        if len(branches) < 2 or any(isinstance(branch[0], _Gate) for branch in branches):
            # A branch without steps is a shortcut.
            return tuple(step for branch in branches for step in branch)
        return (_Join(tuple(branches), node),)

    def longest(self) -> int:
        """Return the number of weighted layers on the longest path."""
        rows: dict[Path, int] = {_OUTSIDE: 0}
        for node in self.nodes.values():
            before = max(rows[self._inside(source)] for source in node.sources)
            rows[node.path] = before + (node.op.family in _WEIGHTY)
        return max(rows.values())
