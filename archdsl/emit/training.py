"""Plans the training script of a graph, or says why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from archdsl.base.pyexpr import Call, Ref
from archdsl.base.pyprint import lines
from archdsl.base.shape import Shape
from archdsl.base.symbolic import polynomial
from archdsl.emit import documentation
from archdsl.emit.class_parameters import class_parameters
from archdsl.ir.graph import CountedGraph, Output
from archdsl.ops.base import Trait
from archdsl.passes.pipeline_stages import PipelineStage

_COLOURS = (1, 3)
# Converts the output of a net to logits, for the cross-entropy loss.
_SCORES = {
    Trait.GIVES_PROBABILITIES: "output.float().clamp_min(1e-12).log()",
    Trait.GIVES_DISTANCES: "-output.float()",
}


class CannotTrain(Exception):
    """The script cannot train this net. The message is the reason."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The fields of a training script, which are the variables of its template.

    Attributes:
        title: The first line of the docstring.
        module: The name under which the script imports the module.
        construction: The lines that create the net.
        channels, height, width: The shape of the images.
        flat: Whether the net takes images as vectors.
        devices: The name of the constructor's argument for devices.
        several: Whether the net is on more than one device.
        scores: The expression that converts `output` to logits.
        first: The index of the main output, in brackets, if there are several.
        auxiliary: Whether there are auxiliary classifiers.
        fixed_classes: The number of classes, 0 if it is a parameter of the net.
        stages: The number of pipeline stages, 0 for a module that is not cut into stages.
        micro_batches: The default number of micro-batches of a pipeline.
        weightless: Whether a stage has no parameters to train.
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


def plan(graph: CountedGraph, module: str, stages: Sequence[PipelineStage] = ()) -> TrainingPlan:
    """Return the plan of a training script.

    Args:
        graph: The graph to train.
        module: The name under which the script imports the generated module.
        stages: The stages of the module if it is for a pipeline.

    Raises:
        CannotTrain: The graph is not an image classifier.
    """
    image = _image(graph)
    channels, height, width = image.plain().dims
    # In stages, the parameters of the model are numbers.
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
        # Enough to keep all stages busy for most of a step, and a power of 2, which divides most batch sizes.
        micro_batches=2 << (len(stages) - 1).bit_length() if stages else 0,
        weightless=not all(stage.graph.params for stage in stages),
    )


def _image(graph: CountedGraph) -> Shape:
    """Return the shape of the input images. A vector is a square grey image."""
    if len(graph.inputs) != 1:
        names = ", ".join(f"`{each.name}`" for each in graph.inputs)
        raise CannotTrain(f"{graph.name} takes {len(graph.inputs)} inputs ({names}), but train.py needs exactly one")
    given = graph.inputs[0]
    if graph.indices(given) is not None:
        raise CannotTrain(f"the input `{given.name}` of {graph.name} holds indices, but train.py feeds images")
    shape = given.shape.plain()
    if shape.rank == 1 and isqrt(shape.volume) ** 2 == shape.volume:
        return Shape.of(1, isqrt(shape.volume), isqrt(shape.volume))
    if shape.rank != 3 or shape.channels not in _COLOURS:
        raise CannotTrain(
            f"the input `{given.name}` of {graph.name} is {shape}, but train.py feeds images: 1 or 3 channels, height "
            "and width"
        )
    return given.shape


def _scores(graph: CountedGraph) -> str:
    """Return the expression that converts `output` to logits."""
    first, *others = graph.outputs
    if first.shape.rank != 1 or first.when_training:
        raise CannotTrain(f"{graph.name} gives {first.shape}, but train.py needs one score for each class")
    for other in others:
        if not other.when_training:
            raise CannotTrain(
                f"{graph.name} has a second output, `{other.name}`, but train.py has one loss: mark auxiliary "
                "classifiers `when training`"
            )
        if other.shape.plain() != first.shape.plain() or _scores_of(graph, other) != _scores_of(graph, first):
            raise CannotTrain(
                f"the auxiliary output `{other.name}` of {graph.name} differs in shape or last operator from the first"
            )
    return _scores_of(graph, first)


def _scores_of(graph: CountedGraph, output: Output) -> str:
    traits = next((node.op.traits for node in graph.nodes if node.path == output.path), Trait(0))
    return next((code for trait, code in _SCORES.items() if trait in traits), "output.float()")


def _classes_argument(graph: CountedGraph) -> str | None:
    """Return the parameter of the net that is the number of classes, None if that number is fixed."""
    trace = polynomial(graph.output.shape.channels)
    root = class_parameters(graph)[()]
    for name in root.values:
        if trace == (((name,), 1),) and name not in root.fixed:
            return name
    return None


def _construction(graph: CountedGraph, classes: str | None) -> list[str]:
    """Return the lines that create the net."""
    device = Ref("processes.devices" if graph.device_argument == "devices" else "processes.device")
    given = {classes: Ref("classes")} if classes else {}
    call = Call(f"architecture.{graph.name}", (), (*given.items(), (graph.device_argument, device)))
    return lines(call, prefix="net: nn.Module = ", indent=4)
