"""Gives each tower of a model a process of its own: a graph for each, in which streams are exchanged between them."""

from dataclasses import dataclass, replace

from archdsl.base.source import Span
from archdsl.ir.graph import CheckedGraph, Container, Graph, Node, Output, Path, dotted
from archdsl.ir.order import in_order
from archdsl.ops.merge import Add, Concat
from archdsl.passes.transfers import Exchange, Silent


class NoTowers(Exception):
    """A model cannot be dealt out to a process for each tower; the text says why, `span` where, `help` a way out."""

    def __init__(self, words: str, span: Span, help: str) -> None:
        super().__init__(words)
        self.span = span
        self.help = help


def towers(graph: CheckedGraph) -> tuple[CheckedGraph, ...]:
    """Return a graph for each tower, with the names of weights as in the whole.

    What comes before the towers runs in every process, so it cannot have weights; what comes after the step that brings
    them together runs in the first process, and the others give 0. Where lanes read each other, and where they are
    brought together, every process gets what all have.

    Raises NoTowers where there are none, or where the model does anything else between them.
    """
    roles = _Roles(graph)
    return tuple(roles.graph_of(number) for number in range(roles.count))


@dataclass(slots=True)
class _Roles:
    """What each step is to the towers: before them, in one, where they come together, or after them."""

    graph: CheckedGraph
    count: int
    tower: dict[Path, int | None]
    after: frozenset[Path]
    merge: Node

    def __init__(self, graph: CheckedGraph) -> None:
        self.graph = graph
        nodes = in_order(graph.nodes)
        numbers = {node.tower for node in nodes if node.tower is not None}
        self.count = len(numbers)
        if self.count < 2:
            help = "write `group tower{0..1} { … } -> concat`, or build a pipeline"
            raise NoTowers("no group has two lanes or more", graph.span, help)
        self.tower = {node.path: node.tower for node in nodes}
        merges = [node for node in nodes if node.tower is None and self._lanes(node)]
        if len(merges) != 1:
            help = "bring them together once: `} -> concat`"
            where = merges[1].span if merges else graph.span
            raise NoTowers("the towers come together more than once, or never", where, help)
        self.merge = merges[0]
        self._require_all(self.merge)
        after: set[Path] = {self.merge.path}
        for node in nodes:
            if node.tower is None and not after.isdisjoint(node.sources):
                after.add(node.path)
        self.after = frozenset(after - {self.merge.path})
        for node in nodes:
            self._require(node)
        for output in graph.outputs:
            if output.path not in after:
                span = output.span or graph.span
                raise NoTowers(f"`{output.name}` goes out before the towers come together", span, "leave it out")

    def _lanes(self, node: Node) -> set[int]:
        """Return the towers whose results a step reads."""
        return {found for source in node.sources if (found := self.tower.get(source)) is not None}

    def _require_all(self, node: Node) -> None:
        """Raise NoTowers unless a step takes one stream of each tower in turn, all of one shape."""
        known = isinstance(node.op, Concat | Add)
        if not known or [self.tower.get(source) for source in node.sources] != list(range(self.count)):
            help = "let `exchange`, `concat` or `add` take one stream of each tower, in their order"
            raise NoTowers(f"{dotted(node.path)} takes streams of several towers", node.span, help)
        if len({shape.plain() for shape in node.inputs}) > 1:
            raise NoTowers("the streams of the towers differ in shape", node.span, "give all towers the same sizes")

    def _require(self, node: Node) -> None:
        if node.tower is not None:
            if self._lanes(node) - {node.tower}:
                self._require_all(node)
            if not self.after.isdisjoint(node.sources) or self.merge.path in node.sources:
                raise NoTowers("towers begin again after they came together", node.span, "write one group")
        elif node.path not in self.after and node is not self.merge and node.params:
            help = "let the towers begin with the input, or build a pipeline"
            raise NoTowers(f"{dotted(node.path)} has weights that all towers would share", node.span, help)

    def graph_of(self, number: int) -> CheckedGraph:
        """Return the graph of one tower."""
        keep = {path for path, tower in self.tower.items() if tower in (None, number)}
        keep -= self.after if number else set()
        root = self._part(self.graph.root, keep, number)
        assert root is not None
        outputs = self.graph.outputs
        if number:
            end = Node(("nothing",), Silent(), (self.merge.path,), (self.merge.shape,), self.merge.shape, root.span)
            root = replace(root, children=(*root.children, end), output=end.path, shape=end.shape)
            outputs = (Output("nothing", end.path, end.shape),)
        whole = self.graph.graph
        where = "with what comes after them" if number == 0 else "whose result is 0: gradients flow through it"
        graph = Graph(
            name=f"{whole.name}Tower{number}",
            doc=(f"Tower {number} of {self.count} of {whole.name}, {where}.",),
            source=whole.source,
            span=whole.span,
            parameters=whole.parameters,
            inputs=self.graph.inputs,
            root=root,
            assertions=(),
            outputs=outputs,
        )
        return CheckedGraph(graph, root.params, root.macs)

    def _part(self, container: Container, keep: set[Path], number: int) -> Container | None:
        """Return what of a container is in the process of a tower."""
        children: list[Node | Container] = []
        for child in container.children:
            if isinstance(child, Container):
                part = self._part(child, keep, number)
                children += [part] if part else []
            elif child.path in keep:
                children.append(self._exchanged(replace(child, device=None), number))
        return replace(container, children=tuple(children)) if children or not container.path else None

    def _exchanged(self, node: Node, number: int) -> Node:
        """Return a step that takes only what this process has, and gets the rest from the others."""
        if len(self._lanes(node)) < 2:
            return node
        assert isinstance(node.op, Concat | Add)
        op = Exchange(node.op, self.count)
        return replace(node, op=op, sources=(node.sources[number],), inputs=(node.inputs[number],))
