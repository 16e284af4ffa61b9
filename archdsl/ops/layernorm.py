"""Layer normalisations: over the last axes, or over the channels of each pixel."""

from archdsl.base.pyexpr import Expr, call
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import OUTPUT_IS_FREE, Drawing, Saved
from archdsl.ops.argument_types import COUNT, OPTIONAL_POSITIVE, POSITIVE, TRUTH
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Submodule, arg, op
from archdsl.ops.dependence import InputDependence, itself
from archdsl.ops.initialisers import INITIALISER, SCALES, SHIFTS, Initialiser, InitialValue
from archdsl.ops.mismatches import NoSpread
from archdsl.ops.normalisation import PerChannel
from archdsl.ops.reasons import OutOfRange, Reason, ShapeError, WrongRank
from archdsl.ops.roles import KEEPS_ROLE, Remedy, Written, along_length


class OverLastAxes(Elementwise):
    """Base class of normalisations over the last axes, with weights for each element of these axes."""

    axes: int
    affine: bool
    bias: bool = False
    init: Initialiser | None
    bias_init: Initialiser | None = None

    roles = KEEPS_ROLE

    def _sizes(self, x: Shape) -> tuple[int, ...]:
        # The axes determine the structure; as plain numbers, they are fixed in the generated module.
        return x.dims[x.rank - int(self.axes) :]

    def shape(self, x: Shape) -> Shape:
        if self.axes > x.rank:
            raise ShapeError(OutOfRange("axes", str(int(self.axes)), f"at most {x.rank}, the number of axes of {x}"))
        return x

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        x = inputs[0]
        if roles[0] is not Role.MAP or self.axes != 1 or "axes" in written:
            return None
        last = roles[0].words(x.rank)[-1]
        problem = f"`{self.name}` normalises each row of {int(x.dims[-1])} pixels, and has weights for each of them"
        if x.rank == 3 and self.name == "layernorm":
            remedy = Remedy(name="channel_layernorm", purpose="to normalise the channels of each pixel")
        else:
            remedy = Remedy(before="tokens", purpose="to normalise the channels of each pixel")
        return along_length(problem, remedy, Remedy(argument="axes = 1", purpose=f"if the {last} is meant"))

    def params(self, x: Shape) -> int:
        return Shape(self._sizes(x)).volume if self.affine else 0

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        if not self.affine:
            return ()
        # Initialisers with a fan-in do not apply to a scale, however many axes it has: it counts as a vector.
        scale = InitialValue("init", "weight", self.init, (Shape(self._sizes(x)).volume,))
        return (scale, InitialValue("bias_init", "bias", self.bias_init, scale.dims)) if self.bias else (scale,)

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return tuple((start.parameter, self._sizes(x)) for start in self.initial_values(x))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return itself(inputs, y, mixed=tuple(range(y.rank - int(self.axes), y.rank)))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return Saved(input=True, values=2 * y.volume // Shape(self._sizes(y)).volume)


@op("layernorm", family="normalisation")
class LayerNorm(OverLastAxes):
    """Normalise each sample over its last axes, then scale and shift each element: `nn.LayerNorm` (Ba et al. 2016).

    With one axis, it normalises the features of each step of a sequence; with three, a whole map.
    """

    axes: int = arg(COUNT, default=1, help="number of axes to normalise over, counted from the last")
    eps: float = arg(POSITIVE, default=1e-5, help="added to the variance")
    affine: bool = arg(TRUTH, default=True, help="whether scale and shift are learned")
    bias: bool = arg(TRUTH, default=True, help="whether there is a shift; only with `affine`")
    init: Initialiser | None = arg(INITIALISER, default=None, help=SCALES)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=SHIFTS)

    autograd = OUTPUT_IS_FREE
    examples = (
        Example("layernorm", Shape.of(50, 64), Shape.of(50, 64), params=128),
        Example("layernorm(axes = 3)", Shape.of(4, 6, 5), Shape.of(4, 6, 5), params=240),
        Example("layernorm(eps = 1e-6, bias = false)", Shape.of(84), Shape.of(84), params=84),
        Example("layernorm(axes = 2, eps = 1e-6, affine = false)", Shape.of(4, 6, 5), Shape.of(4, 6, 5)),
    )

    def shape(self, x: Shape) -> Shape:
        super().shape(x)
        if Shape(self._sizes(x)).volume == 1:
            what = "the last axis" if self.axes == 1 else f"the last {int(self.axes)} axes"
            raise ShapeError(NoSpread("axes", what, str(x), f"increase `axes`, or remove `{self.name}`"))
        return x

    def params(self, x: Shape) -> int:
        return (1 + self.bias) * super().params(x)

    def torch(self, x: Shape) -> LayerCode:
        sizes = self._sizes(x)
        size: Expr = sizes if len(sizes) > 1 else sizes[0]
        options: dict[str, Expr] = {"elementwise_affine": self.affine}
        if self.affine:
            options["bias"] = self.bias
        made = call("nn.LayerNorm", size, eps=self.eps, **options).without(eps=1e-5, elementwise_affine=True, bias=True)
        if self.affine:
            return Submodule(made)
        return Functional(made, call("F.layer_norm", INPUT, sizes, eps=self.eps).without(eps=1e-5))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("LN")


