"""Imports a generated module, runs it, and holds it against the graph: every shape, and the number of parameters."""

import ast
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as File
from types import FrameType, ModuleType
from typing import Any

from archdsl.emit.plan import plan
from archdsl.ir import CheckedGraph, Container, Path, dotted
from archdsl.shape import Shape

BATCH = 2


class VerificationError(Exception):
    """The generated module cannot be imported, built or run, which is a mistake of archdsl."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A place where the module does not do what the graph says."""

    where: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class _Observed:
    """Shapes seen while the module ran, without the batch."""

    shapes: dict[Path, Shape] = field(default_factory=dict)

    def note(self, path: Path, value: Any) -> None:
        """Keep the shape of what a step gave."""
        self.shapes[path] = Shape(tuple(value.shape[1:]))


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of a verification: how many shapes were compared, and what differs."""

    shapes: int
    params: int
    findings: tuple[Finding, ...]


def verify(graph: CheckedGraph, file: File) -> Verified:
    """Run the module in `file` on a batch of random numbers and compare it with the graph.

    Raises VerificationError where the module cannot be imported, built or run.
    """
    import torch

    try:
        module = _load(file)
        net = getattr(module, module.__all__[0])().eval()
        sample = torch.rand(BATCH, *(int(dim) for dim in graph.inputs[0].shape.dims))
        statements = plan(graph).statements
        observed = _run(net, sample, statements)
    except Exception as error:
        raise VerificationError(f"{type(error).__name__}: {error}") from error
    params = sum(weight.numel() for weight in net.parameters() if weight.requires_grad)
    # A step of `forward` that passes its input on has no statement.
    for node in graph.nodes:
        if len(node.path) == 1 and node.path not in statements and node.input == node.shape:
            observed.shapes.setdefault(node.path, node.shape)
    findings = _compared(graph, observed)
    if params != graph.params:
        findings.append(Finding("parameters", f"{graph.params:,}", f"{params:,}"))
    return Verified(len(observed.shapes), params, tuple(findings))


def _load(file: File) -> ModuleType:
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


def _run(net: Any, sample: Any, statements: tuple[Path, ...]) -> _Observed:
    import torch

    observed = _Observed()
    hooks = [
        child.register_forward_hook(_hook(observed, tuple(name.split("."))))
        for name, child in net.named_modules()
        if name
    ]
    tracer = _Tracer(type(net).forward, statements, observed)
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        with torch.no_grad():
            observed.note((), net(sample))
    finally:
        sys.settrace(before)
        for hook in hooks:
            hook.remove()
    return observed


def _hook(observed: _Observed, path: Path) -> Callable[..., None]:
    def hook(_module: Any, _inputs: Any, output: Any) -> None:
        observed.note(path, output)

    return hook


class _Tracer:
    """Watches the statements of `forward`, each of which gives `x` its next value."""

    def __init__(self, forward: Any, statements: tuple[Path, ...], observed: _Observed) -> None:
        self.code = forward.__code__
        self.observed = observed
        source = ast.parse(File(self.code.co_filename).read_text(encoding="utf-8"))
        body = next(
            part.body
            for part in ast.walk(source)
            if isinstance(part, ast.FunctionDef) and part.lineno == self.code.co_firstlineno
        )
        assigned = [part for part in body if isinstance(part, ast.Assign | ast.AnnAssign)]
        self.after = {following.lineno: path for path, following in zip(statements, body[1:], strict=False)}
        assert len(assigned) == len(statements), "a statement of `forward` is not in the plan"

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code is not self.code:
            return None
        if event == "line" and frame.f_lineno in self.after:
            self.observed.note(self.after[frame.f_lineno], frame.f_locals["x"])
        return self


def _compared(graph: CheckedGraph, observed: _Observed) -> list[Finding]:
    findings = []
    for path, shape in {(): graph.output.shape, **_expected(graph.root)}.items():
        seen = observed.shapes.get(path)
        if seen != shape:
            findings.append(Finding(dotted(path) or "the output", str(shape), str(seen or "no such step")))
    return findings


def _expected(container: Container) -> dict[Path, Shape]:
    found: dict[Path, Shape] = {}
    for child in container.children:
        if isinstance(child, Container):
            found.update(_expected(child))
            found[child.path] = list(child.nodes())[-1].shape
        else:
            found[child.path] = child.shape
    return found
