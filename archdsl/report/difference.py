"""The differences between two nets: steps, shapes, counts, and keys of the `state_dict`."""

from collections.abc import Sequence
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Input, Node, Output, dotted
from archdsl.ops.base import Op


@dataclass(frozen=True, slots=True)
class Change:
    """A step that was added (`+`), removed (`-`) or changed (`~`), with a description."""

    sign: str
    path: str
    what: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The changed steps and the compatibility of weights between two nets.

    `loads` are the keys of the `state_dict` under which old weights load into the new net. `misfits` are keys with
    another shape, with the old and the new one. `missing` keys exist in the new net only, `unexpected` ones in the old
    net only.
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
        """Whether steps and keys are the same."""
        return not (self.changes or self.misfits or self.missing or self.unexpected)

    @property
    def totals(self) -> tuple[tuple[str, str, str], ...]:
        """Name, old and new value of properties of the whole nets."""
        return (
            ("input", _named_shapes(self.old.inputs), _named_shapes(self.new.inputs)),
            ("output", _named_shapes(self.old.outputs), _named_shapes(self.new.outputs)),
            ("steps", str(len(self.old.nodes)), str(len(self.new.nodes))),
            ("parameters", f"{self.old.params:,}", f"{self.new.params:,}"),
            ("MACs", f"{self.old.macs:,}", f"{self.new.macs:,}"),
        )

    def as_data(self) -> dict[str, object]:
        """Return the differences as plain data for JSON."""
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
    """Return the differences between two nets; steps are matched by their paths."""
    before, after = ({node.path: node for node in graph.nodes} for graph in (old, new))
    changes = [Change("-", dotted(path), _title(node)) for path, node in before.items() if path not in after]
    for path, node in after.items():
        earlier = before.get(path)
        if earlier is None:
            changes.append(Change("+", dotted(path), f"{_title(node)}, gives {node.shape}"))
        elif words := _changed(earlier, node):
            changes.append(Change("~", dotted(path), "; ".join(words)))
    return _with_weights(old, new, tuple(changes))


def _named_shapes(values: Sequence[Input | Output]) -> str:
    return ", ".join(f"{each.name} {each.shape}" for each in values)


def _title(node: Node) -> str:
    return node.answers.drawing.title


def _changed(old: Node, new: Node) -> list[str]:
    """Return a description of each difference between two steps with the same path."""
    words = []
    if type(old.op) is not type(new.op) or _title(old) != _title(new):
        words.append(f"{_title(old)} became {_title(new)}")
    for name in sorted({*old.op.values} & {*new.op.values}) if type(old.op) is type(new.op) else ():
        one, other = old.op.values[name], new.op.values[name]
        if one != other and not words:
            words.append(f"{name} {one} became {other}")
    if old.sources != new.sources:
        words.append(f"reads {_read(new)} instead of {_read(old)}")
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
    """Return the keys of the `state_dict` of the generated module with the shapes of their tensors."""
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
