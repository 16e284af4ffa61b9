"""Reads a generated module back from its text and compares it with its graph."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import prod
from typing import TypeAlias

from archdsl.ir.answers import Answers
from archdsl.ir.graph import Container, Node, Path, dotted, only_in_training
from archdsl.passes.lowering import LoweredGraph
from archdsl.readback.construction import steps_of, with_paths
from archdsl.readback.expected import Steps, expected_steps, sizes_of
from archdsl.readback.flow import Flow
from archdsl.readback.reader import Reader
from archdsl.readback.text import Text, dotted_name, read
from archdsl.readback.values import Module, Named, Place, Sizes, Unread, WrongModule, stated

# A key of the `state_dict`: the path of the layer, the name of the parameter and its sizes.
_Key: TypeAlias = tuple[Path, str, Sizes]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a comparison that found no difference: the steps compared, and what could not be compared."""

    steps: int
    unchecked: tuple[str, ...]


def require_same(source: str, graphs: Sequence[LoweredGraph]) -> Report:
    """Compare a generated module with its graphs.

    Args:
        source: The text of the module.
        graphs: The graphs that have a class in it: a model, or its pipeline stages or towers.

    Returns:
        The number of steps, and the operators and forms of Python that the reader does not know.

    Raises:
        WrongModule: The module differs from a graph, which is a bug in archdsl.
    """
    try:
        text = read(source)
    except SyntaxError as error:
        raise WrongModule("the module", "Python", f"{error.msg} in line {error.lineno}") from None
    unchecked: list[str] = []
    for graph in graphs:
        reader = Reader(text, len(_names(text, "TOWERS")))
        try:
            _compare(reader, graph)
        except Unread as form:
            unchecked.append(str(form))
        unchecked += reader.unchecked
    _compare_tables(text, graphs)
    return Report(sum(len(graph.order) for graph in graphs), tuple(dict.fromkeys(unchecked)))


def _compare(reader: Reader, graph: LoweredGraph) -> None:
    model = reader.construct(graph.name, [], {}, 0)
    if reader.definition(graph.name) is None:
        raise WrongModule("the module", f"a class {graph.name}", "none")
    with_paths(model)
    _compare_parameters(graph, model)
    nodes = {node.path: node for node in graph.nodes}
    leaves = dict(_leaves(model, nodes))
    _compare_modules(graph, model, leaves, nodes, reader)
    _compare_keys(graph, leaves)
    reader.leaves = frozenset(leaves)
    reader.flow = Flow(graph, reader.leaves)
    _compare_forward(reader, model, graph, nothing_is_left_out=True)
    if any(output.when_training for output in graph.outputs):
        reader.training.on = False
        _compare_forward(reader, model, graph, nothing_is_left_out=False)


def _compare_parameters(graph: LoweredGraph, model: Module) -> None:
    """Hold the defaults of the model's parameters against their values in the graph."""
    for parameter in graph.parameters:
        found = model.given.get(parameter.name, parameter.value)
        # `None` is the default of a parameter whose value the constructor computes from others.
        if found is None:
            continue
        if found != parameter.value or isinstance(found, bool) != isinstance(parameter.value, bool):
            where = f"the default of {graph.name}.{parameter.name}"
            raise WrongModule(where, str(parameter.value), str(found))


def _leaves(module: Module, nodes: dict[Path, Node]) -> Iterator[tuple[Path, Module]]:
    """Yield the modules that are steps of the graph, in the order of registration."""
    for child in module.children.values():
        if child.path in nodes:
            yield child.path, child
        else:
            yield from _leaves(child, nodes)


def _compare_modules(
    graph: LoweredGraph, model: Module, leaves: dict[Path, Module], nodes: dict[Path, Node], reader: Reader
) -> None:
    containers = {each.path: each for each in _containers(graph.root)}
    # The layers and the steps that were equal: equal steps share their answers, and equal layers their rule.
    same: set[tuple[int, Answers]] = set()
    for module in _modules(model, nodes):
        # A class whose uses differ in a projection has the identity where there is none.
        if module.path not in containers and module.path not in leaves and module.kind != "nn.Identity":
            raise WrongModule(f"line {module.line}", "no such submodule", f"`{dotted(module.path)}`, {module.kind}")
    for path, module in leaves.items():
        node = nodes[path]
        pair = id(module.layer), node.answers
        if module.layer is None or pair not in same:
            if not _is_same(module, node):
                reader.unchecked.append(f"the operator {node.op.name}")
                continue
            same.add(pair)
        if module.layer and module.layer.parameters and module.device != node.device:
            raise WrongModule(f"{dotted(path)} (line {module.line})", f"device {node.device}", str(module.device))


def _is_same(module: Module, node: Node) -> bool:
    """Return whether a module computes what its step does; False if the reader does not know one of them.

    Raises:
        WrongModule: The module computes something else.
    """
    wanted, found = expected_steps(node), steps_of(module)
    if wanted is None or (found is None and not module.is_known):
        return False
    if found is None or _normal(found) != _normal((*wanted[0], *wanted[1])):
        steps = " -> ".join(map(stated, (*wanted[0], *wanted[1])))
        computed = module.kind if found is None else " -> ".join(map(stated, found))
        raise WrongModule(f"{dotted(node.path)} (line {module.line})", steps, computed)
    return True


