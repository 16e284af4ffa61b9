"""Generates the source of modules and training scripts."""

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from archdsl.base.resources import resource
from archdsl.emit import training
from archdsl.emit.plan import ModulePlan, plan, plan_stages, plan_towers
from archdsl.ir.graph import CheckedGraph, CountedGraph
from archdsl.passes.lowering import Buildable, LoweredGraph, lowered
from archdsl.passes.pipeline_stages import PipelineStage

if TYPE_CHECKING:
    from jinja2 import Template


class Generated(NamedTuple):
    """The source of a module, and notes that say which line fixed each parameter that its constructor does not take."""

    text: str
    notes: tuple[str, ...]


def generate(graph: Buildable) -> str:
    """Return the source of the PyTorch module that computes a graph.

    Raises:
        archdsl.readback.values.WrongModule: The text differs from the graph, which is a bug in archdsl.
    """
    return generate_with_notes(graph).text


def generate_with_notes(graph: Buildable) -> Generated:
    """Return the source of the PyTorch module that computes a graph, with its notes.

    Raises:
        archdsl.readback.values.WrongModule: The text differs from the graph, which is a bug in archdsl.
    """
    low = lowered(graph)
    made = plan(low)
    return Generated(_compared(render(made.plan), [low]), made.notes)


def generate_stages(graph: CheckedGraph, stages: Sequence[PipelineStage]) -> str:
    """Return the source of a module with the pipeline stages of a graph, and a function that sets up the schedule."""
    return _compared(render(plan_stages(graph, stages).plan), [stage.graph for stage in stages])


def generate_training(graph: CountedGraph, module: str, stages: Sequence[PipelineStage] = ()) -> str:
    """Return the source of the script that trains a graph, or its pipeline stages.

    Args:
        graph: The graph.
        module: The name under which the script imports the generated module.
        stages: The stages, if the module is for a pipeline.

    Raises:
        archdsl.emit.training.CannotTrain: The graph is not an image classifier.
    """
    return _rendered("train.py.j2", training.plan(graph, module, stages))


def generate_towers(graph: CheckedGraph, towers: Sequence[LoweredGraph]) -> str:
    """Return the source of a module with one class for each tower of a graph, each for a process of its own."""
    return _compared(render(plan_towers(graph, towers).plan), towers)


def _compared(text: str, graphs: Sequence[LoweredGraph]) -> str:
    """Return the text of a module if a reader that knows nothing of the emitter finds its graphs in it."""
    from archdsl.readback.compare import require_same

    require_same(text, graphs)
    return text


def render(module: ModulePlan) -> str:
    """Return the text of a planned module."""
    return _rendered("module.py.j2", module)


def _rendered(template: str, plan: ModulePlan | training.TrainingPlan) -> str:
    return _template(template).render({field.name: getattr(plan, field.name) for field in fields(plan)})


@cache
def _template(name: str) -> "Template":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda path: resource("templates", path).read_text(encoding="utf-8")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
