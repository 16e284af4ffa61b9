"""Self-attention."""

from archdsl.base.pyexpr import Expr, call
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import (
    OUTPUT_IS_FREE,
    Drawing,
    Saved,
    Sums,
    mask_saved,
    product,
    times,
)
from archdsl.ops.argument_types import COUNT, DROP_RATE, OPTIONAL_COUNT, TRUTH
from archdsl.ops.base import Example, LayerCode, Submodule, arg, op
from archdsl.ops.dependence import ALL, InputDependence, up_to_itself
from archdsl.ops.initialisers import BIASES, INITIALISER, WEIGHTS, Initialiser, InitialValue
from archdsl.ops.mismatches import UnevenHeads
from archdsl.ops.reasons import ShapeError
from archdsl.ops.roles import GIVES_SEQUENCE
from archdsl.ops.sequence import require_sequence


@op("attention", family="linear", positional=1)
class Attention(Elementwise):
    """Apply multi-head self-attention to a sequence (Vaswani et al. 2017, section 3.2).

    The weights are those of `nn.MultiheadAttention`: one projection to queries, keys and values, and one of the
    concatenated heads. With fewer `kv_heads`, several heads share keys and values (Ainslie et al. 2023).
    """

    heads: int = arg(COUNT, help="number of heads; it divides the number of features")
    causal: bool = arg(TRUTH, default=False, help="whether a step attends only to itself and to earlier steps")
    bias: bool = arg(TRUTH, default=True, help="whether the projections have biases")
    dropout: float = arg(DROP_RATE, default=0.0, help="dropout probability of the attention weights in training")
    kv_heads: int | None = arg(
        OPTIONAL_COUNT,
        default=None,
        help="number of heads of keys and values; divides `heads`; `none`: `heads`",
    )
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=BIASES)

    roles = GIVES_SEQUENCE
    kind = "attention"
    autograd = OUTPUT_IS_FREE
    support = ("SelfAttention",)
    examples = (
        Example("attention(4)", Shape.of(50, 64), Shape.of(50, 64), params=16_640, macs=1_139_200),
        Example("attention(2, causal = true, bias = false)", Shape.of(10, 8), Shape.of(10, 8), params=256, macs=4_160),
        Example("attention(4, kv_heads = 2, dropout = 0.1)", Shape.of(7, 16), Shape.of(7, 16), params=816, macs=6_944),
    )

    def _key_features(self, x: Shape) -> int:
        """Return the number of features of the keys, which is that of the values."""
        features = x.dims[1]
        return features if self.kv_heads is None else features // self.heads * self.kv_heads

    def _weights(self, x: Shape) -> int:
        features = x.dims[1]
        return features * (2 * features + 2 * self._key_features(x))

    def shape(self, x: Shape) -> Shape:
        _, features = require_sequence(x)
        if features.real % self.heads.real:
            raise ShapeError(UnevenHeads("heads", int(features), "features", int(self.heads), "heads"))
        if self.kv_heads is not None and self.heads.real % self.kv_heads.real:
            raise ShapeError(UnevenHeads("kv_heads", int(self.heads), "heads", int(self.kv_heads), "groups"))
        return x

    def params(self, x: Shape) -> int:
        constants = 2 * x.dims[1] + 2 * self._key_features(x)
        return self._weights(x) + (constants if self.bias else 0)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        steps = up_to_itself(int(y.dims[0])) if self.causal else ALL
        return ((steps, ALL),)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        time, features = y.dims
        if self.dropout:
            # Unfused in PyTorch: scaled queries and keys, values, results of the heads; weights, mask, product.
            weights = self.heads * time * time
            mask = mask_saved(self.dropout, weights)
            return Saved(input=True, values=4 * time * features + 2 * weights + mask.values, of_batch=mask.of_batch)
        # Queries, keys and values, results of the heads, and a log-sum-exp for each step and head.
        return Saved(input=True, values=time * (2 * features + 2 * self._key_features(y) + self.heads))

    def sums(self, x: Shape, y: Shape) -> Sums:
        (time, features), keys = x.dims, self._key_features(x)
        if keys == features:
            weights, biases = product(4, features, features), product(4, features)
        else:
            weights = f"{product(2, features, features)} + {product(2, features, keys)}"
            biases = f"{product(2, features)} + {product(2, keys)}"
        why = "one matrix each for queries, keys, values and the concatenated heads"
        macs = f"{times(time, weights)} + {product(2, time, time, features)}"
        return Sums((), weights + (f" + {biases}" if self.bias else ""), macs, why)

    def macs(self, x: Shape, y: Shape) -> int:
        # As in FlopCounterMode, a causal mask saves no operations.
        time, features = x.dims
        return time * self._weights(x) + 2 * time * time * features

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        features = x.dims[1]
        rows = features + 2 * self._key_features(x)
        weights = (
            InitialValue("init", "in_proj_weight", self.init, (rows, features)),
            InitialValue("init", "out_proj.weight", self.init, (features, features)),
        )
        biases = (
            InitialValue("bias_init", "in_proj_bias", self.bias_init, (rows,), may_be_none=True),
            InitialValue("bias_init", "out_proj.bias", self.bias_init, (features,)),
        )
        return (*weights, *biases) if self.bias else weights

    def torch(self, x: Shape) -> LayerCode:
        options: dict[str, Expr] = {
            "kv_heads": self.kv_heads,
            "causal": self.causal,
            "bias": self.bias,
            "dropout": self.dropout,
        }
        made = call("SelfAttention", x.dims[1], self.heads, **options)
        return Submodule(made.without(kv_heads=None, causal=False, bias=True, dropout=0.0))

    def drawing(self, x: Shape) -> Drawing:
        heads = f"{int(self.heads)} head{'' if self.heads == 1 else 's'}"
        shared = "" if self.kv_heads is None else f"{int(self.kv_heads)} of keys and values"
        return Drawing("Causal attention" if self.causal else "Attention", more=(heads, shared))
