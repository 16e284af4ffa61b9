"""What changed from one net to another: steps, shapes, counts, and the keys of the `state_dict`."""

from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Node, dotted
from archdsl.ops.base import Op


@dataclass(frozen=True, slots=True)
class Change:
    """A step that is in one net only (`+`, `-`), or that differs (`~`), and how."""

    sign: str
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes of steps, and of keys of the `state_dict`.

    Old weights load under the keys `loads`; under `misfits` they have another shape; `missing` keys are in the new net
    only, and `unexpected` ones in the old net only.
    """

    old: CheckedGraph
    new: CheckedGraph
    changes: tuple[Change, ...]
    loads: tuple[str, ...]
    misfits: tuple[tuple[str, str, str], ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not (self.changes or self.misfits or self.missing or self.unexpected)

    @property
    def totals(self) -> tuple[tuple[str, str, str], ...]:
        """Name, old and new value of what both nets have as a whole."""
        ends = [
            tuple(", ".join(f"{each.name} {each.shape}" for each in part) for part in (graph.inputs, graph.outputs))
            for graph in (self.old, self.new)
        ]
        return (
            ("input", ends[0][0], ends[1][0]),
            ("output", ends[0][1], ends[1][1]),
            ("steps", str(len(self.old.nodes)), str(len(self.new.nodes))),
            ("parameters", f"{self.old.params:,}", f"{self.new.params:,}"),
            ("MACs", f"{self.old.macs:,}", f"{self.new.macs:,}"),
        )

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "old": self.old.name,
            "new": self.new.name,
            "totals": {name: {"old": old, "new": new} for name, old, new in self.totals},
            "steps": [{"sign": change.sign, "path": change.path, "what": change.what} for change in self.changes],
            "weights": {
                "load": list(self.loads),
                "misfit": {key: {"old": old, "new": new} for key, old, new in self.misfits},
                "missing": list(self.missing),
                "unexpected": list(self.unexpected),
            },
        }


def difference(old: CheckedGraph, new: CheckedGraph) -> Difference:
    """Return what changed from one net to another; steps are the same if they have the same path."""
    before, after = ({node.path: node for node in graph.nodes} for graph in (old, new))
    changes = [Change("-", dotted(path), _title(node)) for path, node in before.items() if path not in after]
    for path, node in after.items():
        earlier = before.get(path)
        if earlier is None:
            changes.append(Change("+", dotted(path), f"{_title(node)}, gives {node.shape}"))
        elif words := _changed(earlier, node):
            changes.append(Change("~", dotted(path), "; ".join(words)))
    return _with_weights(old, new, tuple(changes))


def _title(node: Node) -> str:
    return node.op.drawing(node.input).title


def _changed(old: Node, new: Node) -> list[str]:
    words = []
    if type(old.op) is not type(new.op) or _title(old) != _title(new):
        words.append(f"{_title(old)} became {_title(new)}")
    for name in sorted({*old.op.values} & {*new.op.values}) if type(old.op) is type(new.op) else ():
        one, other = old.op.values[name], new.op.values[name]
        if one != other and not words:
            words.append(f"{name} {one} became {other}")
    if old.sources != new.sources:
        words.append(f"reads {_read(new)} in place of {_read(old)}")
    if old.inputs != new.inputs or old.shape != new.shape:
        words.append(f"{_shapes(old)} became {_shapes(new)}")
    if old.params != new.params:
        words.append(f"{old.params:,} parameters became {new.params:,}")
    if old.device != new.device:
        words.append(f"on {old.device or 'no device'} became on {new.device or 'no device'}")
    return words


def _read(node: Node) -> str:
    return ", ".join(f"the input {source[1]}" if not source[0] else dotted(source) for source in node.sources)


def _shapes(node: Node) -> str:
    return f"{' + '.join(map(str, node.inputs))} -> {node.shape}"


def entries(graph: CheckedGraph) -> dict[str, Shape]:
    """Return the keys of the `state_dict` of the generated module, with the sizes of what is stored under them."""
    return {
        f"{dotted(node.path)}.{name}": Shape(dims).plain()
        for node in graph.nodes
        if not node.weights
        for name, dims in _sizes(node.op, node.input.plain())
    }


def _sizes(op: Op, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return name and sizes of each parameter and buffer of an operator."""
    return (*op.parameter_sizes(x), *op.buffer_sizes(x))


def _with_weights(old: CheckedGraph, new: CheckedGraph, changes: tuple[Change, ...]) -> Difference:
    before, after = entries(old), entries(new)
    both = [key for key in after if key in before]
    return Difference(
        old,
        new,
        changes,
        loads=tuple(key for key in both if before[key] == after[key]),
        misfits=tuple((key, str(before[key]), str(after[key])) for key in both if before[key] != after[key]),
        missing=tuple(key for key in after if key not in before),
        unexpected=tuple(key for key in before if key not in after),
    )
