"""Which steps read which tensors: the inputs of submodules, and tensors that can be overwritten."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from archdsl.ir.graph import ChildNaming, Container, Node, Path
from archdsl.ops.base import INPUT, ForwardOnly, Functional, Merge, Submodule, input_at
from archdsl.passes.lowering import LoweredGraph
from archdsl.target.reserved import no_variables


@dataclass(slots=True)
class Dataflow:
    """The tensors of a graph, each identified by the path of the step that computes it.

    Attributes:
        graph: The graph.
        nodes: Its nodes by path.
        readers: The number of readers of each tensor; a graph output is one.
        reading: The steps that read each tensor.
        again: The steps that apply the weights of another step once more.
        merged: The tensors that a step with several inputs reads.
        outputs: The names of the graph's outputs after the first.
        twins: Steps that compute the same as another one in a group of towers, and that step.
    """

    graph: LoweredGraph
    nodes: dict[Path, Node] = field(default_factory=dict)
    readers: Counter[Path] = field(default_factory=Counter)
    reading: dict[Path, list[Path]] = field(default_factory=dict)
    again: dict[Path, list[Node]] = field(default_factory=dict)
    merged: frozenset[Path] = frozenset()
    outputs: dict[Path, str] = field(default_factory=dict)
    twins: dict[Path, Path] = field(default_factory=dict)
    _reads: dict[Path, tuple[Path, ...]] = field(default_factory=dict)
    _made: dict[Path, frozenset[Path]] = field(default_factory=dict)
    _goes_out: frozenset[Path] = frozenset()

    def __post_init__(self) -> None:
        self.nodes = {node.path: node for node in self.graph.nodes}
        self._enter_twins(self.graph.root)
        reading = [node for node in self.graph.nodes if node.path not in self.twins]
        self.readers = Counter(self.twins.get(source, source) for node in reading for source in node.sources)
        self.readers.update(output.path for output in self.graph.outputs)
        self._goes_out = frozenset(output.path for output in self.graph.outputs)
        self.outputs = {output.path: output.name for output in self.graph.outputs[1:]}
        for node in self.graph.nodes:
            if node.weights:
                self.again.setdefault(node.weights, []).append(node)
            for source in node.sources:
                self.reading.setdefault(source, []).append(node.path)
        self.merged = frozenset(s for node in self.graph.nodes if len(node.sources) > 1 for s in node.sources)
        self._enter(self.graph.root)

    def _enter(self, container: Container) -> None:
        made: set[Path] = set()
        reads: dict[Path, None] = {}
        for child in container.children:
            if isinstance(child, Node):
                reads |= dict.fromkeys(child.sources)
                made.add(child.path)
            else:
                self._enter(child)
                reads |= dict.fromkeys(self._reads[child.path])
                made |= self._made[child.path]
        if container.path and container.output not in made:
            reads[container.output] = None
        if container.use:
            # Another use with the class of this one may read a tensor that this one does not.
            unread = {path for _, path in container.use.tensors} - reads.keys()
            self.readers.update(path for path in unread if path not in made)
        self._made[container.path] = frozenset(made)
        self._reads[container.path] = tuple(path for path in reads if path not in made)

    def _enter_twins(self, container: Container) -> None:
        """Find merges that several towers of a group apply to the same tensors: they are computed once."""
        first: dict[tuple[object, ...], Path] = {}
        for child in container.children:
            if not isinstance(child, Container):
                continue
            self._enter_twins(child)
            for node in child.children if child.inline else ():
                if isinstance(node, Node) and isinstance(node.op, Merge):
                    key = (type(node.op), node.device, *node.op.values.values(), *node.sources)
                    if first.setdefault(key, node.path) != node.path:
                        self.twins[node.path] = first[key]

    def inputs(self, container: Container) -> list[tuple[str, Path]]:
        """Return the arguments of a submodule's `forward`, names and tensors, the main stream first.

        A tensor from outside that is no argument of a block is named after the step that computes it.
        """
        reads = self._reads[container.path]
        found: list[tuple[str, Path]] = []
        given = dict(container.use.tensors) if container.use else {}
        if container.source in reads or not reads:
            found.append(("stream" if "x" in given else "x", container.source))
        known = {container.source}
        for name, path in given.items():
            if path in reads and path not in known:
                found.append((free(name, [each for each, _ in found]), path))
                known.add(path)
        for path in reads:
            if path not in known:
                found.append((free(self._name(path, container), [each for each, _ in found]), path))
                known.add(path)
        return found

    @staticmethod
    def _name(path: Path, container: Container) -> str:
        """Return a name for a tensor from outside a container: that of the neighbour that computes it."""
        around = container.path[:-1]
        parts = path[len(around) :] if path[: len(around)] == around else path[::-1]
        return next((part for part in parts if part.isidentifier()), "y")

    def passed_on(self, node: Node) -> Path | None:
        """Return the tensor that a step returns unchanged, None if it computes a new one."""
        if node.path in self.twins:
            return self.twins[node.path]
        emission = node.emission
        is_same = not isinstance(emission, Submodule) and emission.function in (INPUT, input_at(0))
        return node.sources[0] if is_same else None

    def is_called(self, node: Node) -> bool:
        """Return whether `forward` calls the step as a submodule, also if it returns its input unchanged.

        Such a step has a label or a number, with which hooks can find it.
        """
        emission = node.emission
        return isinstance(emission, Submodule) or (isinstance(emission, Functional) and node.labelled)

    def may_overwrite(self, source: Path, within: Path) -> bool:
        """Return whether the reader of a tensor, a step of the class at `within`, may overwrite it.

        The tensor must be a new result of the same class, without other readers, that autograd does not need.
        """
        source = self.twins.get(source, source)
        node = self.nodes.get(source)
        if node is None or node.op.autograd.needs_output:
            return False
        if self.readers[source] > 1 or self.passed_on(node) is not None:
            return False
        return node.path[: len(within)] == within

    def may_all_overwrite(self, node: Node, within: Path) -> bool:
        """Return whether a module may overwrite its input at all places where it is applied."""
        uses = (node, *self.again.get(node.path, ()))
        return all(self.may_overwrite(use.sources[0], use.path[: len(within)]) for use in uses)

    def _only_read_in(self, value: Path, path: Path) -> bool:
        return all(reader[: len(path)] == path for reader in self.reading.get(value, ()))

    def is_inline(self, container: Container) -> bool:
        """Return whether a submodule has no `forward`, because the class around it runs its steps."""
        return container.inline or (container.kind is ChildNaming.KEYED and not self.is_chain(container))

    def is_chain(self, container: Container) -> bool:
        """Return whether a submodule is a plain `nn.Sequential`: each child takes and returns one tensor."""
        value = container.source
        goes_out = self._goes_out
        for child in container.children:
            if child.weights or (isinstance(child, Container) and self.is_inline(child)):
                return False
            if isinstance(child, Node):
                if isinstance(child.emission, ForwardOnly):
                    return False
                if child.sources != (value,):
                    return False
                value, before = child.path, value
            else:
                if self._reads[child.path] != (value,) or child.source != value:
                    return False
                value, before = child.output, value
            if before != container.source and (before in goes_out or not self._only_read_in(before, child.path)):
                return False
        return container.output == value


def free(name: str, found: Sequence[str]) -> str:
    """Return a name for one more argument of `forward`: this one, or a similar one if it is among those in `found`."""
    if name in no_variables():
        name = f"{name}_"
    return name if name not in found else f"{name}_{len(found)}"
