"""The text form of a graph, for tests and for developers."""

from collections.abc import Iterator

from archdsl.base.guards import Guard
from archdsl.base.pyprint import flat
from archdsl.base.substitution import outside
from archdsl.base.symbolic import has_trace, is_traced, parameters_of, trace_of
from archdsl.base.traces import is_rounded
from archdsl.ir.graph import CheckedGraph, ChildNaming, Container, Node, Parameter, Path, dotted
from archdsl.ir.uses import Use
from archdsl.ops.argument_types import is_int, shown
from archdsl.ops.base import Argument, Op

_BRACKETS = {ChildNaming.NAMED: "{ }", ChildNaming.NUMBERED: "[ ]"}


def dump(graph: CheckedGraph) -> str:
    """Return a line for every input, parameter, submodule and operator, with shapes, counts and totals.

    Arguments that depend on parameters are shown as expressions, and default arguments are omitted.
    """
    fixed = frozenset(name for guard in _guards(graph.root, graph.graph.guards) for name in _fixed(guard))
    head = [f"model {graph.name}", *(_parameter(each, fixed) for each in graph.parameters)]
    head += [f"input {given.name}: {given.shape}" for given in graph.inputs]
    rows = [("path", "operator", "shapes", "params", "macs"), *_rows(graph.root, graph.inputs[0].path)]
    rows.append(
        ("total", "", f"{graph.inputs[0].shape} -> {graph.output.shape}", f"{graph.params:_}", f"{graph.macs:_}")
    )
    for output in graph.outputs if graph.outputs[0].name != "output" else graph.outputs[1:]:
        rows.append((f"output {output.name}", "", f"{output.shape} from {dotted(output.path)}", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join([*head, "", *(_line(row, widths) for row in rows)]) + "\n"


def _guards(container: Container, guards: tuple[Guard, ...]) -> Iterator[Guard]:
    """Yield guards, and those of the blocks in a container, in the parameters of the container."""
    yield from guards
    for child in container.children:
        if isinstance(child, Container):
            inner = _guards(child, child.use.guards if child.use else ())
            if child.use is None:
                yield from inner
                continue
            meanings = {given.name: given.value for given in child.use.arguments}
            yield from (each for guard in inner for each in outside(guard, meanings))


def _fixed(guard: Guard) -> frozenset[str]:
    """Return the parameters that a guard fixes, because it says that a number has its value."""
    ((left, right), *more) = guard.pairs
    is_fixing = guard.symbol == "==" and not more and is_traced(left) and left.real == right and not is_traced(right)
    return parameters_of(left) if is_fixing and not is_rounded(trace_of(left)) else frozenset()


def _parameter(parameter: Parameter, fixed: frozenset[str]) -> str:
    decides = parameter.name in fixed or parameter.read_at is not None
    remarks = [("decides the structure", decides), ("unused", not parameter.used)]
    words = [words for words, holds in remarks if holds]
    return f"parameter {parameter.name} = {shown(parameter.value)}" + (f"  # {', '.join(words)}" if words else "")


def _rows(container: Container, before: Path) -> Iterator[tuple[str, ...]]:
    for child in container.children:
        if isinstance(child, Container):
            what = child.use.block + _arguments(child.use) if child.use else _BRACKETS[child.kind]
            shapes = f"shares {dotted(child.weights)}" if child.weights else ""
            yield dotted(child.path), what, shapes, f"{child.params:_}", f"{child.macs:_}"
            yield from _rows(child, before)
            before = child.output
            continue
        shapes = f"{' + '.join(map(str, child.inputs))} -> {child.shape}"
        if child.sources != (before,):
            shapes += f" from {' + '.join(map(dotted, child.sources))}"
        if child.weights:
            shapes += f", shares {dotted(child.weights)}"
        if child.device:
            shapes += f" on {child.device}"
        yield dotted(child.path), _call(child), shapes, f"{child.params:_}", f"{child.macs:_}"
        before = child.path


def _arguments(use: Use) -> str:
    given = [f"{each.name} = {_value(each.value)}" for each in use.arguments]
    given += [f"{name} = @{dotted(path).removeprefix('.')}" for name, path in use.tensors]
    return f"({', '.join(given)})" if given else ""


def _call(node: Node) -> str:
    op = node.op
    arguments = [*op.arguments.values()]
    given = [
        _argument(op, argument, named=number >= op.positional)
        for number, argument in enumerate(arguments)
        if argument.required or getattr(op, argument.name) != argument.default
    ]
    return f"{op.name}({', '.join(given)})" if given else op.name


def _argument(op: Op, argument: Argument, *, named: bool) -> str:
    value = getattr(op, argument.name)
    text = value if isinstance(value, str) and value in argument.kind.words else _value(value)
    return f"{argument.name} = {text}" if named else text


def _value(value: object) -> str:
    if has_trace(value):
        return flat(value)
    if isinstance(value, tuple) and any(map(has_trace, value)):
        return f"({', '.join(map(_value, value))})"
    if isinstance(value, tuple) and not all(map(is_int, value)):
        return shown([[*part] if isinstance(part, tuple) else part for part in value])
    return shown(value)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    left = [text.ljust(width) for text, width in zip(row[:3], widths[:3], strict=True)]
    right = [text.rjust(width) for text, width in zip(row[3:], widths[3:], strict=True)]
    return "  ".join([*left, *right]).rstrip()
