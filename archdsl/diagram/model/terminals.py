"""The ends of a drawing: inputs and outputs of a model, or stubs for the surroundings of a submodule."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from archdsl.base.shape import Shape
from archdsl.diagram import wording
from archdsl.diagram.model.box_ownership import BoxOwnership, Wire
from archdsl.diagram.model.facts import name
from archdsl.diagram.spec import Box, Form
from archdsl.ir.graph import CheckedGraph, Container, Input, Node, Output, Path, dotted, only_in_training

OUTPUT = "output-stream"


@dataclass(frozen=True, slots=True)
class Terminals:
    """The ends of a drawing.

    Attributes:
        before: The boxes at the beginning.
        after: The boxes at the end.
        ownership: The ownership of the drawing, extended by the values and devices of these boxes.
        leaving: The values that the boxes at the end read.
    """

    before: tuple[Box, ...]
    after: tuple[Box, ...]
    ownership: BoxOwnership
    leaving: tuple[Wire, ...]


@dataclass(frozen=True, slots=True)
class _Contact:
    """A value at the border of a drawn submodule, with the id and title of the stub for its other end.

    `device` is the device at the other end; `training` says whether only training needs the value there.
    """

    value: Path
    shape: Shape
    id: str
    title: str
    device: str | None
    training: bool = False


def terminals(ownership: BoxOwnership, *, links: bool) -> Terminals:
    """Return the boxes before and after a drawing; `links` gives inputs the addresses of their source lines."""
    return _stubs(ownership) if ownership.root.path else _inputs_and_outputs(ownership, links=links)


def _inputs_and_outputs(ownership: BoxOwnership, *, links: bool) -> Terminals:
    graph = ownership.graph
    inputs = {given.path: _input_id(given) for given in graph.inputs}
    ownership = replace(ownership, owners={**ownership.owners, **inputs})
    before = tuple(_input(graph, given, links=links) for given in graph.inputs)
    after = tuple(_output(graph, output, output_id(output, number)) for number, output in enumerate(graph.outputs))
    pairs = zip(graph.outputs, after, strict=True)
    leaving = tuple(_wire(ownership, output.path, output.shape, box.id) for output, box in pairs)
    return Terminals(before, after, ownership, leaving)


def _wire(ownership: BoxOwnership, value: Path, shape: Shape, target: str) -> Wire:
    origin = ownership.origin(value)
    return Wire(origin, shape, ownership.owners[origin], target)


def output_id(output: Output, number: int) -> str:
    """Return the id of an output's box; the first output is the stream."""
    return f"output-of-{output.name}" if number else OUTPUT


def _input_id(given: Input) -> str:
    # The dash keeps it apart from the paths of operators.
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
    """Return the number of classes that a vector has scores for, empty for other outputs."""
    given = next((each.value for each in graph.parameters if each.name == "classes"), None)
    return f"{shape.dims[0]} class{'' if given == 1 else 'es'}" if shape.dims == (given,) else ""


def _stubs(ownership: BoxOwnership) -> Terminals:
    """Return the ends of a drawn submodule: a stub for each submodule or operator outside that it is connected to."""
    entering, leaving = _entering(ownership), _leaving(ownership)
    devices = {contact.id: contact.device for contact in (*entering, *leaving) if contact.device}
    owners = {contact.value: contact.id for contact in entering}
    ownership = replace(ownership, owners={**ownership.owners, **owners}, devices={**ownership.devices, **devices})
    wires = (_wire(ownership, contact.value, contact.shape, contact.id) for contact in leaving)
    return Terminals(_joined(entering, "from"), _joined(leaving, "to"), ownership, tuple(dict.fromkeys(wires)))


def _entering(ownership: BoxOwnership) -> list[_Contact]:
    """Return the values that the submodule reads from outside, each once."""
    graph = ownership.graph
    inside = {node.path for node in ownership.root.nodes()}
    shapes = {node.path: node.shape for node in graph.nodes} | {each.path: each.shape for each in graph.inputs}
    devices = {node.path: node.device for node in graph.nodes}
    values = dict.fromkeys(
        value
        for node in ownership.root.nodes()
        for value in node.sources
        if value not in inside and value not in ownership.owners
    )
    made = []
    for value in values:
        id, title = _surrounding(ownership, value, "before")
        made.append(_Contact(value, shapes[value], id, title, devices.get(value)))
    return made


def _leaving(ownership: BoxOwnership) -> list[_Contact]:
    """Return the values of the submodule that operators outside, or outputs of the model, read."""
    graph = ownership.graph
    inside = {node.path for node in ownership.root.nodes()}
    training = only_in_training(graph.graph)
    made = []
    for node in graph.nodes:
        if node.path in inside:
            continue
        for value, shape in zip(node.sources, node.inputs, strict=True):
            if value in inside:
                id, title = _surrounding(ownership, node.path, "after")
                made.append(_Contact(value, shape, id, title, node.device, node.path in training))
    for number, output in enumerate(graph.outputs):
        if output.path in inside:
            id, title = f"after-output-{output.name}", _output_title(output, output_id(output, number))
            made.append(_Contact(output.path, output.shape, id, title, None, output.when_training))
    return made


def _joined(contacts: Iterable[_Contact], direction: str) -> tuple[Box, ...]:
    """Return a stub for each other end, with the shapes of all values that go there or come from there."""
    ends: dict[str, list[_Contact]] = defaultdict(list)
    for contact in contacts:
        ends[contact.id].append(contact)
    return tuple(_stub(some, direction) for some in ends.values())


def _stub(contacts: list[_Contact], direction: str) -> Box:
    end = contacts[-1]
    sizes = tuple(dict.fromkeys(wording.sizes(contact.shape) for contact in contacts))
    tooltip = f"{direction} {end.title} | {', '.join(sizes)} | not drawn here"
    training = all(contact.training for contact in contacts)
    return Box(end.id, Form.STUB, "io", end.title, sizes, tooltip, training=training)


def _surrounding(ownership: BoxOwnership, path: Path, where: str) -> tuple[str, str]:
    """Return the id and title of the stub for an operator: the operator, or the outermost submodule outside `root`."""
    if path[0] == "":
        return f"{where}-input-{path[1]}", _input_title(ownership.graph, path[1])
    here: Node | Container = ownership.graph.root
    for length in range(1, len(path) + 1):
        assert isinstance(here, Container)
        here = next(child for child in here.children if child.path == path[:length])
        if isinstance(here, Node) or ownership.root.path[:length] != here.path:
            break
    title = here.answers.drawing.title if isinstance(here, Node) else name(here.path)
    return f"{where}-{dotted(here.path)}", title
