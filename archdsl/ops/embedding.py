"""Embeddings of indices and positions, and the class token."""

from archdsl.base.pyexpr import call
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import NOTHING_SAVED, OUTPUT_IS_FREE, STEP_ITSELF, Autograd, Drawing, InputDependence, Saved
from archdsl.ops.argument_types import ABOVE_ZERO, COUNT, OPTIONAL_COUNT_FROM_ZERO, POSITIVE
from archdsl.ops.base import Example, LayerCode, Op, Submodule, arg, op
from archdsl.ops.initialisers import INITIALISER, WEIGHTS, Initialiser, InitialValue
from archdsl.ops.reasons import OutOfRange, ShapeError
from archdsl.ops.sequence import require_sequence


@op("embedding", family="linear", positional=2)
class Embedding(Op):
    """Replace each index by a learned vector: `nn.Embedding` (Bengio et al. 2003).

    The input holds integers below `count`; the features of the vectors become the last axis.
    """

    count: int = arg(COUNT, help="number of different indices")
    size: int = arg(COUNT, help="number of features of a vector")
    padding_idx: int | None = arg(
        OPTIONAL_COUNT_FROM_ZERO, default=None, help="index whose vector is 0 and gets no gradient"
    )
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)

    kind = "embedding"
    autograd = OUTPUT_IS_FREE
    examples = (
        Example("embedding(1000, 64)", Shape.of(20), Shape.of(20, 64), params=64_000),
        Example("embedding(50, 8, padding_idx = 0)", Shape.of(4, 5), Shape.of(4, 5, 8), params=400),
    )

    def indices(self) -> int | None:
        return self.count

    def shape(self, x: Shape) -> Shape:
        if self.padding_idx is not None and self.padding_idx >= self.count:
            bound = f"below {int(self.count)}, the number of indices"
            raise ShapeError(OutOfRange("padding_idx", str(int(self.padding_idx)), bound))
        return Shape.of(*x.dims, self.size)

    def params(self, x: Shape) -> int:
        return self.count * self.size

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        return (InitialValue("init", "weight", self.init, (self.count, self.size), zero_row=self.padding_idx),)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return STEP_ITSELF

    def torch(self, x: Shape) -> LayerCode:
        made = call("nn.Embedding", self.count, self.size, padding_idx=self.padding_idx)
        return Submodule(made.without(padding_idx=None))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Embedding", f"{int(self.count)}×{int(self.size)}")


@op("positional", family="other")
class Positional(Elementwise):
    """Add a learned vector to each position of a sequence or a map (Gehring et al. 2017; BERT and ViT).

    The parameter is called `weight`; its first axis has size 1, for the batch.
    """

    std: float = arg(POSITIVE, default=0.02, help="standard deviation of the initial values")
    init: Initialiser | None = arg(INITIALISER, default=None, help="initialiser; `none`: normal with `std`")

    autograd = Autograd(needs_output=False, shares_gradient=True)
    support = ("PositionalEmbedding",)
    examples = (
        Example("positional", Shape.of(197, 64), Shape.of(197, 64), params=12_608),
        Example("positional(std = 0.01)", Shape.of(8, 7, 5), Shape.of(8, 7, 5), params=280),
    )

    def params(self, x: Shape) -> int:
        return x.volume

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return (("weight", (1, *x.dims)),)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        return (InitialValue("init", "weight", self.init, (x.volume,)),)

    def torch(self, x: Shape) -> LayerCode:
        return Submodule(call("PositionalEmbedding", *x.dims, std=self.std).without(std=0.02))


@op("sinusoidal", family="other")
class Sinusoidal(Elementwise):
    """Add sines and cosines of the position to each step of a sequence (Vaswani et al. 2017, section 3.5).

    Feature 2i gets the sine and feature 2i + 1 the cosine of the position divided by base^(2i / features).
    """

    base: float = arg(ABOVE_ZERO, default=10_000.0, help="the longest wavelength is about 2 pi times `base`")

    autograd = Autograd(needs_output=False, shares_gradient=True)
    support = ("SinusoidalEncoding",)
    examples = (
        Example("sinusoidal", Shape.of(50, 64), Shape.of(50, 64)),
        Example("sinusoidal(base = 500)", Shape.of(12, 7), Shape.of(12, 7)),
    )

    def shape(self, x: Shape) -> Shape:
        require_sequence(x)
        return x

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def torch(self, x: Shape) -> LayerCode:
        return Submodule(call("SinusoidalEncoding", *x.dims, base=self.base).without(base=10_000.0))


@op("class_token", family="other")
class ClassToken(Op):
    """Insert a learned step before the first step of a sequence, for classification (Devlin et al. 2018; ViT).

    `slice(0, 1) -> flatten` extracts it again.
    """

    init: Initialiser | None = arg(INITIALISER, default=None, help="initialiser of the vector; `none`: zeros")

    autograd = Autograd(needs_output=False, shares_gradient=True)
    support = ("ClassToken",)
    examples = (
        Example("class_token", Shape.of(196, 64), Shape.of(197, 64), params=64),
        Example("class_token", Shape.of(9, 8), Shape.of(10, 8), params=8),
    )

    def shape(self, x: Shape) -> Shape:
        time, features = require_sequence(x)
        return Shape.of(time + 1, features)

    def params(self, x: Shape) -> int:
        return x.dims[1]

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return (("weight", (1, 1, x.dims[1])),)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return STEP_ITSELF

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        return (InitialValue("init", "weight", self.init, (x.dims[1],)),)

    def torch(self, x: Shape) -> LayerCode:
        return Submodule(call("ClassToken", x.dims[1]))
