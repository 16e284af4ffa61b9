"""Peak memory of a net during inference and during a training step.

During inference, a result is freed after its last use; views share the memory of their input, and in-place operations
reuse it. During training, autograd saves the tensors that the backward pass needs. The workspace of single operators,
such as the buffers of a convolution algorithm, is not counted.
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

    `evaluation` is the peak during inference: the input and all live results, without the weights. `saved` is what
    autograd saves during a forward pass, and `saved_by` what each step adds to it. `training` is the peak of a training
    step: weights, their gradients, saved tensors and gradients of results, without the state of the optimiser.
    """

    weights: int
    evaluation: int
    saved: int
    saved_by: dict[Path, int]
    training: int


def memory(graph: CountedGraph, *, batch: int = 1, width: int = 4) -> Memory:
    """Return the memory that a net needs for a batch of `batch` samples with numbers of `width` bytes."""
    flow = _Flow(graph, batch, width)
    weights = graph.params * width
    training = _Training(flow)
    saved, saved_by = training.forward()
    return Memory(weights, _evaluation(flow), saved, saved_by, weights + training.backward())


@dataclass(slots=True)
class _Flow:
    """The results of a net with their sizes in bytes and the number of their readers."""

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
        self.sizes |= {node.path: node.answers.plain_shape.volume * per_value for node in self.nodes}
        self.readers = Counter(source for node in self.nodes for source in node.sources)
        self.readers.update(output.path for output in self.graph.outputs)

    def saved(self, node: Node) -> Saved:
        """Return the tensors and numbers of a step that autograd saves, for one sample."""
        return node.answers.saved

    def overwritten(self, node: Node, makers: dict[Path, Node]) -> Path | None:
        """Return the input that a step overwrites with its result, or None."""
        if node.op.autograd.copies_in_place:
            return None
        match node.emission:
            case Functional(in_place=True):
                source = node.sources[0]
            case ForwardOnly(adds_in_place=True):
                source = node.sources[-1]
            case _:
                return None
        maker = makers.get(source)
        if maker is None or self.readers[source] > 1:
            return None
        return None if maker.op.autograd.needs_output or maker.op.autograd.is_view else source


def _evaluation(flow: _Flow) -> int:
    """Return the peak of live bytes during inference."""
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
    """Simulates a forward and a backward pass, step by step."""

    def __init__(self, flow: _Flow) -> None:
        self.flow = flow
        self.makers = {node.path: node for node in flow.nodes}
        self.learns = _that_learn(flow.nodes)
        self.owner = {given.path: given.path for given in flow.graph.inputs}
        self.holders: dict[Path, set[Path]] = {}
        self.held: dict[Path, set[Path]] = {}
        self.extra: dict[Path, int] = {}
        self.alive = 0
        self.peak = 0
        # The step whose buffer holds the gradient of a step's result, and how many results share each buffer.
        self.gradients: dict[Path, Path] = {}
        self.shared: Counter[Path] = Counter()

    def forward(self) -> tuple[int, dict[Path, int]]:
        """Return the bytes that autograd saves, and how many each step adds."""
        saved_by: dict[Path, int] = {}
        for node in self.flow.nodes:
            self._own(node)
            if node.path in self.learns:
                saved_by[node.path] = self._save(node)
        # The caller holds the outputs.
        for output in self.flow.graph.outputs:
            self._hold(output.path, ("", "caller"))
        saved = sum(saved_by.values())
        self.alive = sum(self.extra.values()) + sum(
            self.flow.sizes[path] for path in self.holders if path in self.makers
        )
        self.peak = self.alive
        return saved, saved_by

    def _own(self, node: Node) -> None:
        over = self.flow.overwritten(node, self.makers)
        source = node.sources[0] if node.op.autograd.is_view else over
        self.owner[node.path] = self.owner[source] if source else node.path

    def _save(self, node: Node) -> int:
        """Record the tensors that autograd saves for a step; return the bytes that were not saved before."""
        saved = self.flow.saved(node)
        values = self.flow.batch * int(saved.values) + int(saved.of_batch)
        self.extra[node.path] = values * self.flow.width + self.flow.batch * int(saved.integers) * _INTEGER
        paths = (node.sources if saved.input else ()) + ((node.path,) if saved.output else ())
        return self.extra[node.path] + sum(self._hold(path, node.path) for path in paths)

    def _hold(self, path: Path, holder: Path) -> int:
        owner = self.owner[path]
        is_new = owner not in self.holders
        self.holders.setdefault(owner, set()).add(holder)
        self.held.setdefault(holder, set()).add(owner)
        return self.flow.sizes[owner] if is_new and owner in self.makers else 0

    def backward(self) -> int:
        """Return the peak of saved tensors and gradients during the backward pass, in bytes."""
        for output in self.flow.graph.outputs:
            self._make(output.path)
        for node in reversed(self.flow.nodes):
            buffer = self.gradients.pop(node.path, None)
            if node.path in self.learns:
                within = int(self.flow.saved(node).in_backward) * self.flow.batch * self.flow.width
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
        """Give a step its gradient: a new buffer, or a share of an existing one; further gradients are added to it."""
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
            # The new gradient is added to the old one and freed.
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
        for path in self.held.pop(holder, ()):
            self.holders[path].discard(holder)
            if not self.holders[path]:
                del self.holders[path]
                self._take(-(self.flow.sizes[path] if path in self.makers else 0))

    def _take(self, size: int) -> None:
        self.alive += size
        self.peak = max(self.peak, self.alive)


def _that_learn(nodes: tuple[Node, ...]) -> set[Path]:
    """Return the paths of steps whose results depend on trained parameters."""
    found: set[Path] = set()
    for node in nodes:
        if node.params or node.weights or any(source in found for source in node.sources):
            found.add(node.path)
    return found
