"""Checked graph to the plan of its training script, or to the sentence that says why it has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from archdsl.base.pyexpr import Call, Ref
from archdsl.base.pyprint import lines
from archdsl.base.shape import Shape
from archdsl.base.symbolic import polynomial
from archdsl.emit import documentation
from archdsl.emit.scope import scopes
from archdsl.ir.graph import CheckedGraph, Output
from archdsl.ops.base import Trait
from archdsl.passes.stages import Stage

_COLOURS = (1, 3)
# From what a net ends in to scores of which the highest wins; the loss is the cross-entropy of their softmax.
_SCORES = {
    Trait.GIVES_PROBABILITIES: "output.float().clamp_min(1e-12).log()",
    Trait.GIVES_DISTANCES: "-output.float()",
}


class CannotTrain(Exception):
    """The script cannot train this net; the message says why."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What the template of a training script lays out: its variables are these fields.

    `flat` says that images go in as vectors, `several` that the net is on more than one device, which the option
    `devices` names. `first` picks the output that is judged, `fixed_classes` is 0 where the data decide. `stages` is
    the number of those of a pipeline, 0 for a module that is whole; a batch is cut into `micro_batches` for them, and
    `weightless` says that one of them has nothing to train.
    """

    title: str
    module: str
    construction: tuple[str, ...]
    channels: int
    height: int
    width: int
    flat: bool
    devices: str
    several: bool
    scores: str
    first: str
    auxiliary: bool
    fixed_classes: int
    stages: int
    micro_batches: int
    weightless: bool


def plan(graph: CheckedGraph, module: str, stages: Sequence[Stage] = ()) -> TrainingPlan:
    """Return the plan of the script that trains a graph, whose module others import as `module`.

    `stages` are those that the module has if it is for a pipeline.

    Raises CannotTrain where the graph does not tell classes of images apart.
    """
    image = _image(graph)
    channels, height, width = image.plain().dims
    # The parameters of a model are numbers in its stages.
    classes = None if stages else _classes_argument(graph)
    device = "device" if stages else graph.device_argument
    return TrainingPlan(
        title=documentation.title(graph, doing=f"Trains the {len(stages)} stages of " if stages else "Trains "),
        module=module,
        construction=() if stages else tuple(_construction(graph, classes)),
        channels=channels,
        height=height,
        width=width,
        flat=graph.inputs[0].shape.rank == 1,
        devices=device,
        several=device == "devices",
        scores=_scores(graph),
        first="[0]" if len(graph.outputs) > 1 else "",
        auxiliary=len(graph.outputs) > 1,
        fixed_classes=0 if classes else int(graph.output.shape.channels),
        stages=len(stages),
        # So many that all stages have work for most of a step, and that batches often split into.
        micro_batches=2 << (len(stages) - 1).bit_length() if stages else 0,
        weightless=not all(stage.graph.params for stage in stages),
    )


def _image(graph: CheckedGraph) -> Shape:
    """Return the shape of the images that go in; a vector is one of a grey square."""
    if len(graph.inputs) != 1:
        names = ", ".join(f"`{each.name}`" for each in graph.inputs)
        raise CannotTrain(f"{graph.name} takes {len(graph.inputs)} inputs ({names}), and train.py feeds images alone")
    given = graph.inputs[0]
    if graph.indices(given) is not None:
        raise CannotTrain(f"the input `{given.name}` of {graph.name} holds indices, and train.py feeds images")
    shape = given.shape.plain()
    if shape.rank == 1 and isqrt(shape.volume) ** 2 == shape.volume:
        return Shape.of(1, isqrt(shape.volume), isqrt(shape.volume))
    if shape.rank != 3 or shape.channels not in _COLOURS:
        raise CannotTrain(
            f"the input `{given.name}` of {graph.name} is {shape}, and train.py feeds images: 1 or 3 channels, height "
            "and width"
        )
    return given.shape


def _scores(graph: CheckedGraph) -> str:
    """Return the scores of the classes, computed from an output."""
    first, *others = graph.outputs
    if first.shape.rank != 1 or first.when_training:
        raise CannotTrain(f"{graph.name} gives {first.shape}, and train.py needs a number for each class")
    for other in others:
        if not other.when_training:
            raise CannotTrain(
                f"{graph.name} has a second output, `{other.name}`, and train.py has a loss for one; outputs "
                "`when training` are auxiliary classifiers"
            )
        if other.shape.plain() != first.shape.plain() or _scores_of(graph, other) != _scores_of(graph, first):
            raise CannotTrain(
                f"the auxiliary output `{other.name}` of {graph.name} does not end as its first output does"
            )
    return _scores_of(graph, first)


def _scores_of(graph: CheckedGraph, output: Output) -> str:
    traits = next((node.op.traits for node in graph.nodes if node.path == output.path), Trait(0))
    return next((code for trait, code in _SCORES.items() if trait in traits), "output.float()")


def _classes_argument(graph: CheckedGraph) -> str | None:
    """Return the argument of the constructor that is the number of classes; None where the number is fixed."""
    trace = polynomial(graph.output.shape.channels)
    root = scopes(graph)[()]
    for name in root.values:
        if trace == (((name,), 1),) and name not in root.fixed:
            return name
    return None


def _construction(graph: CheckedGraph, classes: str | None) -> list[str]:
    """Return the lines that make the net."""
    device = Ref("processes.devices" if graph.device_argument == "devices" else "processes.device")
    given = {classes: Ref("classes")} if classes else {}
    call = Call(f"architecture.{graph.name}", (), (*given.items(), (graph.device_argument, device)))
    return lines(call, prefix="net: nn.Module = ", indent=4)