@op("rmsnorm", family="normalisation")
class RmsNorm(OverLastAxes):
    """Divide each sample by its root mean square over the last axes, then scale it: `nn.RMSNorm`.

    It subtracts no mean and adds no shift (Zhang and Sennrich 2019).
    """

    axes: int = arg(COUNT, default=1, help="number of axes to normalise over, counted from the last")
    eps: float | None = arg(
        OPTIONAL_POSITIVE, default=None, help="added to the mean square; `none`: the machine epsilon of the data type"
    )
    affine: bool = arg(TRUTH, default=True, help="whether the scale is learned")
    init: Initialiser | None = arg(INITIALISER, default=None, help=SCALES)

    autograd = OUTPUT_IS_FREE
    examples = (
        Example("rmsnorm", Shape.of(50, 64), Shape.of(50, 64), params=64),
        Example("rmsnorm(axes = 3, eps = 1e-6)", Shape.of(4, 6, 5), Shape.of(4, 6, 5), params=120),
        Example("rmsnorm(affine = false)", Shape.of(84), Shape.of(84)),
    )

    def torch(self, x: Shape) -> LayerCode:
        sizes = self._sizes(x)
        size: Expr = sizes if len(sizes) > 1 else sizes[0]
        made = call("nn.RMSNorm", size, eps=self.eps, elementwise_affine=self.affine)
        made = made.without(eps=None, elementwise_affine=True)
        if self.affine:
            return Submodule(made)
        return Functional(made, call("F.rms_norm", INPUT, sizes, eps=self.eps).without(eps=None))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The reciprocals of the root mean squares, and the input of the scaling.
        return Saved(input=True, values=y.volume // Shape(self._sizes(y)).volume + (y.volume if self.affine else 0))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("RMSNorm")


@op("channel_layernorm", family="normalisation")
class ChannelLayerNorm(PerChannel):
    """Normalise each pixel over its channels, then scale and shift each channel (Liu et al. 2022).

    It is the `LayerNorm2d` of ConvNeXt: `layernorm` for maps.
    """

    eps: float = arg(POSITIVE, default=1e-5, help="added to the variance")
    affine: bool = arg(TRUTH, default=True, help="whether scale and shift are learned")
    init: Initialiser | None = arg(INITIALISER, default=None, help=SCALES)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=SHIFTS)

    autograd = OUTPUT_IS_FREE
    support = ("LayerNorm2d",)
    examples = (
        Example("channel_layernorm", Shape.of(96, 14, 14), Shape.of(96, 14, 14), params=192),
        Example("channel_layernorm(eps = 1e-6)", Shape.of(8, 5, 6), Shape.of(8, 5, 6), params=16),
        Example("channel_layernorm(affine = false)", Shape.of(8, 5, 6), Shape.of(8, 5, 6)),
    )

    def shape(self, x: Shape) -> Shape:
        if x.rank != 3:
            raise ShapeError(WrongRank("channels, height and width", str(x), "use `layernorm` for the last axis"))
        if x.channels == 1:
            raise ShapeError(NoSpread("call", "each pixel", str(x), "use `instancenorm` instead"))
        return x

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return itself(inputs, y, mixed=(0,))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # Mean and standard deviation of each pixel.
        return Saved(input=True, values=2 * Shape(y.map).volume)

    def torch(self, x: Shape) -> LayerCode:
        made = call("LayerNorm2d", x.channels, eps=self.eps, elementwise_affine=self.affine)
        return Submodule(made.without(eps=1e-5, elementwise_affine=True))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Channel LN")
