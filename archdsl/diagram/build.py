"""Checked graph to drawing: what becomes a box, what a chip, and what is written on them."""

from dataclasses import dataclass

from archdsl.diagram import wording
from archdsl.diagram.absorb import Group, absorbed
from archdsl.diagram.fold import folded
from archdsl.diagram.spec import Box, Chip, Cluster, Diagram, Direction, Edge, Form, Member, Style
from archdsl.ir import CheckedGraph, Container, Input, Path, dotted
from archdsl.ops.base import FAMILIES
from archdsl.shape import Shape

# Up to here every operator is shown, so VGG and its like stay whole; beyond, equal neighbours are drawn once.
FOLD_ABOVE = 60
OUTPUT = "output-stream"
_PILLS = ("activation", "normalisation", "other")


def diagram(
    graph: CheckedGraph,
    *,
    legend: bool = True,
    direction: Direction = "TB",
    fold: bool | None = None,
    links: bool = False,
) -> Diagram:
    """Return the drawing of a model. `fold` draws equal neighbours once; None folds large models only."""
    builder = _Builder(graph, absorbed(graph), links=links)
    members, edges = builder.members(), builder.edges()
    if fold or (fold is None and len(builder.groups) > FOLD_ABOVE):
        members, edges = folded(members, edges)
    families = _families(tuple(builder.groups.values())) if legend else ()
    return Diagram(
        name=graph.name,
        members=members,
        edges=edges,
        families=families,
        caption=_caption(graph, edges),
        description=_description(graph),
        doc="\n".join(graph.graph.doc),
        direction=direction,
    )


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns the parts of one graph to members; `groups` has the boxes by the path of their first operator."""

    graph: CheckedGraph
    groups: dict[Path, Group]
    links: bool

    def members(self) -> tuple[Member, ...]:
        inputs = tuple(self._input(given) for given in self.graph.inputs)
        return (*inputs, *self._children(self.graph.root, depth=0), self._output())

    def _children(self, container: Container, *, depth: int) -> tuple[Member, ...]:
        made: list[Member] = []
        for child in container.children:
            if isinstance(child, Container):
                made.append(self._cluster(child, depth=depth))
            elif child.path in self.groups:
                made.append(self._operator(self.groups[child.path]))
        return tuple(made)

    def _cluster(self, container: Container, *, depth: int) -> Cluster:
        facts = (dotted(container.path), *_counts(container.params, container.macs), wording.place(container.span))
        return Cluster(
            id=dotted(container.path),
            style=Style.BLOCK if depth else Style.STAGE,
            title=_title(container.path),
            detail="" if depth else wording.params(container.params),
            tooltip=" | ".join(facts),
            members=self._children(container, depth=depth + 1),
            link=wording.link(container.span) if self.links else None,
        )

    def _operator(self, group: Group) -> Box:
        node = group.node
        pill = node.op.family in _PILLS and not group.params
        return Box(
            id=dotted(node.path),
            form=Form.PILL if pill else Form.OPERATOR,
            family=node.op.family,
            title=node.op.title(node.input),
            detail=wording.params(group.params),
            incoming=wording.sizes(node.input),
            outgoing=wording.sizes(group.shape),
            tooltip=_facts(group),
            chips=tuple(Chip(rider.op.title(rider.input), rider.op.family) for rider in group.riders),
            link=wording.link(node.span) if self.links else None,
        )

    def _input(self, given: Input) -> Box:
        shape = wording.sizes(given.shape)
        facts = (f"input {given.name}", shape, wording.place(given.span))
        link = wording.link(given.span) if self.links else None
        return Box(_input_id(given), Form.TERMINAL, "io", "Input", shape, shape, shape, " | ".join(facts), link=link)

    def _output(self) -> Box:
        shape = wording.sizes(self.graph.output.shape)
        detail = self._classes() or shape
        facts = " | ".join(("output", shape, f"from {dotted(self.graph.output.path)}"))
        return Box(OUTPUT, Form.TERMINAL, "io", "Output", detail, shape, shape, facts)

    def _classes(self) -> str:
        dims = self.graph.output.shape.dims
        given = next((each.value for each in self.graph.graph.parameters if each.name == "classes"), None)
        return f"{dims[0]} class{'' if given == 1 else 'es'}" if dims == (given,) else ""

    def edges(self) -> tuple[Edge, ...]:
        """Return the tensors between boxes; a shape is written where it is new and on neither end."""
        owners = {node.path: dotted(path) for path, group in self.groups.items() for node in group.nodes}
        owners |= {given.path: _input_id(given) for given in self.graph.inputs}
        labels = {group.nodes[-1].path: wording.sizes(group.shape) for group in self.groups.values() if group.reshapes}
        made = [
            _edge(owners[source], dotted(path), shape, labels.get(source, ""))
            for path, group in self.groups.items()
            for source, shape in zip(group.node.sources, group.node.inputs, strict=True)
        ]
        last = self.graph.output
        label = labels.get(last.path, "") if self._classes() else ""
        return (*made, _edge(owners[last.path], OUTPUT, last.shape, label))


def _edge(source: str, target: str, shape: Shape, label: str) -> Edge:
    return Edge(source, target, label, f"{wording.sizes(shape)} from {source} to {target}")


def _input_id(given: Input) -> str:
    # With a dash, which no label has, it cannot be the path of an operator.
    return f"input-{given.name}"


def _title(path: Path) -> str:
    """Return the name of a container; a number alone says nothing, so the name before it stands there too."""
    start = next((i for i in range(len(path) - 1, 0, -1) if not path[i].isdigit()), 0)
    return dotted(path[start:])


def _facts(group: Group) -> str:
    calls = [f"{dotted(node.path)}: {wording.called(node.op)}" for node in group.nodes]
    shapes = f"{wording.sizes(group.node.input)} → {wording.sizes(group.shape)}"
    counts = _counts(group.params, sum(node.macs for node in group.nodes))
    return " | ".join((*calls, shapes, *counts, wording.place(group.node.span)))


def _counts(params: int, macs: int) -> tuple[str, str]:
    return wording.exact(params, "parameter"), wording.exact(macs, "MAC")


def _families(groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Return the families to explain, in their usual order; a white box has nothing to explain."""
    present = {node.op.family for group in groups for node in group.nodes}
    return tuple(family for family in FAMILIES if family in present and family != "other")


def _caption(graph: CheckedGraph, edges: tuple[Edge, ...]) -> str:
    axes = wording.axes(edge.label for edge in edges)
    words = [
        wording.cut(graph.name, 40),
        f"{wording.short(graph.params)} parameters",
        f"{wording.short(graph.macs)} MACs",
    ]
    return " · ".join([*words, f"edge labels: {axes}"] if axes else words)


def _description(graph: CheckedGraph) -> str:
    shapes = f"{wording.sizes(graph.inputs[0].shape)} to {wording.sizes(graph.output.shape)}"
    operators = wording.exact(len(graph.nodes), "operator")
    counts = " and ".join(_counts(graph.params, graph.macs))
    return f"Architecture of {graph.name}: {operators} in sequence from {shapes}, with {counts} per sample."
