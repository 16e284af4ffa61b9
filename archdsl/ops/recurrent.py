"""Recurrent layers."""

from typing import ClassVar

from archdsl.base.pyexpr import Expr, call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import Drawing, Saved, Sums, mask_saved, product, times
from archdsl.ops.argument_types import COUNT, COUNT_FROM_ZERO, DROP_RATE, REPEATED, TRUTH, Chosen, choice
from archdsl.ops.base import Example, LayerCode, Op, Submodule, arg, op
from archdsl.ops.dependence import ALL, InputDependence, up_to_itself
from archdsl.ops.initialisers import BIASES, INITIALISER, WEIGHTS, Initialiser, InitialValue
from archdsl.ops.reasons import OutOfRange, ShapeError
from archdsl.ops.roles import GIVES_SEQUENCE
from archdsl.ops.sequence import require_sequence

_DEFAULTS: dict[str, object] = {
    "num_layers": 1,
    "nonlinearity": "tanh",
    "bias": True,
    "dropout": 0.0,
    "bidirectional": False,
    "proj_size": 0,
    "last": False,
}


class Recurrent(Op):
    """Base class of recurrent layers: stacked layers in one or two directions, with `gates` matrices each."""

    hidden: int
    layers: int
    bidirectional: bool
    bias: bool
    dropout: float
    last: bool
    init: Initialiser | None
    bias_init: Initialiser | None
    roles = GIVES_SEQUENCE
    kind = "recurrent"
    projection = 0
    gates: ClassVar[int]
    caption: ClassVar[str]

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _features(self) -> int:
        """Number of output features of a layer in each direction."""
        # The projection determines the structure; as a plain number, it is fixed in the generated module.
        return int(self.projection) or self.hidden

    def _weights(self, x: Shape) -> int:
        """Return the number of elements of the matrices of all layers."""
        first = self._layer(x.dims[1])
        return first + (self.layers - 1) * self._layer(self._directions * self._features)

    def _layer(self, into: int) -> int:
        """Return the number of elements of the matrices of a layer with `into` input features."""
        matrices = self.gates * self.hidden * (into + self._features) + self.hidden * int(self.projection)
        return self._directions * matrices

    def shape(self, x: Shape) -> Shape:
        time, _ = require_sequence(x)
        if self.layers == 1 and self.dropout:
            raise ShapeError(
                OutOfRange("dropout", f"{self.dropout:g}", "0 where layers = 1: it applies between layers")
            )
        features = self._directions * self._features
        return Shape.of(features) if self.last else Shape.of(time, features)

    def params(self, x: Shape) -> int:
        # PyTorch has two biases: one for the input and one for the hidden state.
        constants = 2 * self.gates * self.hidden * self._directions * self.layers
        return self._weights(x) + (constants if self.bias else 0)

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        rows, features = self.gates * self.hidden, self._features
        found: list[tuple[str, tuple[int, ...]]] = []
        for layer in range(int(self.layers)):
            into = self._directions * features if layer else x.dims[1]
            for end in ("", "_reverse")[: self._directions]:
                found += [(f"weight_ih_l{layer}{end}", (rows, into)), (f"weight_hh_l{layer}{end}", (rows, features))]
                if self.bias:
                    found += [(f"bias_ih_l{layer}{end}", (rows,)), (f"bias_hh_l{layer}{end}", (rows,))]
                if self.projection:
                    found.append((f"weight_hr_l{layer}{end}", (features, self.hidden)))
        return tuple(found)

    def macs(self, x: Shape, y: Shape) -> int:
        return x.dims[0] * self._weights(x)

    def sums(self, x: Shape, y: Shape) -> Sums:
        gates = "the layer" if self.gates == 1 else f"each of {self.gates} gates"
        owns = ["a matrix for the input", "one for the hidden state", *(["two biases"] if self.bias else [])]
        why = f"{gates} has {', '.join(owns[:-1])} and {owns[-1]}"
        return Sums((), self._sum(x, bias=self.bias), times(x.dims[0], self._sum(x, bias=False)), why)

    def _sum(self, x: Shape, *, bias: bool) -> str:
        """Return the sum of the sizes of the matrices of all layers, and of the biases."""
        first = self._sum_of_layer(x.dims[1], bias=bias)
        if self.layers == 1:
            return first
        return f"{first} + {times(self.layers - 1, self._sum_of_layer(self._directions * self._features, bias=bias))}"

    def _sum_of_layer(self, into: int, *, bias: bool) -> str:
        matrices = f"{product(self.hidden, into)} + {product(self.hidden, self._features)}"
        terms = times(self.gates, matrices + (f" + {product(2, self.hidden)}" if bias else ""))
        projection = f" + {product(self.hidden, self.projection)}" if self.projection else ""
        return times(self._directions, terms + projection)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        x = inputs[0]
        is_causal = not self.last and not self.bidirectional
        return ((up_to_itself(int(x.dims[0])) if is_causal else ALL, ALL),)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        time, into = inputs[0].dims
        features = self._directions * self._features
        # The inputs of each layer, for the first in each direction; the values of its steps; the masks of dropout. The
        # reverse of a single step shares its memory.
        readings = self._directions if time > 1 else 1
        given = time * (readings * into + (self.layers - 1) * features)
        steps = self.layers * self._directions * self._saved_by_steps(time)
        mask = mask_saved(self.dropout, time * features)
        values = given + steps + (self.layers - 1) * mask.values
        return Saved(values=values, of_batch=(self.layers - 1) * mask.of_batch)

    def _saved_by_steps(self, time: int) -> int:
        """Return the number of values that a layer saves in one direction: gates, cell states and initial states.

        This holds for PyTorch's own kernels; cuDNN and oneDNN save other tensors.
        """
        return time * (7 * self.hidden + int(self.projection))

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        weights = InitialValue("init", "weight", self.init, (self.gates * self.hidden, x.dims[1]), is_prefix=True)
        biases = InitialValue("bias_init", "bias", self.bias_init, (self.gates * self.hidden,), is_prefix=True)
        return (weights, biases) if self.bias else (weights,)

    def torch(self, x: Shape) -> LayerCode:
        options: dict[str, Expr] = {
            "num_layers": self.layers,
            "bidirectional": self.bidirectional,
            "bias": self.bias,
            "dropout": self.dropout,
            "last": self.last,
            **self._more(),
        }
        made = call(f"Sequence{self.caption}", x.dims[1], self.hidden, **options)
        return Submodule(made.without(**_DEFAULTS))

    def _more(self) -> dict[str, Expr]:
        """Return the arguments that only this kind of recurrent layer has."""
        return {}

    def drawing(self, x: Shape) -> Drawing:
        more = (f"{int(self.layers)} layers" if self.layers > 1 else "", "last step" if self.last else "")
        if self.bidirectional or self.projection:
            # The result has another number of features.
            return Drawing(f"{'Bi' if self.bidirectional else ''}{self.caption}", str(int(self.hidden)), more=more)
        return Drawing(self.caption, width=str(int(self.hidden)), more=more)


