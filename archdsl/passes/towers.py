"""Tower processes: makes a graph for each tower of a model, so that each tower runs in its own process."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Refusal
from archdsl.ir.graph import CheckedGraph, Container, Graph, Node, Output, Path, dotted
from archdsl.ir.order import in_order
from archdsl.ir.tree import outside, uses_of
from archdsl.ops.merge import Add, Concat
from archdsl.passes.alike import under
from archdsl.passes.lowering import LoweredGraph, lowered_part
from archdsl.passes.transfers import Exchange, Silent


class NoTowers(Refusal):
    """A model cannot run one process for each tower."""

    def __init__(self, words: str, span: Span, help: str) -> None:
        super().__init__(codes.NO_TOWER_PROCESSES, span, words, help)


def towers(graph: CheckedGraph) -> tuple[LoweredGraph, ...]:
    """Return a graph for each tower. Weights keep their names.

    Steps before the towers run in every process, so they cannot have weights. Steps after the merge of the towers run
    in the first process; the other processes return zeros. Where a tower reads the streams of others, and at the merge,
    every process gathers the streams of all.

    Raises NoTowers if there are fewer than two towers, if they exchange or merge streams in another way, or if only
    some of them use what they exchange: the backward pass of an exchange needs all processes.
    """
    roles = _Roles(graph)
    return tuple(roles.graph_of(number) for number in range(roles.count))


def _towers(container: Container, number: int | None) -> Iterator[tuple[Path, int | None]]:
    """Yield each step with the number of its tower, None outside towers. Towers in towers are no processes."""
    for child in container.children:
        if isinstance(child, Node):
            yield child.path, number
        else:
            yield from _towers(child, child.tower if number is None else number)


def _has_state(node: Node) -> bool:
    return node.params > 0 or bool(node.answers.buffer_sizes)


@dataclass(slots=True)
class _Roles:
    """The role of each step: before the towers, in one of them (`tower`), the `merge`, or `after` it."""

    graph: CheckedGraph
    count: int
    tower: dict[Path, int | None]
    after: frozenset[Path]
    merge: Node

    def __init__(self, graph: CheckedGraph) -> None:
        self.graph = graph
        nodes = in_order(graph.nodes)
        self.tower = dict(_towers(graph.root, None))
        self.count = len({number for number in self.tower.values() if number is not None})
        if self.count < 2:
            help = "write `group tower{0..1} { … } -> concat`, or build a pipeline"
            raise NoTowers("no group has two towers or more", graph.span, help)
        merges = [node for node in nodes if self.tower[node.path] is None and self._read_towers(node)]
        if len(merges) != 1:
            help = "merge the towers once: `} -> concat`"
            where = merges[1].span if merges else graph.span
            raise NoTowers("the towers are merged more than once, or never", where, help)
        self.merge = merges[0]
        self._require_all(self.merge)
        after: set[Path] = {self.merge.path}
        for node in nodes:
            if self.tower[node.path] is None and not after.isdisjoint(node.sources):
                after.add(node.path)
        self.after = frozenset(after - {self.merge.path})
        for node in nodes:
            self._require(node)
        self._require_same_use()
        for output in graph.outputs:
            if output.path not in after:
                span = output.span or graph.span
                words = f"the output `{output.name}` comes before the merge of the towers"
                raise NoTowers(words, span, "remove the output")

    def _read_towers(self, node: Node) -> set[int]:
        """Return the numbers of the towers whose results a step reads."""
        return {found for source in node.sources if (found := self.tower.get(source)) is not None}

    def _require_all(self, node: Node) -> None:
        """Raise NoTowers unless a step takes one stream of each tower, in order and of one shape."""
        known = isinstance(node.op, Concat | Add)
        if not known or [self.tower.get(source) for source in node.sources] != list(range(self.count)):
            help = "use `exchange`, `concat` or `add` with one stream of each tower, in order"
            raise NoTowers(f"`{dotted(node.path)}` reads streams of several towers", node.span, help)
        if len({shape.plain() for shape in node.inputs}) > 1:
            raise NoTowers("the streams of the towers differ in shape", node.span, "give all towers the same sizes")

    def _require(self, node: Node) -> None:
        number = self.tower[node.path]
        if number is not None:
            if self._read_towers(node) - {number}:
                self._require_all(node)
            if not self.after.isdisjoint(node.sources) or self.merge.path in node.sources:
                raise NoTowers("towers begin again after the merge", node.span, "write one group")
        elif node.path not in self.after and node is not self.merge and _has_state(node):
            held = "weights" if node.params else "running statistics"
            help = "begin the towers at the input, or build a pipeline"
            raise NoTowers(f"`{dotted(node.path)}` has {held} and comes before the towers", node.span, help)

    def _require_same_use(self) -> None:
        """Raise NoTowers if one tower uses what it exchanges for the merge, and another tower does not."""
        sources = {node.path: node.sources for node in self.graph.nodes}
        used, waiting = set[Path](), list(self.merge.sources)
        while waiting:
            path = waiting.pop()
            if path not in used:
                used.add(path)
                # Streams of other towers come from their processes.
                waiting += [each for each in sources[path] if self.tower.get(each) == self.tower[path]]
        exchanges: dict[tuple[Path, ...], list[Node]] = {}
        for node in self.graph.nodes:
            if self.tower[node.path] is not None and len(self._read_towers(node)) > 1:
                exchanges.setdefault(node.sources, []).append(node)
        for nodes in exchanges.values():
            unused = [node for node in nodes if node.path not in used]
            if unused and len(unused) < len(nodes):
                words = f"the result of `{dotted(unused[0].path)}` does not reach the merge, as it does in other towers"
                raise NoTowers(words, unused[0].span, "use the exchanged stream in all towers, or in none")

    def graph_of(self, number: int) -> LoweredGraph:
        """Return the graph of one tower."""
        keep = {path for path, tower in self.tower.items() if tower in (None, number)}
        keep -= self.after if number else set()
        root = self._part(self.graph.root, keep, number)
        assert root is not None
        outputs = self.graph.outputs
        if number:
            shape = outside(uses_of(root), self.merge.path, (), self.merge.shape)
            end = Node(("nothing",), Silent(), (self.merge.path,), (shape,), shape, root.span)
            root = replace(root, children=(*root.children, end), output=end.path, shape=end.shape)
            outputs = (Output("nothing", end.path, end.shape),)
        whole = self.graph.graph
        where = "with the steps after the merge" if number == 0 else "which returns zeros: gradients flow through them"
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
            guards=whole.guards,
        )
        return lowered_part(graph)

    def _part(self, container: Container, keep: set[Path], number: int) -> Container | None:
        """Return the part of a container that runs in the process of a tower, None if there is none."""
        children: list[Node | Container] = []
        for child in container.children:
            if isinstance(child, Container):
                part = self._part(child, keep, number)
                children += [part] if part else []
            elif child.path in keep:
                children.append(self._exchanged(replace(child, device=None), number))
        if not children:
            return None if container.path else replace(container, children=())
        made = replace(container, children=tuple(children))
        return self._entered(made, keep) if container.path else made

    def _entered(self, container: Container, keep: set[Path]) -> Container:
        """Return a submodule that takes and returns values of this process."""
        elsewhere = self.tower.keys() - keep
        first, last = container.children[0], container.children[-1]
        source, output, use = container.source, container.output, container.use
        if source in elsewhere:
            source = first.sources[0] if isinstance(first, Node) else first.source
        if output in elsewhere and under(self.merge.path, container):
            output = self.merge.path
        elif output in elsewhere:
            output = last.path if isinstance(last, Node) else last.output
        if use:
            use = replace(use, tensors=tuple((name, path) for name, path in use.tensors if path not in elsewhere))
        return replace(container, source=source, output=output, use=use)

    def _exchanged(self, node: Node, number: int) -> Node:
        """Return a step that reads only the stream of its own tower, and gathers the others."""
        if len(self._read_towers(node)) < 2:
            return node
        assert isinstance(node.op, Concat | Add)
        op = Exchange(node.op, self.count)
        return replace(node, op=op, sources=(node.sources[number],), inputs=(node.inputs[number],))
