"""What a run of a net keeps in memory: every step's result from when it is computed until nobody needs it any more.

Evaluation: a result goes when its last reader is done; views share the memory of what they show, and what PyTorch can
write over its input does. Training: autograd keeps what the gradient of a step needs until that is computed. Counted
are numbers of the net, not the workspace of single operators.
"""

from collections import Counter
from dataclasses import dataclass, field

from archdsl.ir.graph import CountedGraph, Node, Path, only_in_training
from archdsl.ir.order import in_order
from archdsl.ops.analysis import Saved
from archdsl.ops.base import ForwardOnly, Functional, Trait

_INTEGER = 8


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a net for one batch.

    `evaluation` is the peak of what is alive in an evaluation, with the input and without the weights. `kept` is what
    autograd keeps of a forward pass, and `kept_by` how much of it each step adds. `training` is the peak of a training
    step: weights, their gradients, and what is kept or on its way back, without the optimiser's own numbers.
    """

    weights: int
    evaluation: int
    kept: int
    kept_by: dict[Path, int]
    training: int


def memory(graph: CountedGraph, *, batch: int = 1, width: int = 4) -> Memory:
    """Return the memory that a net needs for a batch of numbers which take `width` bytes each."""
    flow = _Flow(graph, batch, width)
    weights = graph.params * width
    forward = _Training(flow)
    kept, kept_by = forward.forward()
    return Memory(weights, _evaluation(flow), kept, kept_by, weights + forward.backward())


@dataclass(slots=True)
class _Flow:
    """Who reads what, and which results share their memory."""

    graph: CountedGraph
    batch: int
    width: int
    nodes: tuple[Node, ...] = ()
    sizes: dict[Path, int] = field(default_factory=dict)
    readers: Counter[Path] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.nodes = in_order(self.graph.nodes)
        per_value = self.batch * self.width
        self.sizes = {given.path: given.shape.plain().volume * per_value for given in self.graph.inputs}
        self.sizes |= {node.path: node.shape.plain().volume * per_value for node in self.nodes}
        self.readers = Counter(source for node in self.nodes for source in node.sources)
        self.readers.update(output.path for output in self.graph.outputs)

    def kept(self, node: Node) -> Saved:
        """Return what a training keeps of a step, for one sample."""
        return node.op.saved_for_backward(tuple(shape.plain() for shape in node.inputs), node.shape.plain())

    def overwritten(self, node: Node, makers: dict[Path, Node]) -> Path | None:
        """Return the input that a step writes its result over, if it does."""
        if node.op.autograd.copies_in_place:
            return None
        source = None
        match node.emission:
            case Functional(in_place=True):
                source = node.sources[0]
            case ForwardOnly(adds_in_place=True):
                source = node.sources[-1]
        maker = makers.get(source) if source else None
        if source is None or maker is None or self.readers[source] > 1:
            return None
        return None if maker.op.autograd.needs_output or maker.op.autograd.is_view else source


def _evaluation(flow: _Flow) -> int:
    """Return the peak of what is alive in an evaluation."""
    left_out = only_in_training(flow.graph.graph)
    nodes = [node for node in flow.nodes if node.path not in left_out]
    owner = {given.path: given.path for given in flow.graph.inputs}
    makers = {node.path: node for node in nodes}
    for node in nodes:
        over = flow.overwritten(node, makers)
        passes_on = node.op.autograd.is_view or Trait.DROPS in node.op.traits
        source = node.sources[0] if passes_on else over
        owner[node.path] = owner[source] if source else node.path
    last = {owner[source]: number for number, node in enumerate(nodes) for source in node.sources}
    last |= {owner[output.path]: len(nodes) for output in flow.graph.outputs if output.path in owner}
    alive = sum(flow.sizes[given.path] for given in flow.graph.inputs)
    peak = alive
    for number, node in enumerate(nodes):
        if owner[node.path] == node.path:
            alive += flow.sizes[node.path]
        peak = max(peak, alive)
        ends = {owner[path] for path in (*node.sources, node.path)}
        alive -= sum(flow.sizes[path] for path in ends if last.get(path, number) == number)
    return peak


class _Training:
    """A forward pass and the way back, step by step."""

    def __init__(self, flow: _Flow) -> None:
        self.flow = flow
        self.makers = {node.path: node for node in flow.nodes}
        self.learns = _that_learn(flow.nodes)
        self.owner = {given.path: given.path for given in flow.graph.inputs}
        self.holders: dict[Path, set[Path]] = {}
        self.extra: dict[Path, int] = {}
        self.alive = 0
        self.peak = 0
        # Of a step, the gradient that has come back so far: the steps whose buffer it is, or a part of.
        self.gradients: dict[Path, Path] = {}
        self.shared: Counter[Path] = Counter()

    def forward(self) -> tuple[int, dict[Path, int]]:
        """Return what autograd keeps, and how much of it the steps add, one by one."""
        kept_by: dict[Path, int] = {}
        for node in self.flow.nodes:
            self._own(node)
            if node.path in self.learns:
                kept_by[node.path] = self._keep(node)
        # What goes out is held by the caller.
        for output in self.flow.graph.outputs:
            self._hold(output.path, ("", "caller"))
        kept = sum(kept_by.values())
        self.alive = sum(self.extra.values()) + sum(
            self.flow.sizes[path] for path in self.holders if path in self.makers
        )
        self.peak = self.alive
        return kept, kept_by

    def _own(self, node: Node) -> None:
        over = self.flow.overwritten(node, self.makers)
        source = node.sources[0] if node.op.autograd.is_view else over
        self.owner[node.path] = self.owner[source] if source else node.path

    def _keep(self, node: Node) -> int:
        """Note what a step keeps; return the bytes that were not kept before."""
        kept = self.flow.kept(node)
        values = self.flow.batch * int(kept.values) + int(kept.of_batch)
        self.extra[node.path] = values * self.flow.width + self.flow.batch * int(kept.integers) * _INTEGER
        paths = (node.sources if kept.input else ()) + ((node.path,) if kept.output else ())
        return self.extra[node.path] + sum(self._hold(path, node.path) for path in paths)

    def _hold(self, path: Path, holder: Path) -> int:
        owner = self.owner[path]
        is_new = owner not in self.holders
        self.holders.setdefault(owner, set()).add(holder)
        return self.flow.sizes[owner] if is_new and owner in self.makers else 0

    def backward(self) -> int:
        """Return the peak of what is kept, of gradients and of what is on its way back."""
        for output in self.flow.graph.outputs:
            self._make(output.path)
        for node in reversed(self.flow.nodes):
            buffer = self.gradients.pop(node.path, None)
            if node.path in self.learns:
                within = int(self.flow.kept(node).in_backward) * self.flow.batch * self.flow.width
                self._take(within)
                self._take(-within)
                self._take(node.params * self.flow.width)
                for source in node.sources:
                    if source in self.learns:
                        self._pass_back(source, buffer if node.op.autograd.shares_gradient else None)
            self._take(-self.extra.pop(node.path, 0))
            if buffer is not None:
                self._drop(buffer)
            self._release(node.path)
        return self.peak

    def _pass_back(self, source: Path, shared: Path | None) -> None:
        """Give a step its gradient: a buffer of its own, or a share of one that is there; several are added up."""
        before = self.gradients.get(source)
        if before is None and shared is not None:
            self.gradients[source] = shared
            self.shared[shared] += 1
        elif before is None:
            self._make(source)
        elif self.shared[before] > 1 or before != source:
            self._make(source)
            self._drop(before)
        elif shared is None:
            # The new one is added to the old one, and goes.
            self._take(self.flow.sizes[source])
            self._take(-self.flow.sizes[source])

    def _make(self, path: Path) -> None:
        self.gradients[path] = path
        self.shared[path] = 1
        self._take(self.flow.sizes[path])

    def _drop(self, buffer: Path) -> None:
        self.shared[buffer] -= 1
        if not self.shared[buffer]:
            self._take(-self.flow.sizes[buffer])

    def _release(self, holder: Path) -> None:
        for path in [path for path, holders in self.holders.items() if holder in holders]:
            self.holders[path].discard(holder)
            if not self.holders[path]:
                del self.holders[path]
                self._take(-(self.flow.sizes[path] if path in self.makers else 0))

    def _take(self, size: int) -> None:
        self.alive += size
        self.peak = max(self.peak, self.alive)


def _that_learn(nodes: tuple[Node, ...]) -> set[Path]:
    """Return the steps whose results depend on weights."""
    found: set[Path] = set()
    for node in nodes:
        if node.params or node.weights or any(source in found for source in node.sources):
            found.add(node.path)
    return found