def _normal(steps: Steps) -> Steps:
    """Return steps without a flattening just before a reshaping, which has no effect."""
    return tuple(
        step
        for step, after in zip(steps, (*steps[1:], None), strict=True)
        if not (step == ("flatten", 1) and after and after[0] == "reshape")
    )


def _containers(container: Container) -> Iterator[Container]:
    yield container
    for child in container.children:
        if isinstance(child, Container):
            yield from _containers(child)


def _modules(module: Module, nodes: dict[Path, Node]) -> Iterator[Module]:
    """Yield all modules, without the parts of a step of the graph."""
    for child in module.children.values():
        yield child
        if child.path not in nodes:
            yield from _modules(child, nodes)


def _compare_keys(graph: LoweredGraph, leaves: dict[Path, Module]) -> None:
    named: dict[int, Named] = {}
    wanted = list(_keys_of_graph(graph.root, named))
    found: list[tuple[Path, Named]] = []
    params = 0
    counts: dict[int, int] = {}
    for path, module in leaves.items():
        layer = module.layer
        if layer is None:
            if not module.is_known:
                return
            continue
        if id(layer) not in named:
            named[id(layer)] = _in_order((*layer.parameters, *layer.buffers))
            counts[id(layer)] = sum(prod(sizes) for _, sizes in layer.parameters)
        if named[id(layer)]:
            found.append((path, named[id(layer)]))
        params += counts[id(layer)]
    if wanted != found:
        _require_same_keys(_flat(wanted), _flat(found))
    if params != graph.params:
        raise WrongModule("parameters", f"{graph.params:,}", f"{params:,}")


def _require_same_keys(wanted: list[_Key], found: list[_Key]) -> None:
    for one, two in zip(wanted, found, strict=False):
        if one != two:
            raise WrongModule("the state_dict", _key(one), _key(two))
    if len(wanted) != len(found):
        more = (wanted if len(wanted) > len(found) else found)[min(len(wanted), len(found))]
        texts = (_key(more), "the end") if len(wanted) > len(found) else ("the end", _key(more))
        raise WrongModule("the state_dict", *texts)


def _keys_of_graph(container: Container, named: dict[int, Named]) -> Iterator[tuple[Path, Named]]:
    """Yield the path of each layer with its keys; `named` keeps those of equal layers, which share their answers."""
    for child in container.children:
        if child.weights:
            continue
        if isinstance(child, Container):
            yield from _keys_of_graph(child, named)
            continue
        answers = child.answers
        if id(answers) not in named:
            named[id(answers)] = _in_order((*answers.parameter_sizes, *answers.buffer_sizes))
        if named[id(answers)]:
            yield child.path, named[id(answers)]


def _in_order(named: Named) -> Named:
    """Return the keys of a layer in a fixed order. That of its class is no part of the graph."""
    return tuple((name, tuple(map(int, sizes))) for name, sizes in sorted(named))


def _flat(keys: list[tuple[Path, Named]]) -> list[_Key]:
    return [(path, name, sizes) for path, named in keys for name, sizes in named]


def _key(key: _Key) -> str:
    return f"`{dotted(key[0])}.{key[1]}` of sizes {key[2]}"


def _compare_forward(reader: Reader, model: Module, graph: LoweredGraph, *, nothing_is_left_out: bool) -> None:
    flow = reader.flow
    assert flow is not None
    reader.where = Place(graph.name)
    found = reader.applied(model, list(reader.start()))
    values = (found,) if len(graph.outputs) == 1 else found
    if not isinstance(values, tuple) or len(values) != len(graph.outputs):
        raise WrongModule(f"{graph.name}.forward", f"{len(graph.outputs)} outputs", str(values))
    for output, value in zip(graph.outputs, values, strict=True):
        if output.when_training and not nothing_is_left_out:
            if value is not None:
                raise WrongModule(f"the output {output.name}", "None in evaluation", flow.name(value.number))
            continue
        flow.require_output(value, output.path, output.name)
    flow.require_all(frozenset() if nothing_is_left_out else only_in_training(graph.graph))


def _compare_tables(text: Text, graphs: Sequence[LoweredGraph]) -> None:
    names = [graph.name for graph in graphs]
    for table in ("TOWERS", "STAGES"):
        found = _names(text, table)
        if found and found != names:
            raise WrongModule(table, str(names), str(found))
    _compare_shapes(text, graphs)
    wanted = {name: tuple(towers) for graph in graphs for name, towers in graph.fused.items()}
    fused = text.tables.get("FUSED")
    if fused is not None or wanted:
        given = ast.literal_eval(fused) if fused is not None else {}
        if given != wanted:
            raise WrongModule("FUSED", str(wanted), str(given))


def _compare_shapes(text: Text, graphs: Sequence[LoweredGraph]) -> None:
    """Hold the input sizes of all stages, and the output sizes of the last, against those of the graphs."""
    table = text.tables.get("SHAPES")
    if table is None:
        return
    wanted = [tuple(sizes_of(each.shape) for each in graph.inputs) for graph in graphs]
    wanted.append(tuple(sizes_of(output.shape) for output in graphs[-1].outputs))
    found = ast.literal_eval(table)
    for number, (one, two) in enumerate(zip_longest(wanted, found)):
        if one != two:
            raise WrongModule(f"SHAPES[{number}]", str(one), str(two))


def _names(text: Text, table: str) -> list[str]:
    """Return the names in a table of classes."""
    found = text.tables.get(table)
    return [dotted_name(each) for each in found.elts] if isinstance(found, ast.Tuple) else []
