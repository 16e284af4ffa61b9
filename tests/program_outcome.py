"""What must hold of every program that compiles, and an interpreter of graphs to hold the generated module against."""

# ruff: noqa: FBT003

import inspect
import itertools
import re
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from operator_code import Function, namespace
from programs import Program
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.base.pyexpr import Expr, Ref, mapped
from archdsl.base.pyprint import flat
from archdsl.base.source import Source
from archdsl.base.symbolic import TracedFloat, TracedInt
from archdsl.diag.model import Problems
from archdsl.driver import Compiled, compile_source
from archdsl.emit.generate import generate
from archdsl.ir.dump import dump
from archdsl.ir.graph import CheckedGraph, Node, dotted
from archdsl.ir.graph import Path as Place
from archdsl.ops.base import Submodule
from archdsl.python.api import module_class
from archdsl.syntax.format import format_source
from archdsl.verify.module import verify

BATCH = 2


def compiled(text: str, **settings: object) -> Compiled:
    return compile_source(Source("net.arch", text), settings=settings)


def plain(expr: Expr) -> Expr:
    """Return an expression with numbers for the parameters that it was computed from."""

    def number(part: Expr) -> Expr:
        if isinstance(part, TracedInt):
            return int(part)
        return float(part) if isinstance(part, TracedFloat) else part

    return mapped(expr, number)


class Interpreter(nn.Module):
    """Computes a graph node by node, each with the code of its own operator and with weights found by its path."""

    def __init__(self, graph: CheckedGraph, net: nn.Module) -> None:
        super().__init__()
        self.graph = graph
        self.steps: dict[Place, nn.Module] = {}
        for node in graph.nodes:
            self.steps[node.path] = self._step(node, net)
        self.children_ = nn.ModuleList(self.steps.values())

    def _step(self, node: Node, net: nn.Module) -> nn.Module:
        if not isinstance(node.emission, Submodule):
            return Applied(node)
        if node.weights:
            return self.steps[node.weights]
        torch.set_default_dtype(torch.float64)
        try:
            module = eval(flat(plain(node.emission.call)), namespace(node.op))
        finally:
            torch.set_default_dtype(torch.float32)
        assert isinstance(module, nn.Module)
        module.load_state_dict(net.get_submodule(dotted(node.path)).state_dict())
        return module

    def keys(self) -> list[str]:
        """Return the keys that the state_dict of the generated module must have."""
        own = [node for node in self.graph.nodes if isinstance(node.emission, Submodule) and not node.weights]
        return [f"{dotted(node.path)}.{key}" for node in own for key in self.steps[node.path].state_dict()]

    def weights(self) -> dict[str, nn.Parameter]:
        own = [node for node in self.graph.nodes if isinstance(node.emission, Submodule) and not node.weights]
        return {f"{dotted(n.path)}.{key}": each for n in own for key, each in self.steps[n.path].named_parameters()}

    def forward(self, *samples: Tensor) -> list[Tensor]:
        values: dict[Place, Tensor] = {
            given.path: sample for given, sample in zip(self.graph.inputs, samples, strict=True)
        }
        waiting = list(self.graph.nodes)
        while waiting:
            # Towers that exchange their streams come one after the other, and run side by side.
            ready = [node for node in waiting if all(path in values for path in node.sources)]
            assert ready, "the graph has a circle"
            for node in ready:
                values[node.path] = self.steps[node.path](*(values[path] for path in node.sources))
                assert tuple(values[node.path].shape[1:]) == node.shape.dims, dotted(node.path)
            waiting = [node for node in waiting if node.path not in values]
        return [values[output.path] for output in self.graph.outputs]


class Applied(Function):
    """The function of a step that holds no weights; nothing that it does may touch its inputs."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        assert not isinstance(node.emission, Submodule)
        self.function = mapped(
            plain(node.emission.function), lambda part: False if part == Ref("self.training") else part
        )


def shaken(net: nn.Module, seed: int) -> nn.Module:
    """Give a net random weights and statistics, so that no two of them are alike."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.4)
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.4)
            elif name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return net


