"""Fully connected layers, and the Euclidean output units of LeNet-5."""

from collections.abc import Mapping
from typing import ClassVar

from archdsl.base.pyexpr import call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import EVERYTHING, OUTPUT_IS_FREE, STEP_ITSELF, Drawing, InputDependence, Saved, Sums, product
from archdsl.ops.argument_types import BITMAPS, COUNT, TRUTH, ArgumentValue
from archdsl.ops.base import Argument, Example, Fusion, LayerCode, Op, Submodule, Trait, arg, op
from archdsl.ops.initialisers import BIASES, INITIALISER, WEIGHTS, Initialiser, InitialValue, part_by_part
from archdsl.ops.reasons import ShapeError, TableDoesNotFit, WrongRank


def _require_vector(x: Shape) -> None:
    if x.rank != 1:
        raise ShapeError(WrongRank("a vector", str(x), "insert `flatten` before it"))


@op("linear", family="linear", positional=1)
class Linear(Op):
    """Multiply features by a learned matrix and add a bias: `nn.Linear`, for a vector or each step of a sequence."""

    out: int = arg(COUNT, help="number of output features")
    bias: bool = arg(TRUTH, default=True, help="whether to add a learned bias")
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=BIASES)

    autograd = OUTPUT_IS_FREE
    traits = Trait.MIXES_ALL
    support = ("start_parts",)
    examples = (
        Example("linear(84)", Shape.of(120), Shape.of(84), params=10_164, macs=10_080),
        Example("linear(10, bias = false)", Shape.of(84), Shape.of(10), params=840, macs=840),
        Example("linear(256)", Shape.of(50, 64), Shape.of(50, 256), params=16_640, macs=819_200),
    )

    def shape(self, x: Shape) -> Shape:
        if not 1 <= x.rank <= 2:
            raise ShapeError(WrongRank("a vector, or a sequence of vectors", str(x), "insert `flatten` before it"))
        return Shape.of(*x.dims[:-1], self.out)

    def params(self, x: Shape) -> int:
        return self.out * (x.dims[-1] + self.bias)

    def macs(self, x: Shape, y: Shape) -> int:
        return self.out * x.volume

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        weight = InitialValue("init", "weight", self.init, (self.out, x.dims[-1]))
        bias = InitialValue("bias_init", "bias", self.bias_init, (self.out,))
        return (weight, bias) if self.bias else (weight,)

    def torch(self, x: Shape) -> LayerCode:
        return Submodule(call("nn.Linear", x.dims[-1], self.out, bias=self.bias).without(bias=True))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return STEP_ITSELF if y.rank == 2 else EVERYTHING

    def sums(self, x: Shape, y: Shape) -> Sums:
        weights = product(x.dims[-1], self.out)
        times = f"{int(x.dims[0])} * " if x.rank > 1 else ""
        why = "a matrix maps all features to the new ones" + (", step by step" if x.rank > 1 else "")
        return Sums((), weights + (f" + {int(self.out)}" if self.bias else ""), times + weights, why)

    def widened(self, count: int) -> "Linear":
        """Return a layer with the features of `count` layers like this one."""
        return self.changed(out=count * self.out, init=part_by_part(self.init, count))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(GroupedLinear(self, count), self.widened(count)) if inputs[0].rank == 1 else Fusion()

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Linear", width=str(int(self.out)), entry=f"{int(self.out)}-d fc")


class GroupedLinear(Op):
    """Several linear layers side by side, each on its own part of a vector; the pass that fuses towers creates it."""

    name = Linear.name
    family = Linear.family
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0
    autograd = OUTPUT_IS_FREE
    support = ("GroupedLinear", "start_parts")

    def __init__(self, layer: Linear, groups: int) -> None:
        super().__init__()
        self.layer = layer
        self.groups = groups

    @property
    def values(self) -> Mapping[str, ArgumentValue]:
        return self.layer.values

    def _part(self, x: Shape) -> Shape:
        return Shape.of(x.channels // self.groups)

    def shape(self, x: Shape) -> Shape:
        return Shape.of(self.groups * self.layer.out)

    def params(self, x: Shape) -> int:
        return self.groups * self.layer.params(self._part(x))

    def macs(self, x: Shape, y: Shape) -> int:
        return self.groups * self.layer.macs(self._part(x), self._part(y))

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        return self.layer.widened(self.groups).initial_values(self._part(x))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(GroupedLinear(self.layer, count * self.groups))

    def torch(self, x: Shape) -> LayerCode:
        sizes = (self._part(x).channels, self.shape(x).channels)
        return Submodule(call("GroupedLinear", *sizes, groups=self.groups, bias=self.layer.bias).without(bias=True))

    def drawing(self, x: Shape) -> Drawing:
        own = self.layer.drawing(x)
        return own._replace(more=(*own.more, f"g={self.groups}"), entry="")


@op("rbf", family="linear", positional=1)
class Rbf(Op):
    """Compute the squared distance of a vector to each of `out` fixed targets of +1 and -1.

    It is the output layer of LeNet-5 (LeCun et al. 1998, section II.B, equation 7): the class with the smallest
    distance is the prediction. Without `targets`, the targets are drawn at random with a fixed seed.
    """

    out: int = arg(COUNT, help="number of targets, one for each class")
    targets: tuple[str, ...] | None = arg(
        BITMAPS,
        default=None,
        help="one string for each class, with `#` for +1 and `.` for -1; a `/` may end each row of a picture",
    )

    kind = "distances"
    support = ("EuclideanRBF",)
    traits = Trait.GIVES_DISTANCES
    examples = (
        Example("rbf(10)", Shape.of(84), Shape.of(10)),
        Example('rbf(2, targets = ["##./#..", "..#/.##"])', Shape.of(6), Shape.of(2)),
    )

    def shape(self, x: Shape) -> Shape:
        _require_vector(x)
        if self.targets is not None:
            self._check_targets(x, self.targets)
        return Shape.of(self.out)

    def _check_targets(self, x: Shape, targets: tuple[str, ...]) -> None:
        if len(targets) != self.out:
            problem = f"there are {len(targets)} targets for {int(self.out)} outputs"
            raise ShapeError(
                TableDoesNotFit("targets", problem, f"give {int(self.out)} targets, or write `rbf({len(targets)}, …)`")
            )
        for number, target in enumerate(targets):
            if len(target) != x.channels:
                problem = f"target {number} has {len(target)} cells, and the input has {int(x.channels)} features"
                raise ShapeError(
                    TableDoesNotFit(
                        "targets",
                        problem,
                        f"write {int(x.channels)} cells in target {number}, a `#` or `.` for each feature",
                    )
                )

    def buffer_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return (("targets", (self.out, x.channels)),)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The differences between the input and the targets.
        return Saved(values=y.volume * inputs[0].volume)

    def torch(self, x: Shape) -> LayerCode:
        return Submodule(call("EuclideanRBF", self.targets or (x.channels, self.out)))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("RBF", width=str(int(self.out)), entry=f"{int(self.out)}-d RBF")
