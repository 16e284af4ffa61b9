"""The code of single operators: an example as a node of a graph, its module, its function and inputs for both."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.base.pyexpr import Call, Ref, with_inputs
from archdsl.base.pyprint import flat
from archdsl.base.resources import resource
from archdsl.base.shape import Shape
from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph, Node
from archdsl.ops import all_ops
from archdsl.ops.base import Emission, Example, ForwardOnly, Functional, Op, Submodule

EXAMPLES = [pytest.param(op, example, id=example.call) for op in all_ops() for example in op.examples]
OPERATORS = [pytest.param(op, id=op.name) for op in all_ops()]


def graph_of_example(example: Example, body: str = "step: {call}") -> CheckedGraph:
    """Return a net of an example, which stands for `{call}` in `body`; its inputs are x0, x1 and so on."""
    shapes = (example.input, *example.others)
    inputs = "; ".join(f"input x{n}: [{', '.join(map(str, shape.dims))}]" for n, shape in enumerate(shapes))
    branches = f" {{ {'; '.join(f'@x{n}' for n in range(len(shapes)))} }}" if example.others else ""
    text = f"model M {{ {inputs}; {body.format(call=example.call + branches)} }}"
    compiled = compile_source(Source("example.arch", text))
    assert compiled.ok, compiled.diagnostics
    return compiled.models[0]


def node_of(example: Example) -> Node:
    """Return the node that the compiler makes of an example."""
    return graph_of_example(example).nodes[0]


def namespace(op: type[Op] | Op) -> dict[str, Any]:
    """Return the names that generated code uses: torch, and the definitions of `templates/support`."""
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor}
    for name in op.support:
        exec(resource("templates", f"support/{name}.py").read_text(), names)
    return names


class Function(nn.Module):
    """The function that stands for an operator in `forward`, as a module."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        emission = node.emission
        assert not isinstance(emission, Submodule)
        self.function = emission.function
        self.names = namespace(node.op)

    def forward(self, *samples: Tensor) -> Tensor:
        values = {f"x{n}": each for n, each in enumerate(samples)}
        text = flat(with_inputs(self.function, tuple(map(Ref, values))))
        result = eval(text, {**self.names, **values, "self": self})
        assert isinstance(result, Tensor)
        return result


def constructor(emission: Emission) -> Call | None:
    """Return the call that constructs the module; None for code that is never a module."""
    match emission:
        case Submodule():
            return emission.call
        case Functional():
            return emission.module
        case ForwardOnly():
            return None


def module_of(node: Node) -> nn.Module:
    """Return the module of a node in evaluation; that of a merge, which is never a child, wraps its function."""
    call = constructor(node.emission)
    module = Function(node) if call is None else eval(flat(call), namespace(node.op))
    assert isinstance(module, nn.Module)
    return module.eval()


def samples_of(node: Node, seed: int = 0) -> list[Tensor]:
    """Return batches of two for the inputs of a step: random numbers, or the indices that it takes."""
    generator, count = torch.Generator().manual_seed(seed), node.op.indices()
    return [
        torch.randn((2, *shape.dims), generator=generator)
        if count is None
        else torch.randint(count, (2, *shape.dims), generator=generator)
        for shape in node.inputs
    ]


def flops(module: nn.Module, samples: list[Tensor]) -> int:
    """Return what PyTorch counts, on the device where nothing is fused into operations that it does not count."""
    with FlopCounterMode(display=False) as counter:
        module.to("meta")(*(sample.to("meta") for sample in samples))
    return counter.get_total_flops()


def saved_bytes(module: nn.Module, samples: list[Tensor]) -> tuple[Tensor, int]:
    """Return the result of a step of training, and how many bytes autograd saves without parameters and buffers."""
    saved: dict[int, Tensor] = {}
    given = [x.requires_grad_().clone() if x.is_floating_point() else x for x in samples]
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.setdefault(x.data_ptr(), x), lambda x: x):
        result = module.train()(*given)
    own = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
    stored = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in saved.values()}
    return result, sum(size for pointer, size in stored.items() if pointer not in own)


def said_bytes(op: Op, inputs: tuple[Shape, ...], shape: Shape, samples: list[Tensor]) -> int:
    """Return how many bytes autograd saves according to the operator."""
    kept, batch = op.saved_for_backward(inputs, shape), len(samples[0])
    said = 4 * (batch * kept.values + kept.of_batch) + 8 * batch * kept.integers
    said += sum(x.numel() * x.element_size() for x in samples) if kept.input else 0
    return said + (4 * batch * shape.volume if kept.output else 0)
