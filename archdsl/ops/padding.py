"""Padding as an operator."""

from archdsl.base.pyexpr import Call, Expr, call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import EVERYTHING, NOTHING_SAVED, AxisWindow, Drawing, InputDependence, Saved, map_dependence
from archdsl.ops.argument_types import AXES_FROM_ZERO, OPTIONAL_AXES_FROM_ZERO, REAL, Axes, Chosen, choice
from archdsl.ops.base import INPUT, Example, Functional, Fusion, LayerCode, Op, arg, op
from archdsl.ops.reasons import OutOfRange, ShapeError, WrongValue
from archdsl.ops.window import compact, per_axis, require_map

_MODULES = {"reflect": "Reflection", "replicate": "Replication", "circular": "Circular"}


@op("pad", family="other", positional=1)
class Pad(Op):
    """Add pixels around the map: a constant, or copies of its own pixels. It is `F.pad`.

    With one number more than the map has axes, the first one applies to the channels: `pad(8x0x0)` inserts 8 constant
    channels before and 8 after the others.
    """

    amount: Axes = arg(AXES_FROM_ZERO, help="number of pixels before and after the map, along each axis")
    after: Axes | None = arg(
        OPTIONAL_AXES_FROM_ZERO, default=None, help="number of pixels after the map, if it differs; `none`: `amount`"
    )
    mode: str = arg(choice("constant", *_MODULES), default=Chosen("constant"), help="source of the pixels")
    value: float = arg(REAL, default=0.0, help="the constant, for mode = constant")

    examples = (
        Example("pad(1)", Shape.of(3, 8, 8), Shape.of(3, 10, 10)),
        Example("pad(0x2, mode = reflect)", Shape.of(3, 8, 8), Shape.of(3, 8, 12)),
        Example("pad(0, after = 1x2)", Shape.of(3, 8, 8), Shape.of(3, 9, 10)),
        Example("pad(3, mode = circular)", Shape.of(3, 8), Shape.of(3, 14)),
        Example("pad(1x0x2, mode = replicate)", Shape.of(2, 3, 4, 5), Shape.of(2, 5, 4, 9)),
        Example("pad(8x0x0)", Shape.of(16, 8, 8), Shape.of(32, 8, 8)),
        Example("pad(1, value = -1.0)", Shape.of(2, 3, 4, 5), Shape.of(2, 5, 6, 7)),
    )

    def _sides(self, x: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
        axes = require_map(x)
        if self._with_channels(axes):
            axes += 1
        before = per_axis("amount", self.amount, axes)
        return before, before if self.after is None else per_axis("after", self.after, axes)

    def _with_channels(self, axes: int) -> bool:
        """Return whether the first number applies to the channels; PyTorch's modules pad at most three axes."""
        counted = [len(value) for value in (self.amount, self.after) if isinstance(value, tuple)]
        return self.mode == "constant" and axes < 3 and max(counted, default=0) == axes + 1

    def shape(self, x: Shape) -> Shape:
        before, after = self._sides(x)
        if self.value != 0 and self.mode != "constant":
            wanted = f"0 where mode = {self.mode}"
            raise ShapeError(WrongValue("value", wanted, f"{self.value:g}", "remove `value`, or use mode = constant"))
        kept = x.dims[: x.rank - len(before)]
        padded = x.dims[len(kept) :]
        for name, amounts in (("amount", before), ("after", after)):
            for size, amount in zip(padded, amounts, strict=True):
                self._require_source(name, size, amount, x)
        return Shape.of(*kept, *(sum(parts) for parts in zip(before, padded, after, strict=True)))

    def _require_source(self, name: str, size: int, amount: int, x: Shape) -> None:
        """Raise `ShapeError` if the map has fewer pixels than the padding copies from it."""
        most = {"reflect": size - 1, "circular": size}.get(self.mode)
        if most is not None and amount > most:
            how = "reflected" if self.mode == "reflect" else "repeated"
            raise ShapeError(OutOfRange(name, str(int(amount)), f"at most {int(most)} where an input of {x} is {how}"))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(None if self._with_channels(require_map(inputs[0])) else self)

    def torch(self, x: Shape) -> LayerCode:
        before, after = self._sides(x)
        # PyTorch lists the axes from the last to the first.
        pairs = reversed(tuple(zip(before, after, strict=True)))
        amounts = tuple(side for pair in pairs for side in pair)
        options: dict[str, Expr] = {"mode": str(self.mode), "value": self.value}
        made = call("F.pad", INPUT, amounts, **options).without(mode="constant", value=0.0)
        return Functional(self._module(compact(amounts), len(before)), made)

    def _module(self, amounts: Expr, axes: int) -> Call:
        if self.mode != "constant":
            return call(f"nn.{_MODULES[self.mode]}Pad{axes}d", amounts)
        if self.value == 0:
            return call(f"nn.ZeroPad{axes}d", amounts)
        return call(f"nn.ConstantPad{axes}d", amounts, self.value)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        if self.mode == "circular":
            return EVERYTHING
        before, _ = self._sides(inputs[0])
        # Pixels that are copied from inside the map count as pixels at the border, which is nearer.
        return map_dependence(*(AxisWindow(1, -int(side), -int(side)) for side in before[-(y.rank - 1) :]))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED if self.mode in ("constant", "circular") else super().saved_for_backward(inputs, y)

    def drawing(self, x: Shape) -> Drawing:
        before, after = self._sides(x)
        sides = [str(int(b)) if a == b else f"{int(b)}+{int(a)}" for b, a in zip(before, after, strict=True)]
        how = () if self.mode == "constant" else (self.mode,)
        return Drawing("Pad", "×".join(sides if len(set(sides)) > 1 else sides[:1]), more=how)
