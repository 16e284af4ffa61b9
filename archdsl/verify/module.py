"""Verifies a generated module: imports and runs it, and compares shapes and the number of parameters with the graph."""

import ast
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path as File
from types import FrameType, ModuleType
from typing import Any

from archdsl.base.shape import Shape
from archdsl.emit.dataflow import Dataflow
from archdsl.emit.plan import Computed, GeneratedModule, plan
from archdsl.ir.graph import Container, CountedGraph, Input, Path, dotted
from archdsl.passes.lowering import Buildable, LoweredGraph, lowered
from archdsl.passes.transfers import is_move

BATCH = 2


class VerificationError(Exception):
    """The generated module cannot be imported, constructed or run, which is a bug in archdsl."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference between the module and the graph."""

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class _Observed:
    """Shapes observed while the module ran, without the batch."""

    shapes: dict[Path, Shape] = field(default_factory=dict)

    def note(self, path: Path, value: Any) -> None:
        """Record the shape of the result of a step."""
        self.shapes[path] = Shape(tuple(value.shape[1:]))


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a verification: the number of shapes and parameters compared, and the differences."""

    shapes: int
    params: int
    findings: tuple[Finding, ...]


def verify(graph: Buildable, file: File, *, device: str = "cpu") -> Verified:
    """Run a module on a random batch and compare it with the graph.

    A model with outputs `when training` runs in training mode.

    Args:
        graph: The graph.
        file: The file of the module.
        device: The device to run on. On "meta", only shapes are computed.

    Raises:
        VerificationError: The module cannot be imported, constructed or run.
    """
    low = lowered(graph)
    try:
        module = load_module(file)
        net = getattr(module, module.__all__[0])(**{graph.device_argument: device})
        net.train(any(output.when_training for output in graph.outputs))
        samples = [sample(graph, given).to(device) for given in graph.inputs]
        observed = _run(net, samples, plan(low))
    except Exception as error:
        raise VerificationError(f"{type(error).__name__}: {error}") from error
    params = sum(weight.numel() for weight in net.parameters() if weight.requires_grad)
    # A step that returns its input unchanged has no statement in `forward`.
    flow = Dataflow(low)
    for node in low.nodes:
        if flow.passed_on(node) is not None and not flow.is_called(node):
            observed.shapes.setdefault(node.path, node.shape)
    findings = _compared(low, observed)
    if params != graph.params:
        findings.append(Finding("parameters", f"{graph.params:,}", f"{params:,}"))
    return Verified(len(observed.shapes), params, tuple(findings))


def sample(graph: CountedGraph, given: Input) -> Any:
    """Return a random batch for an input: real numbers or valid indices."""
    import torch

    sizes = (BATCH, *(int(dim) for dim in given.shape.dims))
    count = graph.indices(given)
    return torch.rand(*sizes) if count is None else torch.randint(count, sizes)


def load_module(file: File) -> ModuleType:
    """Import a generated module."""
    spec = importlib.util.spec_from_file_location(f"_archdsl_{file.stem}", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def _run(net: Any, samples: list[Any], planned: GeneratedModule) -> _Observed:
    import torch

    observed = _Observed()
    hooks = [
        child.register_forward_hook(_hook(observed, tuple(name.split("."))))
        for name, child in net.named_modules()
        if name
    ]
    tracer = _Tracer(net, planned, observed)
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with torch.no_grad():
            result = net(*samples)
    finally:
        sys.settrace(before)
        for hook in hooks:
            hook.remove()
    for name, value in zip(planned.outputs, result if len(planned.outputs) > 1 else (result,), strict=True):
        observed.note(("", name), value)
    return observed


def _hook(observed: _Observed, path: Path) -> Callable[..., None]:
    def hook(_module: Any, _inputs: Any, output: Any) -> None:
        if path not in observed.shapes and hasattr(output, "shape"):
            observed.note(path, output)

    return hook


class _Tracer:
    """Traces the statements of every `forward` and records the shape that each assigns."""

    def __init__(self, net: Any, planned: GeneratedModule, observed: _Observed) -> None:
        self.observed = observed
        self.paths = {id(module): tuple(name.split(".")) if name else () for name, module in net.named_modules()}
        self.file = type(net).forward.__code__.co_filename
        self.lines: dict[int, Computed] = {}
        self.last: dict[int, int] = {}
        for line, statement in statements(File(self.file).read_text(encoding="utf-8"), planned):
            self.lines[line.lineno] = statement
            self.last[line.lineno] = line.end_lineno or line.lineno
        self.before: dict[int, int] = {}

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "call":
            code = frame.f_code
            return self if code.co_filename == self.file and code.co_name == "forward" else None
        key = id(frame)
        if event == "exception":
            self.before.pop(key, None)
            return self
        done = self.before.get(key)
        if done is not None and event == "line" and done <= frame.f_lineno <= self.last[done]:
            return self  # a statement of several lines that is not complete yet
        self.before.pop(key, None)
        if done is not None:
            made = self.lines[done]
            owner = self.paths.get(id(frame.f_locals.get("self")))
            if owner is not None and made.in_use(owner) not in self.observed.shapes:
                self.observed.note(made.in_use(owner), frame.f_locals[made.variable])
        if event == "line" and frame.f_lineno in self.lines:
            self.before[key] = frame.f_lineno
        return self


def statements(source: str, planned: GeneratedModule) -> Iterator[tuple[ast.stmt, Computed]]:
    """Yield each computing statement of a generated module, with its step and variable."""
    for part in ast.parse(source).body:
        if isinstance(part, ast.ClassDef) and part.name in planned.statements:
            forward = next((p for p in part.body if isinstance(p, ast.FunctionDef) and p.name == "forward"), None)
            made, expected = _assignments(forward.body) if forward else [], planned.statements[part.name]
            assert len(made) == len(expected), f"a statement of {part.name}.forward is not in the plan"
            yield from ((line, step) for line, step in zip(made, expected, strict=True) if step is not None)


def _assignments(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the computing statements, including those under an `if`."""
    found: list[ast.stmt] = []
    for part in body:
        if isinstance(part, ast.If):
            found += [*_assignments(part.body), *_assignments(part.orelse)]
        elif isinstance(part, ast.Assign | ast.AugAssign | ast.AnnAssign):
            is_start = isinstance(part, ast.AnnAssign) and isinstance(part.value, ast.Constant)
            found += [] if is_start else [part]
    return found


def _compared(graph: LoweredGraph, observed: _Observed) -> list[Finding]:
    findings = []
    expected = {("", output.name): output.shape for output in graph.outputs} | _expected(graph.root)
    for path, shape in expected.items():
        seen = observed.shapes.get(path)
        if seen != shape:
            where = f"the output {path[1]}" if path[:1] == ("",) else dotted(path)
            findings.append(Finding(where, str(shape), str(seen or "no such step")))
    return findings


def _expected(container: Container) -> dict[Path, Shape]:
    """Return the shapes of all steps, without the inside of modules that are applied once more."""
    found: dict[Path, Shape] = {}
    for child in container.children:
        if isinstance(child, Container):
            found |= {} if child.weights else _expected(child)
        # A move computes nothing, and in a shared class it has the path of the first use.
        if is_move(child):
            continue
        if not (isinstance(child, Container) and child.inline):
            found[child.path] = child.shape
    return found