def samples_for(graph: CheckedGraph, seed: int, dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for given in graph.inputs:
        sizes, count = (BATCH, *map(int, given.shape.dims)), graph.indices(given)
        real = torch.randn(sizes, generator=generator, dtype=dtype)
        found.append(real if count is None else torch.randint(count, sizes, generator=generator))
    return found


@dataclass
class Outcome:
    """A program that holds: its graph, its module's text, and what differed."""

    graph: CheckedGraph
    text: str
    findings: list[str] = field(default_factory=list)


class Comparison:
    """Holds one program against PyTorch; `thorough` compares gradients and other values of parameters too."""

    def __init__(self, program: Program, graph: CheckedGraph, folder: Path, *, thorough: bool) -> None:
        self.program, self.graph, self.folder, self.thorough = program, graph, folder, thorough
        self.text = generate(graph)
        self.name = f"net{program.seed}"
        self.findings: list[str] = []

    def expect(self, what: str, expected: object, found: object) -> None:
        if expected != found:
            self.findings.append(f"{what}: expected {expected}, found {found}")

    def run(self) -> Outcome:
        graph = self.graph
        shapes = {output.name: tuple(map(int, output.shape.dims)) for output in graph.outputs}
        self.expect("shapes", self.expected_shapes(), shapes)
        self.expect("same text twice", self.text, generate(compiled(self.program.text).models[0]))
        compile(self.text, "net.py", "exec", dont_inherit=True)
        file = self.folder / f"{self.name}.py"
        file.write_text(self.text, encoding="utf-8")
        self.type = module_class(graph)
        self.findings += [f"verify: {finding}" for finding in verify(graph, file).findings]
        net = shaken(self.type(dtype=torch.float64), self.program.seed)
        self.expect("parameters", graph.params, sum(weight.numel() for weight in net.parameters()))
        self.net = net
        self.counts()
        self.training()
        self.values()
        self.formatting()
        self.parameters()
        return Outcome(graph, self.text, self.findings)

    def expected_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the outputs; an output that is the stream itself is there once, and first."""
        first, expected = self.graph.outputs[0].name, dict(self.program.shapes)
        if first in self.program.lasting:
            self.expect("the stream under another name", expected.pop("output"), expected[first])
        return expected

    def outputs(self, result: Any) -> list[Tensor | None]:
        return list(result) if len(self.graph.outputs) > 1 else [result]

    def counts(self) -> None:
        """Multiply-accumulates, counted where nothing is fused into operations that PyTorch does not count."""
        net = deepcopy(self.net).to("meta").float().eval()
        samples = [sample.to("meta") for sample in samples_for(self.graph, 0, torch.float32)]
        with FlopCounterMode(display=False) as counter:
            net(*samples)
        self.expect("multiply-accumulates", 2 * BATCH * self.graph.macs, counter.get_total_flops())

    def training(self) -> None:
        """In training all outputs are there, and gradients reach all weights that lead to them."""
        net = self.type().train()
        result = self.outputs(net(*samples_for(self.graph, 1, torch.float32)))
        for value, output in zip(result, self.graph.outputs, strict=True):
            assert value is not None, output.name
            self.expect(f"shape of {output.name}", (BATCH, *output.shape.dims), tuple(value.shape))
        total = sum(value.float().sum() for value in result if value is not None)
        if isinstance(total, Tensor) and total.requires_grad:
            total.backward()

    def values(self) -> None:
        net, samples = self.net.eval(), samples_for(self.graph, 2, torch.float64)
        given = [sample.clone() for sample in samples]
        reference = Interpreter(self.graph, net).eval()
        self.expect("keys", sorted(reference.keys()), sorted(net.state_dict()))
        expected = reference(*(sample.clone() for sample in samples))
        result = self.outputs(net(*samples))
        for sample, before in zip(samples, given, strict=True):
            self.expect("input unchanged", True, torch.equal(sample, before))
        pairs = []
        for value, wanted, output in zip(result, expected, self.graph.outputs, strict=True):
            if output.when_training:
                self.expect(f"{output.name} in evaluation", None, value)
                continue
            assert value is not None
            pairs.append((value, wanted))
            if not close(value, wanted):
                self.findings.append(f"value of {output.name} differs by {(value - wanted).abs().max()}")
        if self.thorough:
            self.gradients(net, reference, pairs)

    def gradients(self, net: nn.Module, reference: Interpreter, pairs: list[tuple[Tensor, Tensor]]) -> None:
        for number in (0, 1):
            total = sum((pair[number] * weighting(pair[number])).sum() for pair in pairs)
            if isinstance(total, Tensor) and total.requires_grad:
                total.backward()
        own = dict(net.named_parameters())
        for name, weight in reference.weights().items():
            # Values that are 0 but for rounding grow where a normalisation divides by next to nothing, and with the
            # largest gradient, which deep nets without normalisation raise to 1e28.
            largest = 0.0 if weight.grad is None else float(weight.grad.nan_to_num(0, 0, 0).abs().max())
            if name in own and not close(own[name].grad, weight.grad, atol=1e-10 + 1e-12 * largest):
                self.findings.append(f"gradient of {name} differs")

    def formatting(self) -> None:
        once = format_source(Source("net.arch", self.program.text), Problems())
        assert once is not None
        self.expect("fmt is idempotent", once, format_source(Source("net.arch", once), Problems()))
        again = compiled(once)
        if not again.ok:
            self.findings.append(f"fmt breaks the program: {again.diagnostics[0]}")
            return
        self.expect("fmt keeps the graph", dump(self.graph), dump(again.models[0]))
        self.expect("fmt keeps the module", placeless(self.text), placeless(generate(again.models[0])))

    def parameters(self) -> None:
        """A parameter that stayed open in the module does there what `--set` does before."""
        is_open = [
            name for name, each in inspect.signature(self.type).parameters.items() if each.kind != each.KEYWORD_ONLY
        ]
        for name, number in itertools.islice(itertools.product(is_open, (1, 2)), 4 if self.thorough else 1):
            value = next(each.value for each in self.graph.parameters if each.name == name)
            assert isinstance(value, int | float)
            other = int(value) + number if isinstance(value, int) else min(float(value) + 0.1 * number, 1.0)
            self._compare(name, other)

    def _compare(self, name: str, value: float) -> None:
        """The module with another argument equals the net that is compiled with it, or it is refused."""
        direct = compiled(self.program.text, **{name: value})
        graph, what = direct.models[0] if direct.ok else self.graph, f"{name} = {value}"
        try:
            mine = self.type(**{name: value}, dtype=torch.float64).eval()
            mine(*samples_for(graph, 3, torch.float64))
        except (ValueError, TypeError, RuntimeError):
            return
        if not direct.ok:
            self.findings.append(f"the module accepts {what}, and the compiler refuses it: {direct.diagnostics[0]}")
            return
        theirs = shaken(module_class(graph)(dtype=torch.float64), 5).eval()
        expected = {key: tuple(tensor.shape) for key, tensor in theirs.state_dict().items()}
        self.expect(f"keys with {what}", expected, {key: tuple(t.shape) for key, t in mine.state_dict().items()})
        if self.findings:
            return
        mine.load_state_dict(theirs.state_dict())
        samples = samples_for(graph, 3, torch.float64)
        for one, other in zip(self.outputs(mine(*samples)), self.outputs(theirs(*samples)), strict=True):
            same = one is other or (one is not None and other is not None and close(one, other))
            self.expect(f"values with {what}", True, same)


def weighting(value: Tensor) -> Tensor:
    """Return factors that differ from element to element, so that no gradient is the same by chance."""
    return torch.linspace(0.5, 1.5, value.numel(), dtype=value.dtype).reshape(value.shape)


def close(one: Tensor | None, other: Tensor | None, atol: float = 1e-12) -> bool:
    if one is None or other is None:
        return one is other or not torch.count_nonzero(one if one is not None else other)  # type: ignore[arg-type]
    if one.shape != other.shape:
        return False
    return torch.allclose(one, other, rtol=1e-11, atol=atol, equal_nan=True)


def placeless(text: str) -> str:
    """Return the text of a module without the places in the source."""
    return re.sub(r"line \d+", "line", text)
