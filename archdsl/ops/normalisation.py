"""Normalisations with a scale and a shift for each channel, and local response normalisation."""

from archdsl.base.pyexpr import Expr, Method, call
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import OUTPUT_IS_FREE, Drawing, Saved, Sums
from archdsl.ops.argument_types import ABOVE_ZERO, GUARDED_COUNT, POSITIVE, RATE, REAL, REPEATED, TRUTH
from archdsl.ops.base import INPUT, Example, Functional, Fusion, LayerCode, Submodule, Trait, arg, op
from archdsl.ops.dependence import InputDependence, everything, itself
from archdsl.ops.initialisers import INITIALISER, SCALES, SHIFTS, Initialiser, InitialValue
from archdsl.ops.mismatches import NoSpread
from archdsl.ops.reasons import NotDivisible, ShapeError, WrongRank
from archdsl.ops.roles import READS_MAP
from archdsl.ops.window import require_map


class PerChannel(Elementwise):
    """Base class of normalisations with a scale and a shift for each channel."""

    affine: bool
    init: Initialiser | None
    bias_init: Initialiser | None

    roles = READS_MAP

    def params(self, x: Shape) -> int:
        return 2 * x.channels if self.affine else 0

    def sums(self, x: Shape, y: Shape) -> Sums:
        return Sums(params=f"2*{int(x.channels)}" if self.affine else "", why="the shape does not change")

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        scale = InitialValue("init", "weight", self.init, (x.channels,))
        return (scale, InitialValue("bias_init", "bias", self.bias_init, (x.channels,))) if self.affine else ()


