"""Dropouts: what is left out at random while training."""

from archdsl.base.pyexpr import Ref, call
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import Drawing, Saved
from archdsl.ops.argument_types import RATE
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Trait, arg, op
from archdsl.ops.window import require_map


class Dropping(Elementwise):
    """What dropouts share: a rate, and that nothing happens outside of training."""

    rate: float
    traits = Trait.DROPS
    is_random = True

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The mask, which holds numbers: PyTorch multiplies by it.
        return Saved(values=y.volume)

    def drawing(self, x: Shape) -> Drawing:
        return Drawing(f"{super().drawing(x).title} {self.rate:.3g}")

    def _calls(self, module: str, function: str) -> LayerCode:
        return Functional(
            call(module, p=self.rate).without(p=0.5),
            call(function, INPUT, p=self.rate, training=Ref("self.training")).without(p=0.5),
        )


@op("dropout", family="other", positional=1)
class Dropout(Dropping):
    """Set elements to zero at random while training, and scale up the others."""

    rate: float = arg(RATE, default=0.5, help="share of the elements that is dropped")

    is_lanewise = True
    examples = (
        Example("dropout", Shape.of(4096), Shape.of(4096)),
        Example("dropout(0.2)", Shape.of(8, 7, 5), Shape.of(8, 7, 5)),
    )

    def torch(self, x: Shape) -> LayerCode:
        return self._calls("nn.Dropout", "F.dropout")


@op("channel_dropout", family="other", positional=1)
class ChannelDropout(Dropping):
    """Set whole channels to zero at random while training: Dropout1d, 2d or 3d by the rank (Tompson et al. 2015)."""

    rate: float = arg(RATE, default=0.5, help="share of the channels that is dropped")

    is_lanewise = True
    examples = (
        Example("channel_dropout", Shape.of(8, 7, 5), Shape.of(8, 7, 5)),
        Example("channel_dropout(0.2)", Shape.of(8, 7), Shape.of(8, 7)),
        Example("channel_dropout(0.2)", Shape.of(8, 3, 4, 5), Shape.of(8, 3, 4, 5)),
    )

    def shape(self, x: Shape) -> Shape:
        require_map(x)
        return x

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return Saved(values=y.channels)

    def torch(self, x: Shape) -> LayerCode:
        axes = require_map(x)
        return self._calls(f"nn.Dropout{axes}d", f"F.dropout{axes}d")


@op("alpha_dropout", family="other", positional=1)
class AlphaDropout(Dropping):
    """Drop elements while training so that mean and variance stay, as `selu` needs it (Klambauer et al. 2017)."""

    rate: float = arg(RATE, default=0.5, help="share of the elements that is dropped")

    is_lanewise = True
    examples = (
        Example("alpha_dropout", Shape.of(128), Shape.of(128)),
        Example("alpha_dropout(0.1)", Shape.of(8, 7, 5), Shape.of(8, 7, 5)),
    )

    def torch(self, x: Shape) -> LayerCode:
        return self._calls("nn.AlphaDropout", "F.alpha_dropout")


@op("drop_path", family="other", positional=1)
class DropPath(Dropping):
    """Drop the whole stream of a sample at random while training, and scale up the other samples.

    Stochastic depth (Huang et al. 2016): at the end of a residual branch it leaves out that branch.
    """

    rate: float = arg(RATE, default=0.5, help="share of the samples that is dropped")

    support = ("drop_path", "DropPath")
    traits = Trait(0)
    examples = (
        Example("drop_path(0.1)", Shape.of(64, 14, 10), Shape.of(64, 14, 10)),
        Example("drop_path", Shape.of(128), Shape.of(128)),
    )

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return Saved(values=1)

    def torch(self, x: Shape) -> LayerCode:
        return self._calls("DropPath", "drop_path")
