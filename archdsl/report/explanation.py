"""One step or submodule in full: how its numbers come about, what it sees of the input, what it keeps."""

from dataclasses import dataclass
from difflib import get_close_matches

from archdsl.base.byte_sizes import amount
from archdsl.ir.graph import Container, CountedGraph, Node, Path, dotted
from archdsl.ops.analysis import Span, Sums
from archdsl.passes.lowering import Buildable, lowered
from archdsl.report.formats import field_size, field_stride
from archdsl.report.memory import memory
from archdsl.report.receptive_fields import Field, Sights, fields
from archdsl.report.types import TYPES


class NoSuchStep(Exception):
    """A path that no step or submodule has; `near` are those that are spelled like it."""

    def __init__(self, path: str, near: tuple[str, ...]) -> None:
        super().__init__(f"there is no step `{path}`")
        self.near = near


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is to be said about a step: `sections` are titles, each with a few lines of plain text.

    `path` is the step's name in the `state_dict`, `source` what the author wrote for it, on this line.
    """

    path: str
    title: str
    source: str
    line: int
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    def as_text(self) -> str:
        """Return it as text."""
        head = f"{self.path}: {self.title}\n  line {self.line}: {self.source}"
        parts = [f"{title}\n" + "\n".join(f"  {line}" for line in lines) for title, lines in self.sections]
        return "\n\n".join([head, *parts]) + "\n"

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        sections = [{"title": title, "lines": list(lines)} for title, lines in self.sections]
        return {"path": self.path, "title": self.title, "source": self.source, "line": self.line, "sections": sections}


def explanation(graph: Buildable, path: str, *, batch: int = 1, dtype: str = "float32") -> Explanation:
    """Return what is to be said about the step or submodule at a path, as the `state_dict` spells it.

    Raises NoSuchStep where there is none.
    """
    (found,) = explanations(graph, [path], batch=batch, dtype=dtype)
    return found


def explanations(
    graph: Buildable, paths: "list[str] | None" = None, *, batch: int = 1, dtype: str = "float32"
) -> tuple[Explanation, ...]:
    """Return what is to be said about several steps and submodules, or about all.

    Raises NoSuchStep where one of them does not exist.
    """
    counted = lowered(graph).without_moves
    known = {dotted(part.path): part for part in _parts(counted.root)}
    for path in paths or ():
        if path not in known:
            raise NoSuchStep(path, tuple(get_close_matches(path, known, n=3)))
    writer = _Writer(counted, batch, dtype)
    return tuple(writer.explained(known[path]) for path in (known if paths is None else paths))


def _parts(container: Container) -> list[Node | Container]:
    found: list[Node | Container] = []
    for child in container.children:
        found.append(child)
        found += _parts(child) if isinstance(child, Container) else []
    return found


class _Writer:
    """Writes explanations of the parts of one net."""

    def __init__(self, graph: CountedGraph, batch: int, dtype: str) -> None:
        self.graph = graph
        self.batch = batch
        self.width = TYPES[dtype]
        self.dtype = dtype
        self.fields = fields(graph)
        self.sights = Sights(graph)
        self.nodes = {node.path: node for node in graph.nodes}
        self.memory = memory(graph, batch=batch, width=self.width)

    def explained(self, part: Node | Container) -> Explanation:
        """Return what is to be said about a step or a submodule."""
        nodes = [part] if isinstance(part, Node) else list(part.nodes())
        end = part.path if isinstance(part, Node) else part.output
        sums = part.op.sums(part.input.plain(), part.shape.plain()) if isinstance(part, Node) else Sums()
        sections = (
            ("Shape", self._shape(part, sums)),
            ("Parameters", self._params(part, nodes, sums)),
            ("Operations", self._operations(nodes, sums)),
            ("Receptive field", self._field(end)),
            ("Memory", self._memory(part, nodes)),
            ("Place", self._place(nodes)),
        )
        if isinstance(part, Node):
            title = part.op.drawing(part.input).title
        else:
            title = f"{part.use.block if part.use else 'a submodule'} of {len(nodes)} steps"
        source = " ".join(part.span.text.split())
        source = source if len(source) <= 100 else source[:99] + "…"
        kept = tuple((name, lines) for name, lines in sections if lines)
        return Explanation(dotted(part.path), title, source, part.span.line, kept)

    def _shape(self, part: Node | Container, sums: Sums) -> tuple[str, ...]:
        given = part.inputs if isinstance(part, Node) else (part.input,)
        lines = [f"{' and '.join(map(str, given))} -> {part.shape}", *sums.shape]
        if isinstance(part, Node) and part.sources:
            names = ", ".join(f"the input {s[1]}" if not s[0] else dotted(s) for s in part.sources)
            lines.append(f"reads {names}")
        if sums.why:
            lines.append(sums.why)
        return tuple(lines)

    def _params(self, part: Node | Container, nodes: list[Node], sums: Sums) -> tuple[str, ...]:
        if isinstance(part, Node) and part.weights:
            return (f"none of its own: it shares those of {dotted(part.weights)}",)
        count = sum(node.params for node in nodes)
        fixed = sum(0 if node.weights else int(node.op.fixed(node.input.plain())) for node in nodes)
        sum_ = f"{sums.params} = " if sums.params and count else ""
        lines = [f"{sum_}{count:,}" + (f", {share(count, self.graph.params)} of the net" if count else "")]
        if count:
            lines.append(f"{amount(count * self.width)} as {self.dtype}")
        if fixed:
            lines.append(f"{fixed:,} numbers more that are not trained")
        return tuple(lines)

    def _operations(self, nodes: list[Node], sums: Sums) -> tuple[str, ...]:
        count = sum(node.macs for node in nodes)
        if not count:
            return ("no multiply-accumulates: none are counted but those of convolutions and matrix products",)
        sum_ = f"{sums.macs} = " if sums.macs else ""
        total = share(count, self.graph.macs)
        lines = [f"{sum_}{count:,} multiply-accumulates for a sample, {total} of the net", f"{2 * count:,} FLOPs"]
        if self.batch > 1:
            lines.append(f"{self.batch * count:,} multiply-accumulates for a batch of {self.batch}")
        return tuple(lines)

    def _field(self, end: Path) -> tuple[str, ...]:
        field = self.fields.get(end)
        if field is None:
            return ("it sees nothing of the first input",)
        if field.everything:
            return ("every unit sees the whole input", *self._seen(end, field))
        if not field.axes:
            return ()
        centre = "x".join(f"{middle:g}" for middle in field.centre)
        return (
            f"{field_size(field)} pixels, {field_stride(field)} between neighbours, the first one centred at {centre}",
            *self._seen(end, field),
        )

    def _seen(self, end: Path, field: Field) -> tuple[str, ...]:
        node = self.nodes.get(end)
        if node is None or node.shape.rank != len(field.axes) + 1 or field.is_sequence:
            return ()
        middle = tuple(int(size) // 2 for size in node.shape.map)
        lines = []
        for unit in dict.fromkeys((tuple(0 for _ in middle), middle)):
            for name, spans in self.sights.seen(end, unit).items():
                at = ", ".join(map(str, unit))
                lines.append(f"the unit at {at} sees {_spans(spans, self._sizes(name))} of {name}")
        return tuple(lines)

    def _sizes(self, name: str) -> tuple[int, ...]:
        given = next(given for given in self.graph.inputs if given.name == name)
        return tuple(map(int, given.shape.map))

    def _memory(self, part: Node | Container, nodes: list[Node]) -> tuple[str, ...]:
        of = "for a sample" if self.batch == 1 else f"for a batch of {self.batch}"
        kept = sum(self.memory.kept_by.get(node.path, 0) for node in nodes)
        size = part.shape.plain().volume * self.batch * self.width
        if isinstance(part, Node) and part.op.autograd.is_view:
            first = f"none of its own: the result is another view of what comes in, {amount(size)}"
        else:
            first = f"{amount(size)} {of}: {part.shape} as {self.dtype}"
        return first, f"{amount(kept)} more that a training keeps for the gradients"

    def _place(self, nodes: list[Node]) -> tuple[str, ...]:
        devices = sorted({node.device for node in nodes if node.device})
        return (f"on {' and '.join(devices)}",) if devices else ()


def share(part: int, whole: int) -> str:
    """Return a part of a whole in percent."""
    return f"{part / whole:.1%}" if whole else "0%"


def _spans(spans: tuple[Span, ...], sizes: tuple[int, ...]) -> str:
    names = {1: ("positions",), 2: ("rows", "columns"), 3: ("slices", "rows", "columns")}.get(len(spans), ())
    words = [
        f"{name} {first} to {last} of {size}" for name, (first, last), size in zip(names, spans, sizes, strict=True)
    ]
    return ", ".join(words) if words else "all"
