"""Normalisations, and dropout, which regularises like them."""

from archdsl.ops.activation import Elementwise
from archdsl.ops.base import INPUT, Emission, Example, Stateless, Submodule, arg, op
from archdsl.ops.kinds import POSITIVE, RATE, TRUTH
from archdsl.ops.reasons import Misfit, WrongRank
from archdsl.pyexpr import Ref, call
from archdsl.shape import Shape


@op("batchnorm", family="normalisation")
class BatchNorm(Elementwise):
    """Normalise each channel over the batch, then scale and shift it: BatchNorm1d, 2d or 3d by the rank."""

    eps: float = arg(POSITIVE, default=1e-5, help="added to the variance")
    momentum: float = arg(RATE, default=0.1, help="weight of the batch in the running statistics")
    affine: bool = arg(TRUTH, default=True, help="whether scale and shift are learned")

    keeps_output = False
    examples = (
        Example("batchnorm", Shape.of(64, 56, 56), Shape.of(64, 56, 56), params=128),
        Example("batchnorm(eps = 0.001)", Shape.of(8, 5), Shape.of(8, 5), params=16),
        Example("batchnorm(affine = false)", Shape.of(8), Shape.of(8)),
        Example("batchnorm", Shape.of(4, 2, 3, 3), Shape.of(4, 2, 3, 3), params=8),
    )

    def shape(self, x: Shape) -> Shape:
        if not 1 <= x.rank <= 4:
            raise Misfit(WrongRank("channels and up to three axes", str(x)))
        return x

    def params(self, x: Shape) -> int:
        return 2 * x.channels if self.affine else 0

    def torch(self, x: Shape) -> Emission:
        made = call(
            f"nn.BatchNorm{max(x.rank - 1, 1)}d", x.channels, eps=self.eps, momentum=self.momentum, affine=self.affine
        )
        return Submodule(made.without(eps=1e-5, momentum=0.1, affine=True))

    def title(self, x: Shape) -> str:
        return "BN"


@op("dropout", family="other", positional=1)
class Dropout(Elementwise):
    """Set elements to zero at random while training, and scale up the others."""

    rate: float = arg(RATE, default=0.5, help="share of the elements that is dropped")

    examples = (
        Example("dropout", Shape.of(4096), Shape.of(4096)),
        Example("dropout(0.2)", Shape.of(8, 7, 7), Shape.of(8, 7, 7)),
    )

    def torch(self, x: Shape) -> Emission:
        return Stateless(
            call("nn.Dropout", p=self.rate).without(p=0.5),
            call("F.dropout", INPUT, p=self.rate, training=Ref("self.training")).without(p=0.5),
        )
