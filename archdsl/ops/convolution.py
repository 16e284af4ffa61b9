"""Convolutions."""

from archdsl.base.pyexpr import Expr, call
from archdsl.base.shape import Shape
from archdsl.base.symbolic import polynomial
from archdsl.ops.analysis import INPUT_SAVED, OUTPUT_IS_FREE, Drawing, Saved, Sums, product
from archdsl.ops.argument_types import AXES, CHANNELS, CONNECTIONS, COUNT, PADDING, TRUTH, Axes, Padding, Table
from archdsl.ops.base import Example, Fusion, LayerCode, Op, Submodule, Trait, arg, op
from archdsl.ops.dependence import ALL, InputDependence, groups_of_channels
from archdsl.ops.initialisers import BIASES, INITIALISER, WEIGHTS, Initialiser, InitialValue, part_by_part
from archdsl.ops.reasons import NotDivisible, Reason, ShapeError, TableDoesNotFit, WrongRank
from archdsl.ops.roles import GIVES_MAP
from archdsl.ops.window import Window, compact, crossed


@op("conv", family="convolution", positional=3)
class Conv(Op):
    """Convolve the map with learned kernels: `nn.Conv1d`, `nn.Conv2d` or `nn.Conv3d`, by the rank of the input.

    With `connect`, each output channel reads only the input channels in its row of the table (LeCun et al. 1998,
    Table I).
    """

    out: int = arg(CHANNELS, help="number of output channels")
    kernel: Axes = arg(AXES, help="kernel size")
    stride: Axes = arg(AXES, default=1, help="stride of the kernel")
    padding: Padding = arg(PADDING, default=0, help="number of zeros on each side, `half` or `tf_same`")
    dilation: Axes = arg(AXES, default=1, help="distance between the pixels that the kernel reads")
    groups: int = arg(COUNT, default=1, help="number of groups of channels; outputs read the inputs of their own group")
    bias: bool = arg(TRUTH, default=True, help="whether to add a learned bias to each output channel")
    connect: Table | None = arg(CONNECTIONS, default=None, help="list of input channels for each output channel")
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=BIASES)

    roles = GIVES_MAP
    autograd = OUTPUT_IS_FREE
    traits = Trait.SLIDES
    support = ("ConnectedConv2d", "Conv2dSame", "start_parts")
    examples = (
        Example("conv(6, 5)", Shape.of(1, 32, 32), Shape.of(6, 28, 28), params=156, macs=117_600),
        Example("conv(8, 3, padding = 1)", Shape.of(4, 10), Shape.of(8, 10), params=104, macs=960),
        Example(
            "conv(48, 11, stride = 4)", Shape.of(3, 227, 227), Shape.of(48, 55, 55), params=17_472, macs=52_707_600
        ),
        Example("conv(8, 3x1, padding = 1x0)", Shape.of(4, 9, 7), Shape.of(8, 9, 7), params=104, macs=6_048),
        Example("conv(8, 3, groups = 4, bias = false)", Shape.of(4, 9, 9), Shape.of(8, 7, 7), params=72, macs=3_528),
        Example("conv(4, 3, 2, padding = half, dilation = 2)", Shape.of(2, 9, 9), Shape.of(4, 5, 5), 76, 1_800),
        Example("conv(4, 3, 2x1, padding = 1x2, dilation = 1x2)", Shape.of(2, 9, 8), Shape.of(4, 5, 8), 76, 2_880),
        Example("conv(4, 3, 2, padding = tf_same)", Shape.of(2, 8, 8), Shape.of(4, 4, 4), params=76, macs=1_152),
        Example("conv(2, 3)", Shape.of(1, 5, 6, 7), Shape.of(2, 3, 4, 5), params=56, macs=3_240),
        Example("conv(2, 5, connect = [[0], [0, 2]])", Shape.of(3, 9, 9), Shape.of(2, 5, 5), params=77, macs=1_875),
    )

    def _window(self, x: Shape) -> Window:
        return Window.of(x, self.kernel, self.stride, self.padding, self.dilation)

    def _kernel_volume(self, x: Shape) -> int:
        volume = 1
        for side in self._window(x).kernel:
            volume = volume * side
        return volume

    def _weights(self, x: Shape) -> int:
        if self.connect:
            return sum(map(len, self.connect)) * self._kernel_volume(x)
        return self.out * (x.channels // self.groups) * self._kernel_volume(x)

    def shape(self, x: Shape) -> Shape:
        sizes = self._window(x).output()
        for count, which in ((x.channels, "input channels"), (self.out, "output channels")):
            if count.real % self.groups.real:
                raise ShapeError(NotDivisible(int(count), int(self.groups), which))
        self._check_table(x)
        if self.padding == "tf_same" and x.rank != 3:
            raise ShapeError(WrongRank("a 2-dimensional map where padding = tf_same", str(x)))
        if self.padding == "tf_same":
            self._window(x).require_countable(x.channels.real)
        return Shape.of(self.out, *sizes)

    def _check_table(self, x: Shape) -> None:
        if self.connect is None:
            return
        if len(self.connect) != self.out:
            problem = f"the table has {len(self.connect)} rows for {int(self.out)} output channels"
            raise ShapeError(
                TableDoesNotFit(
                    "connect",
                    problem,
                    f"write {int(self.out)} rows, or set out = {len(self.connect)}",
                )
            )
        # PyTorch would compute the fan-in from the kernel alone.
        if self.init is not None and self.init.axes[0] > 1:
            problem = f"`{self.init.name}` computes the fan-in without the connection table"
            raise ShapeError(
                TableDoesNotFit("init", problem, "use an initialiser without a fan-in, such as `uniform` or `normal`")
            )
        if self.padding == "tf_same":
            problem = "padding = tf_same cannot be combined with a connection table"
            raise ShapeError(TableDoesNotFit("connect", problem, "use `half` or a number"))
        if x.rank != 3 or self.groups != 1:
            raise ShapeError(
                TableDoesNotFit("connect", "a connection table needs an input with 3 axes, and groups = 1")
            )
        for number, row in enumerate(self.connect):
            wrong = next((i for i in row if not 0 <= i < x.channels), None)
            if wrong is not None:
                problem = f"row {number} names input channel {wrong}; the input has channels 0 to {int(x.channels) - 1}"
                raise ShapeError(TableDoesNotFit("connect", problem))
            if len(set(row)) < len(row):
                raise ShapeError(TableDoesNotFit("connect", f"row {number} names an input channel twice"))

    def params(self, x: Shape) -> int:
        return self._weights(x) + (self.out if self.bias else 0)

    def macs(self, x: Shape, y: Shape) -> int:
        positions = Shape(y.map).volume
        return positions * self._weights(x)

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        maps = (sum(map(len, self.connect)), 1) if self.connect else (self.out, x.channels // self.groups)
        weight = InitialValue("init", "weight", self.init, (*maps, *self._window(x).kernel))
        bias = InitialValue("bias_init", "bias", self.bias_init, (self.out,), may_be_none=True)
        return (weight, bias) if self.bias else (weight,)

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        if self.connect:
            return Fusion()
        parallel = self._widened(count, groups=count * self.groups)
        is_dense = polynomial(self.groups) == polynomial(1)
        return Fusion(parallel, self._widened(count, groups=1) if is_dense else None)

    def _widened(self, count: int, *, groups: int) -> Op:
        return self.changed(out=count * self.out, groups=groups, init=part_by_part(self.init, count))

    def torch(self, x: Shape) -> LayerCode:
        window = self._window(x)
        sides = len(window.kernel)
        options: dict[str, Expr] = {
            "stride": compact(window.stride),
            "padding": compact(window.before),
            "dilation": compact(window.dilation),
            "groups": self.groups,
            "bias": self.bias,
        }
        made = call(f"nn.Conv{sides}d", x.channels, self.out, compact(window.kernel), **options)
        if self.connect:
            del options["groups"]
            made = call("ConnectedConv2d", x.channels, self.connect, compact(window.kernel), **options)
        elif self.padding == "tf_same":
            del options["padding"]
            made = call("Conv2dSame", x.channels, self.out, compact(window.kernel), **options)
        return Submodule(made.without(stride=1, padding=0, dilation=1, groups=1, bias=True))

    def _is_depthwise(self, x: Shape) -> bool:
        return 1 < self.groups == x.channels

    def drawing(self, x: Shape) -> Drawing:
        window = self._window(x)
        depthwise = self._is_depthwise(x)
        words = []
        if self.groups > 1 and not depthwise:
            words.append(f"g={int(self.groups)}")
        if max(window.dilation) > 1:
            words.append(f"d={crossed(dict.fromkeys(window.dilation))}")
        if self.connect and any(len(row) < x.channels for row in self.connect):
            words.append("partly connected")
        return Drawing(
            "DWConv" if depthwise else "Conv",
            crossed(window.kernel),
            str(int(self.out)),
            f"/{window.steps}" if window.steps else "",
            tuple(words),
            short="DW" if depthwise else "",
            entry=self._cell(window, depthwise=depthwise),
            stride=window.steps,
        )

    def _cell(self, window: Window, *, depthwise: bool) -> str:
        words = [crossed(window.kernel) + (" depthwise" if depthwise else ""), str(int(self.out))]
        if self.groups > 1 and not depthwise:
            words.append(f"{int(self.groups)} groups")
        if max(window.dilation) > 1:
            words.append(f"dilation {crossed(dict.fromkeys(window.dilation))}")
        return ", ".join(words)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        x = inputs[0]
        channels = ALL if self.connect else groups_of_channels(int(x.channels), int(self.out), int(self.groups))
        return self._window(x).input_dependence(channels)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        if self.connect:
            # One input map and one output map for each connection.
            windows = sum(map(len, self.connect))
            given = windows * Shape(inputs[0].map).volume
            return Saved(values=given + windows * Shape(y.map).volume, in_backward=given)
        window = self._window(inputs[0])
        if window.is_padded_to_fit and (any(window.before) or any(window.after)):
            sides = (sum(parts) for parts in zip(window.map, window.before, window.after, strict=True))
            return Saved(values=Shape.of(inputs[0].channels, *sides).volume)
        return INPUT_SAVED

    def sums(self, x: Shape, y: Shape) -> Sums:
        window = self._window(x)
        if self.connect:
            weights = f"{sum(map(len, self.connect))}*{product(*window.kernel)}"
        else:
            weights = product(*window.kernel, x.channels // self.groups, self.out)
        constants = f" + {int(self.out)}" if self.bias else ""
        return Sums(window.sums(), weights + constants, f"{product(*y.map)} * {weights}", window.why())

    def advice(self, x: Shape) -> tuple[Reason, ...]:
        is_depthwise_size = self.groups.real == 1 and x.channels.real == self.out.real
        return self._window(x).advice(x.channels.real if is_depthwise_size else 0)
