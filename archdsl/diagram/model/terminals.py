"""The ends of a drawing: inputs and outputs of the model, or what stands for the surroundings of a part."""

from dataclasses import replace

from archdsl.base.shape import Shape
from archdsl.diagram.model import wording
from archdsl.diagram.model.ends import Ends, Wire
from archdsl.diagram.model.facts import name
from archdsl.diagram.spec import Box, Form
from archdsl.ir.graph import CheckedGraph, Container, Input, Node, Output, Path, dotted, only_in_training

OUTPUT = "output-stream"


def terminals(ends: Ends, *, links: bool) -> tuple[tuple[Box, ...], tuple[Box, ...]]:
    """Return the boxes before and after what is drawn, and enter them and what leaves for them into `ends`."""
    if ends.root.path:
        return _before(ends), _after(ends)
    graph = ends.graph
    ends.owners |= {given.path: _input_id(given) for given in graph.inputs}
    made = []
    for number, output in enumerate(graph.outputs):
        id = output_id(output, number)
        made.append(_output(graph, output, id))
        ends.leaving.append(Wire(origin := ends.origin(output.path), output.shape, ends.owners[origin], id))
    return tuple(_input(graph, given, links=links) for given in graph.inputs), tuple(made)


def output_id(output: Output, number: int) -> str:
    """Return what the box of an output is called; the stream is the first."""
    return f"output-of-{output.name}" if number else OUTPUT


def _input_id(given: Input) -> str:
    # With a dash, which no label has, it cannot be the path of an operator.
    return f"input-{given.name}"


def _input_title(graph: CheckedGraph, name: str) -> str:
    return f"Input {name}" if len(graph.inputs) > 1 else "Input"


def _input(graph: CheckedGraph, given: Input, *, links: bool) -> Box:
    shape = wording.sizes(given.shape)
    if count := graph.indices(given):
        shape = f"{shape} tokens of {int(count)}"
    facts = " | ".join((f"input {given.name}", shape, wording.place(given.span)))
    link = wording.link(given.span) if links else None
    return Box(_input_id(given), Form.TERMINAL, "io", _input_title(graph, given.name), (shape,), facts, link=link)


def _output(graph: CheckedGraph, output: Output, id: str) -> Box:
    shape = wording.sizes(output.shape)
    facts = " | ".join(("output", shape, f"from {dotted(output.path)}"))
    lines = [classes(graph, output.shape) or shape]
    title = _output_title(output, id)
    if output.when_training:
        lines.append("training only")
    return Box(id, Form.TERMINAL, "io", title, tuple(lines), facts, training=output.when_training)


def _output_title(output: Output, id: str) -> str:
    return f"Output {output.name}" if id != OUTPUT or output.span else "Output"


def classes(graph: CheckedGraph, shape: Shape) -> str:
    """Return how many classes a vector tells apart, empty where it is something else."""
    given = next((each.value for each in graph.parameters if each.name == "classes"), None)
    return f"{shape.dims[0]} class{'' if given == 1 else 'es'}" if shape.dims == (given,) else ""


def _before(ends: Ends) -> tuple[Box, ...]:
    inside = {node.path for node in ends.root.nodes()}
    outside: dict[str, Box] = {}
    shapes = {node.path: node.shape for node in ends.graph.nodes} | {i.path: i.shape for i in ends.graph.inputs}
    devices = {node.path: node.device for node in ends.graph.nodes}
    for node in ends.root.nodes():
        for value in node.sources:
            if value not in inside and value not in ends.owners:
                id, title = _surrounding(ends, value, "before")
                ends.owners[value] = id
                _stand(ends, outside, _stub(id, title, "from", shapes[value]), devices.get(value))
    return tuple(outside.values())


def _after(ends: Ends) -> tuple[Box, ...]:
    inside = {node.path for node in ends.root.nodes()}
    training = only_in_training(ends.graph.graph)
    outside: dict[str, Box] = {}
    for node in ends.graph.nodes:
        if node.path in inside:
            continue
        for value, shape in zip(node.sources, node.inputs, strict=True):
            if value in inside:
                id, title = _surrounding(ends, node.path, "after")
                _stand(ends, outside, _stub(id, title, "to", shape, training=node.path in training), node.device)
                _leave(ends, value, shape, id)
    for number, output in enumerate(ends.graph.outputs):
        if output.path in inside:
            id, title = f"after-output-{output.name}", _output_title(output, output_id(output, number))
            _stand(ends, outside, _stub(id, title, "to", output.shape, training=output.when_training), None)
            _leave(ends, output.path, output.shape, id)
    return tuple(outside.values())


def _stand(ends: Ends, outside: dict[str, Box], stub: Box, device: str | None) -> None:
    """Enter what stands for a part of the surroundings, with all shapes that go there or come from there."""
    if known := outside.get(stub.id):
        sizes = tuple(dict.fromkeys((*known.lines, *stub.lines)))
        stub = replace(stub, lines=sizes, tooltip=_told(stub.title, known.tooltip.partition(" ")[0], sizes))
        stub = replace(stub, training=known.training and stub.training)
    outside[stub.id] = stub
    if device:
        ends.devices[stub.id] = device


def _leave(ends: Ends, value: Path, shape: Shape, stub: str) -> None:
    origin = ends.origin(value)
    wire = Wire(origin, shape, ends.owners[origin], stub)
    if wire not in ends.leaving:
        ends.leaving.append(wire)


def _stub(id: str, title: str, way: str, shape: Shape, *, training: bool = False) -> Box:
    sizes = (wording.sizes(shape),)
    return Box(id, Form.STUB, "io", title, sizes, _told(title, way, sizes), training=training)


def _told(title: str, way: str, sizes: tuple[str, ...]) -> str:
    return f"{way} {title} | {', '.join(sizes)} | not drawn here"


def _surrounding(ends: Ends, path: Path, where: str) -> tuple[str, str]:
    """Return the id and title of what stands for an operator outside: it, or the submodule next to what is drawn."""
    if path[0] == "":
        return f"{where}-input-{path[1]}", _input_title(ends.graph, path[1])
    here: Node | Container = ends.graph.root
    for length in range(1, len(path) + 1):
        assert isinstance(here, Container)
        here = next(child for child in here.children if child.path == path[:length])
        if isinstance(here, Node) or ends.root.path[:length] != here.path:
            break
    title = here.op.drawing(here.input).title if isinstance(here, Node) else name(here.path)
    return f"{where}-{dotted(here.path)}", title
