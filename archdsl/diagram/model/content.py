"""What a closed submodule consists of, in a line or two: layers one after the other, and what runs side by side."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.base.shape import Shape
from archdsl.ir.graph import Container, Node, Path
from archdsl.ops.base import Merge

# So many characters of small type stand in a line of a box, and so many lines in it.
WIDEST = 50
_LINES = 2
_WEIGHTY = ("convolution", "linear")
_OUTSIDE: Path = ()
_BREAKS = re.compile(r"(?<= → )|(?<= \+ )")
_STRIDE = re.compile(r", /[\d×]+")


@dataclass(frozen=True, slots=True)
class _Gate:
    """Layers that weigh every map by what all maps are like on average: squeeze-and-excitation."""

    squeezed: int


@dataclass(frozen=True, slots=True)
class _Join:
    """Paths side by side, and what makes one stream of them."""

    arms: "tuple[_Chain, ...]"
    merge: Node


_Step: TypeAlias = Node | _Gate | _Join
_Chain: TypeAlias = tuple[_Step, ...]


def content(container: Container) -> tuple[str, ...]:
    """Return what a submodule consists of: its layers of weights along the stream, or how many there are.

    An arrow stands only where a layer reads what the one before makes, a plus where paths run side by side.
    """
    layers = [node for node in container.nodes() if node.op.family in _WEIGHTY]
    if not layers:
        return ()
    reader = _Reader(container)
    chain = reader.chain()
    for ways in _ways(chain, layers) if chain else ():
        for count in range(1, _LINES + 1):
            for said in ways:
                if lines := broken(said, count):
                    return lines
    titles = {node.op.drawing(node.input).title for node in layers}
    what = f"{len(layers)} {titles.pop()}" if len(titles) == 1 else f"{len(layers)} layers of weights"
    return (what if chain else f"{what} · at most {reader.longest()} in a row",)


def alike(one: Container, other: Container) -> bool:
    """Whether the same is said of two submodules, strides aside."""
    first, second = (_STRIDE.sub("", " ".join(content(each))) for each in (one, other))
    return first == second


def _ways(chain: _Chain, layers: list[Node]) -> Iterator[tuple[str, str]]:
    """Yield what may be said of a chain, the most telling first, each without and with repeats said once."""
    name = _names(layers)
    for detailed in (True, False):
        words = _worded(chain, name, detailed=detailed)
        if words:
            # What merges last tells what comes out.
            end = chain[-1]
            total = (
                f" = {int(end.merge.shape.channels)}"
                if isinstance(end, _Join) and _is_sum(end, detailed=detailed)
                else ""
            )
            yield " → ".join(words) + total, " → ".join(_folded(words)) + total


def _names(layers: list[Node]) -> Callable[[Node], str]:
    """Return how layers are called: without a word that all of them begin with, and of convolutions only the window."""
    titles = {node.path: node.op.drawing(node.input).title for node in layers}
    several = sum(node.op.family == "convolution" for node in layers) > 1
    same = len(titles) > 1 and len({title.partition(" ")[0] for title in titles.values()}) == 1

    def name(node: Node) -> str:
        title = titles.get(node.path) or node.op.drawing(node.input).title
        if same and node.path in titles:
            return title.partition(" ")[2]
        if several and node.op.family == "convolution":
            return title.removeprefix("Conv ").replace("DWConv", "DW")
        return title

    return name


def _is_sum(join: _Join, *, detailed: bool) -> bool:
    """Whether of paths that share out the channels only these are told."""
    return _shares(join.merge) and (not detailed or len(join.merge.inputs) > 2)


def _shares(merge: Node) -> bool:
    return isinstance(merge.op, Merge) and merge.op.free_axis == 0


def _is_gate(shape: Shape, merge: Node) -> bool:
    """Whether one number for each map is spread over the whole map."""
    return not _shares(merge) and int(shape.volume) == int(shape.channels) < int(merge.shape.volume)


def _worded(chain: _Chain, name: Callable[[Node], str], *, detailed: bool) -> list[str]:
    """Return the words for each step of a chain."""
    words = []
    for step in chain:
        if isinstance(step, _Gate):
            words.append(f"SE {step.squeezed}")
        elif isinstance(step, Node):
            words.append(name(step))
        elif _is_sum(step, detailed=detailed):
            words.append(" + ".join(str(int(shape.channels)) for shape in step.merge.inputs))
        else:
            arms = [_worded(arm, name, detailed=detailed) for arm in step.arms]
            words.append(" + ".join(f"({' → '.join(arm)})" if len(arm) > 1 else arm[0] for arm in arms))
    return words


def _folded(words: list[str]) -> list[str]:
    """Return words with those that repeat said once: `3 × (a → b)`."""
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
    """Return how often so many words stand one after the other."""
    times = 1
    while words[start + size * times : start + size * (times + 1)] == words[start : start + size]:
        times += 1
    return times


def broken(text: str, most: int = _LINES) -> tuple[str, ...]:
    """Return a text in so many lines of a box, parted where a step ends; nothing where they do not hold it."""
    parts = _BREAKS.split(text)
    whole = [""]
    for part in parts:
        # What stands in brackets stays together if it can.
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


@dataclass(slots=True)
class _Reader:
    """Reads a submodule from its end: `above` are the steps that all ways to a step lead through."""

    container: Container
    nodes: dict[Path, Node] = field(default_factory=dict)
    optional: set[Path] = field(default_factory=set)
    above: dict[Path, Path] = field(default_factory=dict)
    depths: dict[Path, int] = field(default_factory=lambda: {_OUTSIDE: 0})
    seen: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._enter(self.container, optional=False)
        for node in self.nodes.values():
            self.above[node.path] = self._common([self._inside(source) for source in node.sources])
            self.depths[node.path] = self.depths[self.above[node.path]] + 1

    def _enter(self, container: Container, *, optional: bool) -> None:
        for child in container.children:
            if isinstance(child, Container):
                self._enter(child, optional=optional or child.optional)
                continue
            self.nodes[child.path] = child
            if optional or child.optional:
                self.optional.add(child.path)

    def _inside(self, value: Path) -> Path:
        return value if value in self.nodes else _OUTSIDE

    def _common(self, values: list[Path]) -> Path:
        """Return the last step that all ways to some values lead through."""
        first, *others = values
        for other in others:
            while first != other:
                if self.depths[first] < self.depths[other]:
                    first, other = other, first
                first = self.above[first]
        return first

    def chain(self) -> _Chain | None:
        """Return the steps from the input to the output; None where paths share steps before they meet."""
        return self._back(self._inside(self.container.output), _OUTSIDE)

    def _back(self, value: Path, stop: Path) -> _Chain | None:
        steps: list[_Step] = []
        while value != stop:
            node = self.nodes[value]
            if value in self.seen:
                return None
            self.seen.add(value)
            found = self._step(node)
            if found is None:
                return None
            steps = [*found, *steps]
            value = self.above[value]
        weighty = [step for step in steps if not isinstance(step, Node) or step.op.family in _WEIGHTY]
        return tuple(weighty or steps)

    def _step(self, node: Node) -> _Chain | None:
        if len(node.sources) == 1:
            return (node,) if node.op.family in (*_WEIGHTY, "pooling") else ()
        arms: list[_Chain] = []
        for source, shape in zip(node.sources, node.inputs, strict=True):
            arm = self._back(self._inside(source), self.above[node.path])
            if arm is None:
                return None
            if arm and _is_gate(shape, node):
                arm = (_Gate(int(arm[0].shape.channels)) if isinstance(arm[0], Node) else arm[0],)
            if arm and not all(isinstance(step, Node) and step.path in self.optional for step in arm):
                arms.append(arm)
        if len(arms) < 2 or any(isinstance(arm[0], _Gate) for arm in arms):
            # What goes past is a shortcut.
            return tuple(step for arm in arms for step in arm)
        return (_Join(tuple(arms), node),)

    def longest(self) -> int:
        """Return how many layers of weights stand in the longest row."""
        rows: dict[Path, int] = {_OUTSIDE: 0}
        for node in self.nodes.values():
            before = max(rows[self._inside(source)] for source in node.sources)
            rows[node.path] = before + (node.op.family in _WEIGHTY)
        return max(rows.values())
