"""Dropouts."""

from archdsl.base.pyexpr import Ref, call
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import Drawing, Saved, mask_saved
from archdsl.ops.argument_types import DROP_RATE
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Trait, arg, op
from archdsl.ops.roles import READS_MAP
from archdsl.ops.window import require_map


class Dropping(Elementwise):
    """Base class of dropouts, which are the identity in evaluation."""

    rate: float
    traits = Trait.DROPS
    is_random = True

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return mask_saved(self.rate, y.volume)

    def drawing(self, x: Shape) -> Drawing:
        return Drawing(super().drawing(x).name, f"{self.rate:.3g}")

    def _calls(self, module: str, function: str) -> LayerCode:
        return Functional(
            call(module, p=self.rate).without(p=0.5),
            call(function, INPUT, p=self.rate, training=Ref("self.training")).without(p=0.5),
        )


@op("dropout", family="other", positional=1)
class Dropout(Dropping):
    """Set elements to 0 at random in training and scale up the others: `nn.Dropout` (Srivastava et al. 2014)."""

    rate: float = arg(DROP_RATE, default=0.5, help="probability of an element to be dropped")

    is_lanewise = True
    examples = (
        Example("dropout", Shape.of(4096), Shape.of(4096)),
        Example("dropout(0.2)", Shape.of(8, 7, 5), Shape.of(8, 7, 5)),
    )

    def torch(self, x: Shape) -> LayerCode:
        return self._calls("nn.Dropout", "F.dropout")


@op("channel_dropout", family="other", positional=1)
class ChannelDropout(Dropping):
    """Set whole channels to 0 at random in training: `nn.Dropout1d` to `3d`, by the rank (Tompson et al. 2015)."""

    rate: float = arg(DROP_RATE, default=0.5, help="probability of a channel to be dropped")

    roles = READS_MAP
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
        return mask_saved(self.rate, y.channels)

    def torch(self, x: Shape) -> LayerCode:
        axes = require_map(x)
        return self._calls(f"nn.Dropout{axes}d", f"F.dropout{axes}d")


@op("alpha_dropout", family="other", positional=1)
class AlphaDropout(Dropping):
    """Drop elements in training and keep mean and variance, for `selu`: `nn.AlphaDropout` (Klambauer et al. 2017)."""

    rate: float = arg(DROP_RATE, default=0.5, help="probability of an element to be dropped")

    is_lanewise = True
    examples = (
        Example("alpha_dropout", Shape.of(128), Shape.of(128)),
        Example("alpha_dropout(0.1)", Shape.of(8, 7, 5), Shape.of(8, 7, 5)),
    )

    def torch(self, x: Shape) -> LayerCode:
        return self._calls("nn.AlphaDropout", "F.alpha_dropout")


@op("drop_path", family="other", positional=1)
class DropPath(Dropping):
    """Set whole samples to 0 at random in training and scale up the others: stochastic depth (Huang et al. 2016).

    At the end of a residual branch it skips the branch for these samples.
    """

    rate: float = arg(DROP_RATE, default=0.5, help="probability of a sample to be dropped")

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