@op("rnn", family="linear", positional=1)
class Rnn(Recurrent):
    """Apply a simple recurrent network to a sequence: `nn.RNN` (Elman 1990)."""

    hidden: int = arg(COUNT, help="number of features of the hidden state, in each direction")
    layers: int = arg(REPEATED, default=1, help="number of stacked layers")
    bidirectional: bool = arg(TRUTH, default=False, help="whether to add layers that read the sequence backwards")
    nonlinearity: str = arg(choice("tanh", "relu"), default=Chosen("tanh"), help="activation")
    bias: bool = arg(TRUTH, default=True, help="whether to add learned biases")
    dropout: float = arg(DROP_RATE, default=0.0, help="dropout probability between layers, in training")
    last: bool = arg(TRUTH, default=False, help="whether to return only the last step of each direction")
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=BIASES)

    gates = 1
    caption = "RNN"
    support = ("SequenceRNN",)
    examples = (
        Example("rnn(32)", Shape.of(20, 16), Shape.of(20, 32), params=1_600, macs=30_720),
        Example(
            "rnn(32, nonlinearity = relu, bias = false)", Shape.of(20, 16), Shape.of(20, 32), params=1_536, macs=30_720
        ),
        Example("rnn(8, layers = 2, dropout = 0.5)", Shape.of(6, 4), Shape.of(6, 8), params=256, macs=1_344),
        Example("rnn(8, bidirectional = true, last = true)", Shape.of(6, 4), Shape.of(16), params=224, macs=1_152),
    )

    def _more(self) -> dict[str, Expr]:
        return {"nonlinearity": str(self.nonlinearity)}

    def _saved_by_steps(self, time: int) -> int:
        return (time + 1) * self.hidden


