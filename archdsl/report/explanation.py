"""The answer of `archdsl explain` for one step or submodule: arithmetic, receptive field, memory and device."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeAlias

from archdsl.base.byte_sizes import DTYPE_BYTES, amount
from archdsl.ir.graph import Container, CountedGraph, Node, Path, dotted
from archdsl.ir.positions import position_axes
from archdsl.ops.analysis import Sums
from archdsl.ops.dependence import Interval
from archdsl.passes.lowering import Buildable, before_moves
from archdsl.report.memory import memory
from archdsl.report.receptive_fields import ReceptiveField, UnitFields, receptive_fields

Element: TypeAlias = Node | Container


class NoSuchStep(Exception):
    """A path without a step or submodule; `near` are paths with a similar spelling."""

    def __init__(self, path: str, near: tuple[str, ...]) -> None:
        super().__init__(f"there is no step `{path}`")
        self.near = near


@dataclass(frozen=True, slots=True)
class Explanation:
    """The facts about a step or submodule: `sections` are pairs of a title and lines of text.

    `path` is its name in the `state_dict`, `source` the text of the `.arch` file that defines it, on line `line`.
    """

    path: str
    title: str
    source: str
    line: int
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    def as_text(self) -> str:
        """Return the explanation as text."""
        head = f"{self.path}: {self.title}\n  line {self.line}: {self.source}"
        parts = [f"{title}\n" + "\n".join(f"  {line}" for line in lines) for title, lines in self.sections]
        return "\n\n".join([head, *parts]) + "\n"

    def as_data(self) -> dict[str, object]:
        """Return the explanation as plain data for JSON."""
        sections = [{"title": title, "lines": list(lines)} for title, lines in self.sections]
        return {"path": self.path, "title": self.title, "source": self.source, "line": self.line, "sections": sections}


def explanation(graph: Buildable, path: str, *, batch: int = 1, dtype: str = "float32") -> Explanation:
    """Return the explanation of the step or submodule with a path, such as `layer1.0.conv1`.

    Raises:
        NoSuchStep: No step or submodule has this path.
    """
    (found,) = explanations(graph, [path], batch=batch, dtype=dtype)
    return found


def explanations(
    graph: Buildable, paths: list[str] | None = None, *, batch: int = 1, dtype: str = "float32"
) -> tuple[Explanation, ...]:
    """Return the explanations of several steps and submodules, by default of all.

    Raises:
        NoSuchStep: No step or submodule has one of the paths.
    """
    counted = before_moves(graph)
    known = {dotted(element.path): element for element in _elements(counted.root)}
    for path in paths or ():
        if path not in known:
            raise NoSuchStep(path, tuple(get_close_matches(path, known, n=3)))
    writer = _Writer(counted, batch, dtype)
    return tuple(writer.explained(known[path]) for path in (known if paths is None else paths))


def _elements(container: Container) -> list[Element]:
    """Return all steps and submodules, depth first."""
    found: list[Element] = []
    for child in container.children:
        found.append(child)
        found += _elements(child) if isinstance(child, Container) else []
    return found


class _Writer:
    """Writes explanations of the steps and submodules of one net."""

    def __init__(self, graph: CountedGraph, batch: int, dtype: str) -> None:
        self.graph = graph
        self.batch = batch
        self.width = DTYPE_BYTES[dtype]
        self.dtype = dtype
        self.fields = receptive_fields(graph)
        self.unit_fields = UnitFields(graph)
        self.nodes = {node.path: node for node in graph.nodes}
        self.memory = memory(graph, batch=batch, width=self.width)

    def explained(self, element: Element) -> Explanation:
        """Return the explanation of a step or a submodule."""
        nodes = [element] if isinstance(element, Node) else list(element.nodes())
        end = element.path if isinstance(element, Node) else element.output
        sums = element.op.sums(element.input.plain(), element.shape.plain()) if isinstance(element, Node) else Sums()
        sections = (
            ("Shape", self._shape(element, sums)),
            ("Parameters", self._params(element, nodes, sums)),
            ("Operations", self._operations(nodes, sums)),
            ("Receptive field", self._field(end)),
            ("Memory", self._memory(element, nodes)),
            ("Place", self._place(nodes)),
        )
        if isinstance(element, Node):
            title = element.answers.drawing.title
        else:
            title = f"{element.use.block if element.use else 'a submodule'} of {len(nodes)} steps"
        source = " ".join(element.span.text.split())
        source = source if len(source) <= 100 else source[:99] + "…"
        filled = tuple((name, lines) for name, lines in sections if lines)
        return Explanation(dotted(element.path), title, source, element.span.line, filled)

    def _shape(self, element: Element, sums: Sums) -> tuple[str, ...]:
        given = element.inputs if isinstance(element, Node) else (element.input,)
        lines = [f"{' and '.join(map(str, given))} -> {element.shape}", *sums.shape]
        if isinstance(element, Node) and element.sources:
            names = ", ".join(f"the input {s[1]}" if not s[0] else dotted(s) for s in element.sources)
            lines.append(f"reads {names}")
        if sums.why:
            lines.append(sums.why)
        return tuple(lines)

    def _params(self, element: Element, nodes: list[Node], sums: Sums) -> tuple[str, ...]:
        if isinstance(element, Node) and element.weights:
            return (f"none of its own: shares those of {dotted(element.weights)}",)
        count = sum(node.params for node in nodes)
        fixed = sum(0 if node.weights else node.answers.fixed for node in nodes)
        # A single vector needs no sum.
        sum_ = f"{sums.params} = " if count and sums.params not in ("", str(count)) else ""
        lines = [f"{sum_}{count:,}" + (f", {share(count, self.graph.params)} of the net" if count else "")]
        if count:
            lines.append(f"{amount(count * self.width)} as {self.dtype}")
        if fixed:
            lines.append(f"{fixed:,} buffer values that are not trained")
        return tuple(lines)

    def _operations(self, nodes: list[Node], sums: Sums) -> tuple[str, ...]:
        count = sum(node.macs for node in nodes)
        if not count:
            return ("no multiply-accumulates: only those of convolutions and matrix products are counted",)
        sum_ = f"{sums.macs} = " if sums.macs else ""
        total = share(count, self.graph.macs)
        lines = [f"{sum_}{count:,} multiply-accumulates for one sample, {total} of the net", f"{2 * count:,} FLOPs"]
        if self.batch > 1:
            lines.append(f"{self.batch * count:,} multiply-accumulates for a batch of {self.batch}")
        return tuple(lines)

    def _field(self, path: Path) -> tuple[str, ...]:
        field = self.fields.get(path)
        if field is None:
            return ("does not depend on the first input",)
        if field.everything:
            return self._whole(path, field)
        if not field.axes:
            return ()
        apart = f"{field.stride_text} between neighbours, " if field.stride_text else ""
        centre = "x".join(f"{middle:g}" for middle in field.centre)
        return (
            f"{field.size_text} pixels, {apart}the first one centred at {centre}",
            *self._seen(path, field),
        )

    def _whole(self, path: Path, field: ReceptiveField) -> tuple[str, ...]:
        """Return the lines about units that see the whole input, if there were no borders and no causal steps."""
        if path in self.nodes and field.axes:
            given = self.graph.inputs[0]
            whole = tuple((0, size - 1) for size in self._sizes(given.name))
            seen = [self.unit_fields.at(path, unit).get(given.name) for unit in self._units(path)]
            if any(intervals != whole for intervals in seen):
                return ("the field depends on the position of the unit", *self._seen(path, field))
        return ("every unit sees the whole input", *self._seen(path, field))

    def _units(self, path: Path) -> tuple[tuple[int, ...], ...]:
        """Return the first unit of a step and the middle one."""
        middle = tuple(int(self.nodes[path].shape.dims[axis]) // 2 for axis in self.unit_fields.axes(path))
        return tuple(dict.fromkeys((tuple(0 for _ in middle), middle)))

    def _seen(self, path: Path, field: ReceptiveField) -> tuple[str, ...]:
        node = self.nodes.get(path)
        if node is None or not self.unit_fields.axes(path) or not field.axes:
            return ()
        lines = []
        for unit in self._units(path):
            for name, intervals in self.unit_fields.at(path, unit).items():
                at = ", ".join(map(str, unit))
                lines.append(f"the unit at {at} sees {_covered(intervals, self._sizes(name))} of {name}")
        return tuple(lines)

    def _sizes(self, name: str) -> tuple[int, ...]:
        given = next(given for given in self.graph.inputs if given.name == name)
        return tuple(int(given.shape.dims[axis]) for axis in position_axes(self.graph, given))

    def _memory(self, element: Element, nodes: list[Node]) -> tuple[str, ...]:
        of = "for one sample" if self.batch == 1 else f"for a batch of {self.batch}"
        saved = sum(self.memory.saved_by.get(node.path, 0) for node in nodes)
        size = element.shape.plain().volume * self.batch * self.width
        if isinstance(element, Node) and element.op.autograd.is_view:
            first = f"none of its own: the result is a view of the input, {amount(size)}"
        else:
            first = f"{amount(size)} {of}: {element.shape} as {self.dtype}"
        return first, f"{amount(saved)} more saved for the backward pass"

    def _place(self, nodes: list[Node]) -> tuple[str, ...]:
        devices = sorted({node.device for node in nodes if node.device})
        return (f"on {' and '.join(devices)}",) if devices else ()


def share(part: int, whole: int) -> str:
    """Return the ratio of two counts in percent."""
    return f"{part / whole:.1%}" if whole else "0%"


def _covered(intervals: tuple[Interval, ...], sizes: tuple[int, ...]) -> str:
    """Return the part of a map that intervals cover, as text."""
    names = {1: ("positions",), 2: ("rows", "columns"), 3: ("slices", "rows", "columns")}.get(len(intervals), ())
    words = [
        f"{name} {first} to {last} of {size}" for name, (first, last), size in zip(names, intervals, sizes, strict=True)
    ]
    return ", ".join(words) if words else "all"
