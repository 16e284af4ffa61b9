"""Module plan and template to text."""

from collections.abc import Sequence
from dataclasses import fields

from archdsl.emit.plan import ModulePlan, plan, plan_stages
from archdsl.ir import CheckedGraph
from archdsl.passes import Stage
from archdsl.resources import resource


def generate(graph: CheckedGraph) -> str:
    """Return the source of the PyTorch module that computes a graph."""
    return render(plan(graph).module)


def generate_stages(graph: CheckedGraph, stages: Sequence[Stage]) -> str:
    """Return the source of a module with the stages of a graph's pipeline, and what runs them."""
    return render(plan_stages(graph, stages).module)


def render(module: ModulePlan) -> str:
    """Return the text of a planned module."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string(resource("templates", "module.py.j2").read_text(encoding="utf-8"))
    return template.render({field.name: getattr(module, field.name) for field in fields(module)})
