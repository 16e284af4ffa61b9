"""Runs a placed net on devices that only seem to be there, and watches where everything is computed.

`cpu:0`, `cpu:1`, … are one device for real tensors and several for fake ones. A dispatch mode holds the inputs of every
operator against each other: FakeTensorMode by itself lets convolutions with weights on another device pass.
"""

import linecache
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archdsl.emit.plan import GeneratedModule, plan
from archdsl.ir.graph import CheckedGraph, Container, Node, Path, dotted
from archdsl.passes.lowering import lowered
from archdsl.passes.moves import devices_of
from archdsl.passes.transfers import is_move
from archdsl.verify.module import statements

OUTSIDE = torch.device("cpu:99")
COPIES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}


class Misplaced(AssertionError):
    """An operator met tensors of several devices, or ran where the graph does not say; `step` is where it stands."""

    def __init__(self, step: Path | None, words: str) -> None:
        super().__init__(f"{dotted(step) if step else 'the backward pass'}: {words}")
        self.step = step


@dataclass(slots=True)
class Watched:
    """The copies from one device to another: the steps of those forward, and how many there are backward."""

    forward: list[Path] = field(default_factory=list)
    backward: int = 0


class Watch(TorchDispatchMode):
    """Holds every operator to one device."""

    def __init__(
        self, net: nn.Module, text: str, planned: GeneratedModule, expected: Mapping[Path, frozenset[str]]
    ) -> None:
        super().__init__()
        self.expected = expected
        self.file = type(net).forward.__code__.co_filename
        self.owners = {id(module): tuple(name.split(".")) if name else () for name, module in net.named_modules()}
        self.lines = {
            number: step
            for line, step in statements(text, planned)
            for number in range(line.lineno, (line.end_lineno or line.lineno) + 1)
        }
        self.seen = Watched()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        read = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        step = self._step(sys._getframe(1))
        # A number without dimensions may lie on the CPU.
        devices = {str(tensor.device) for tensor in read if tensor.dim() or tensor.device.type != "cpu"}
        if len(devices) > 1 and func not in COPIES:
            raise Misplaced(step, f"{func} reads what is on {sorted(devices)}")
        result = func(*args, **kwargs)
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if func in COPIES:
            if made[0].device != read[0].device:
                self._note_copy(step)
            return result
        devices = {str(tensor.device) for tensor in made if tensor.dim()}
        if step is not None and not devices <= self.expected[step]:
            raise Misplaced(step, f"{func} runs on {sorted(devices)}, not on {sorted(self.expected[step])}")
        return result

    def _note_copy(self, step: Path | None) -> None:
        if step is None:
            self.seen.backward += 1
        else:
            self.seen.forward.append(step)

    def _step(self, frame: FrameType | None) -> Path | None:
        """Return the step whose line in a `forward` is being run; None in the backward pass."""
        while frame is not None:
            code = frame.f_code
            if code.co_filename == self.file and code.co_name == "forward" and frame.f_lineno in self.lines:
                owner = self.owners[id(frame.f_locals["self"])]
                return step_of(self.lines[frame.f_lineno].in_use(owner))
            frame = frame.f_back
        return None


def step_of(path: Path) -> Path:
    """Return the path of a step as its module and line name it.

    Another use of a submodule is the same module: `a@2` becomes `a`. A move keeps only its device, since the uses of a
    class name the moved value otherwise.
    """
    *around, last = (part.partition("@")[0] if ">" not in part else f">{part.partition('>')[2]}" for part in path)
    return (*around, last)


def class_of(text: str, name: str) -> type[nn.Module]:
    """Return a class of a generated module."""
    file = f"<placed {hash(text)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    found: dict[str, Any] = {"__name__": "placed"}
    exec(compile(text, file, "exec"), found)
    made: type[nn.Module] = found[name]
    return made


@contextmanager
def fake() -> Iterator[None]:
    """Let tensors have devices and shapes, and no numbers."""
    with FakeTensorMode():
        yield


def watched(graph: CheckedGraph, text: str) -> tuple[nn.Module, Watched]:
    """Run a net forward and backward as in training, each declared device a fake one of its own."""
    devices = fakes(graph)
    expected = {
        step_of(path): frozenset(devices[name] for name in _devices(part))
        for path, part in _parts(lowered(graph).root).items()
    }
    with fake():
        net = class_of(text, graph.name)(devices=devices)
        watch = Watch(net, text, plan(lowered(graph)), expected)
        samples = [_sample(graph, given) for given in graph.inputs]
        with watch:
            result = net(*samples)
            parts = [part for part in (result if isinstance(result, tuple) else (result,)) if part.requires_grad]
            torch.autograd.backward(parts, [torch.ones_like(part) for part in parts])
    return net, watch.seen


def _sample(graph: CheckedGraph, given: Any) -> Tensor:
    sizes = (2, *map(int, given.shape.dims))
    if graph.indices(given) is not None:
        return torch.zeros(sizes, dtype=torch.long, device=OUTSIDE)
    return torch.empty(sizes, device=OUTSIDE)


def assert_placed(graph: CheckedGraph, text: str) -> Watched:
    """Hold what a net does against its graph: where each step runs, what is copied, where gradients lie."""
    net, seen = watched(graph, text)
    low, devices = lowered(graph), fakes(graph)
    where = {node.path: node.device for node in low.nodes}
    moves = [step_of(node.path) for node in low.nodes if is_move(node) and where.get(node.sources[0]) != node.device]
    assert sorted(seen.forward) == sorted(moves)
    for name, weight in net.named_parameters():
        device = where.get(_owner(name, where))
        assert device is None or str(weight.device) == devices[device], name
        assert weight.grad is None or weight.grad.device == weight.device, name
    return seen


def fakes(graph: CheckedGraph) -> dict[str, str]:
    """Return a fake device for each that a graph declares."""
    return {name: f"cpu:{number}" for number, name in enumerate(graph.devices)}


def _devices(part: Node | Container) -> frozenset[str]:
    if isinstance(part, Container):
        return devices_of(part)
    return frozenset((part.device,)) if part.device else frozenset()


def _parts(container: Container) -> dict[Path, Node | Container]:
    found: dict[Path, Node | Container] = {}
    for child in container.children:
        found[child.path] = child
        if isinstance(child, Container):
            found |= _parts(child)
    return found


def _owner(key: str, known: dict[Path, str | None]) -> Path:
    """Return the step that a weight belongs to; some have modules within them."""
    path = tuple(key.split("."))
    return next((path[:end] for end in range(len(path), 0, -1) if path[:end] in known), ())