def _statistics(x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return name and sizes of the buffers with running statistics."""
    return ("running_mean", (x.channels,)), ("running_var", (x.channels,)), ("num_batches_tracked", ())


@op("batchnorm", family="normalisation")
class BatchNorm(PerChannel):
    """Normalise each channel over the batch, then scale and shift it (Ioffe and Szegedy 2015).

    It is `nn.BatchNorm1d`, `2d` or `3d`, by the rank of the input.
    """

    eps: float = arg(ABOVE_ZERO, default=1e-5, help="added to the variance")
    momentum: float = arg(RATE, default=0.1, help="weight of the current batch in the running statistics")
    affine: bool = arg(TRUTH, default=True, help="whether scale and shift are learned")
    init: Initialiser | None = arg(INITIALISER, default=None, help=SCALES)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=SHIFTS)

    autograd = OUTPUT_IS_FREE
    traits = Trait.CENTRES | Trait.USES_BATCH_STATISTICS
    is_lanewise = True
    examples = (
        Example("batchnorm", Shape.of(64, 56, 48), Shape.of(64, 56, 48), params=128),
        Example("batchnorm(eps = 0.001, momentum = 0.01)", Shape.of(8, 5), Shape.of(8, 5), params=16),
        Example("batchnorm(affine = false)", Shape.of(8), Shape.of(8)),
        Example("batchnorm", Shape.of(4, 2, 3, 3), Shape.of(4, 2, 3, 3), params=8),
    )

    def shape(self, x: Shape) -> Shape:
        if not 1 <= x.rank <= 4:
            raise ShapeError(WrongRank("channels and up to three axes", str(x)))
        return x

    def buffer_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return _statistics(x)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # Mean and reciprocal standard deviation of each channel.
        return Saved(input=True, of_batch=2 * y.channels)

    def torch(self, x: Shape) -> LayerCode:
        made = call(
            f"nn.BatchNorm{max(x.rank - 1, 1)}d", x.channels, eps=self.eps, momentum=self.momentum, affine=self.affine
        )
        return Submodule(made.without(eps=1e-5, momentum=0.1, affine=True))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("BN")


@op("groupnorm", family="normalisation", positional=1)
class GroupNorm(PerChannel):
    """Normalise each group of channels of a sample, then scale and shift: `nn.GroupNorm` (Wu and He 2018)."""

    groups: int = arg(GUARDED_COUNT, help="number of groups of channels; each group is normalised as a whole")
    eps: float = arg(POSITIVE, default=1e-5, help="added to the variance")
    affine: bool = arg(TRUTH, default=True, help="whether scale and shift are learned")
    init: Initialiser | None = arg(INITIALISER, default=None, help=SCALES)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=SHIFTS)

    autograd = OUTPUT_IS_FREE
    examples = (
        Example("groupnorm(8)", Shape.of(64, 56, 48), Shape.of(64, 56, 48), params=128),
        Example("groupnorm(1, eps = 0.001)", Shape.of(8, 5), Shape.of(8, 5), params=16),
        Example("groupnorm(2, affine = false)", Shape.of(8), Shape.of(8)),
        Example("groupnorm(4)", Shape.of(4, 2, 3, 3), Shape.of(4, 2, 3, 3), params=8),
    )

    def shape(self, x: Shape) -> Shape:
        if x.channels.real % self.groups.real:
            raise ShapeError(NotDivisible(int(x.channels), int(self.groups), "channels"))
        # PyTorch raises an error for a batch of one, and returns only the shift for larger ones.
        if x.volume == self.groups:
            advice = "use fewer groups, or move the normalisation before the map shrinks to one pixel"
            raise ShapeError(NoSpread("groups", "each group", str(x), advice))
        return x

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(self.changed(groups=count * self.groups))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # Mean and reciprocal standard deviation of each group.
        return Saved(input=True, values=2 * self.groups)

    def torch(self, x: Shape) -> LayerCode:
        made = call("nn.GroupNorm", self.groups, x.channels, eps=self.eps, affine=self.affine)
        return Submodule(made.without(eps=1e-5, affine=True))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return everything(inputs)

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("GN")


@op("instancenorm", family="normalisation")
class InstanceNorm(PerChannel):
    """Normalise each channel of a sample: `nn.InstanceNorm1d` to `3d`, by the rank (Ulyanov et al. 2016)."""

    eps: float = arg(POSITIVE, default=1e-5, help="added to the variance")
    momentum: float = arg(RATE, default=0.1, help="weight of the current batch in the running statistics")
    affine: bool = arg(TRUTH, default=False, help="whether scale and shift are learned")
    track_running_stats: bool = arg(
        TRUTH, default=False, help="whether evaluation uses running statistics of the training"
    )
    init: Initialiser | None = arg(INITIALISER, default=None, help=SCALES)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=SHIFTS)

    autograd = OUTPUT_IS_FREE
    traits = Trait.CENTRES
    is_lanewise = True
    examples = (
        Example("instancenorm", Shape.of(64, 56, 48), Shape.of(64, 56, 48)),
        Example("instancenorm(affine = true)", Shape.of(8, 5), Shape.of(8, 5), params=16),
        Example("instancenorm(eps = 0.001)", Shape.of(4, 2, 3, 3), Shape.of(4, 2, 3, 3)),
        Example("instancenorm(track_running_stats = true, momentum = 0.05)", Shape.of(4, 6, 6), Shape.of(4, 6, 6)),
    )

    def shape(self, x: Shape) -> Shape:
        require_map(x)
        if x.volume == x.channels:
            raise ShapeError(NoSpread("call", "each channel", str(x)))
        return x

    def buffer_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return _statistics(x) if self.track_running_stats else ()

    def torch(self, x: Shape) -> LayerCode:
        options: dict[str, Expr] = {"eps": self.eps}
        if self.track_running_stats:
            options["momentum"] = self.momentum
        flags: dict[str, Expr] = {"affine": self.affine, "track_running_stats": self.track_running_stats}
        made = call(f"nn.InstanceNorm{require_map(x)}d", x.channels, **options, **flags)
        made = made.without(eps=1e-5, momentum=0.1, affine=False, track_running_stats=False)
        if self.affine or self.track_running_stats:
            return Submodule(made)
        return Functional(made, call("F.instance_norm", INPUT, **options).without(eps=1e-5))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # Mean and reciprocal standard deviation; PyTorch repeats weights and running statistics for each sample.
        copies = int(self.affine) + 2 * int(self.track_running_stats)
        return Saved(input=True, values=(2 + copies) * y.channels)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        # As in evaluation, which uses the running statistics.
        return itself(inputs, y, mixed=() if self.track_running_stats else tuple(range(1, y.rank)))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("IN")


@op("lrn", family="normalisation", positional=1)
class LocalResponseNorm(Elementwise):
    """Divide by a power of the sum of squares over neighbouring channels: `nn.LocalResponseNorm`.

    It is the normalisation of AlexNet (Krizhevsky et al. 2012, section 3.3). Unlike the paper, PyTorch divides `alpha`
    by `size`.
    """

    size: int = arg(REPEATED, help="number of neighbouring channels in the sum")
    alpha: float = arg(REAL, default=1e-4, help="factor of the sum, divided by `size`")
    beta: float = arg(REAL, default=0.75, help="exponent")
    k: float = arg(REAL, default=1.0, help="added to the sum")

    roles = READS_MAP
    support = ("LocalResponseNorm3d",)
    examples = (
        Example("lrn(5, k = 2.0)", Shape.of(96, 55, 55), Shape.of(96, 55, 55)),
        Example("lrn(3, alpha = 0.001, beta = 0.5)", Shape.of(8, 9), Shape.of(8, 9)),
        Example("lrn(4)", Shape.of(3, 2, 4, 5), Shape.of(3, 2, 4, 5)),
    )

    def shape(self, x: Shape) -> Shape:
        require_map(x)
        return x

    def torch(self, x: Shape) -> LayerCode:
        options: dict[str, Expr] = {"alpha": self.alpha, "beta": self.beta, "k": self.k}
        # PyTorch calls `view` on volumes, which fails for permuted axes.
        is_volume = x.rank == 4
        module = "LocalResponseNorm3d" if is_volume else "nn.LocalResponseNorm"
        source = Method(INPUT, "contiguous", ()) if is_volume else INPUT
        return Functional(
            call(module, self.size, **options).without(alpha=1e-4, beta=0.75, k=1.0),
            call("F.local_response_norm", source, self.size, **options).without(alpha=1e-4, beta=0.75, k=1.0),
        )

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The squares, padded with zeros along the channels; their sums; the powers of these.
        positions = Shape(y.map).volume
        return Saved(input=True, values=positions * (y.channels + self.size - 1) + 2 * y.volume)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return itself(inputs, y, mixed=(0,))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("LRN")