@op("lstm", family="linear", positional=1)
class Lstm(Recurrent):
    """Apply a long short-term memory to a sequence: `nn.LSTM` (Hochreiter and Schmidhuber 1997).

    With `projection`, a further matrix reduces the features of the hidden state (Sak et al. 2014).
    """

    hidden: int = arg(COUNT, help="number of features of the hidden state, in each direction")
    layers: int = arg(REPEATED, default=1, help="number of stacked layers")
    bidirectional: bool = arg(TRUTH, default=False, help="whether to add layers that read the sequence backwards")
    bias: bool = arg(TRUTH, default=True, help="whether to add learned biases")
    dropout: float = arg(DROP_RATE, default=0.0, help="dropout probability between layers, in training")
    last: bool = arg(TRUTH, default=False, help="whether to return only the last step of each direction")
    projection: int = arg(COUNT_FROM_ZERO, default=0, help="number of features after the projection; 0: no projection")
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=BIASES)

    gates = 4
    caption = "LSTM"
    support = ("SequenceLSTM",)
    examples = (
        Example("lstm(32)", Shape.of(20, 16), Shape.of(20, 32), params=6_400, macs=122_880),
        Example(
            "lstm(8, layers = 2, bidirectional = true, dropout = 0.2)",
            Shape.of(6, 4),
            Shape.of(6, 16),
            params=2_560,
            macs=13_824,
        ),
        Example(
            "lstm(8, projection = 3, bidirectional = true, last = true)",
            Shape.of(6, 4),
            Shape.of(6),
            params=624,
            macs=2_976,
        ),
        Example(
            "lstm(8, layers = 3, projection = 3, bias = false)", Shape.of(6, 4), Shape.of(6, 3), params=680, macs=4_080
        ),
    )

    def shape(self, x: Shape) -> Shape:
        if self.projection.real >= self.hidden.real:
            bound = f"below {int(self.hidden)}, the number of `hidden` features"
            raise ShapeError(OutOfRange("projection", str(int(self.projection)), bound))
        return super().shape(x)

    def _more(self) -> dict[str, Expr]:
        return {"proj_size": int(self.projection)}


@op("gru", family="linear", positional=1)
class Gru(Recurrent):
    """Apply gated recurrent units to a sequence: `nn.GRU` (Cho et al. 2014)."""

    hidden: int = arg(COUNT, help="number of features of the hidden state, in each direction")
    layers: int = arg(REPEATED, default=1, help="number of stacked layers")
    bidirectional: bool = arg(TRUTH, default=False, help="whether to add layers that read the sequence backwards")
    bias: bool = arg(TRUTH, default=True, help="whether to add learned biases")
    dropout: float = arg(DROP_RATE, default=0.0, help="dropout probability between layers, in training")
    last: bool = arg(TRUTH, default=False, help="whether to return only the last step of each direction")
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=BIASES)

    gates = 3
    caption = "GRU"
    support = ("SequenceGRU",)
    examples = (
        Example("gru(32)", Shape.of(20, 16), Shape.of(20, 32), params=4_800, macs=92_160),
        Example(
            "gru(8, layers = 2, bidirectional = true, dropout = 0.2, last = true)",
            Shape.of(6, 4),
            Shape.of(16),
            params=1_920,
            macs=10_368,
        ),
        Example("gru(8, bias = false, last = true)", Shape.of(6, 4), Shape.of(8), params=288, macs=1_728),
    )
