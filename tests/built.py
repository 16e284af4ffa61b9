"""Nets of the gallery as the modules that archdsl writes for them, with inputs that fit."""

import linecache
import re
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.driver import compile_source
from archdsl.elaborate.settings import parse_setting, parse_shape
from archdsl.emit.generate import generate
from archdsl.ir.graph import CheckedGraph
from archdsl.ir.tree import with_nodes
from archdsl.syntax.loader import gallery, gallery_models, locate

# Families that are named like a model which cannot be built as it is: its parameters have no defaults.
GENERIC = {"convnext", "densenet", "fractalnet", "regnet", "resnet", "shufflenet", "vgg"}
_MODELS = {name for name in gallery() if re.search(rf"^model {name}\b", locate(name).source.text, re.M | re.I)}
NAMES = sorted({*gallery_models(), *_MODELS} - GENERIC)
"""The nets of the gallery, found without compiling them: pytest collects their names in every process."""


@cache
def net(name: str, *arguments: str) -> CheckedGraph:
    """Return a net of the gallery; arguments are a shape of its input (3x64x64) and settings (side=64)."""
    found = locate(name)
    settings = dict(parse_setting(each) for each in arguments if "=" in each)
    shapes = dict(parse_shape(each) for each in arguments if "=" not in each)
    compiled = compile_source(found.source, model=found.model, settings=settings, shapes=shapes)
    assert compiled.ok, compiled.diagnostics
    return compiled.models[-1]


def module(graph: CheckedGraph, device: str = "cpu") -> nn.Module:
    """Return the generated module, all of it on one device."""
    root = with_nodes(graph.graph.root, lambda node: replace(node, device=None))
    alone = replace(graph, graph=replace(graph.graph, devices=(), root=root))
    text, file = generate(alone), f"generated/{graph.name}.py"
    # TorchScript reads the source.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope: dict[str, Any] = {"__name__": "generated"}
    exec(compile(text, file, "exec"), scope)
    made: nn.Module = scope[graph.name](device=device)
    return made


def sample(graph: CheckedGraph, batch: int = 1, device: str = "cpu") -> list[Tensor]:
    """Return inputs of the right shapes: random numbers, or zeros where indices go in."""
    found = []
    for given in graph.inputs:
        sizes = (batch, *map(int, given.shape.dims))
        count = graph.indices(given)
        found.append(torch.rand(sizes, device=device) if count is None else torch.zeros(sizes, device=device).long())
    return found
