"""Operators that change the size of a map: interpolation and pixel shuffling."""

from archdsl.base.pyexpr import Expr, call
from archdsl.base.shape import Shape
from archdsl.base.symbolic import is_traced
from archdsl.ops.analysis import NOTHING_SAVED, OUTPUT_IS_FREE, Drawing, Saved
from archdsl.ops.argument_types import AXES, COUNT, TRUTH, Axes, Chosen, choice
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Op, arg, op
from archdsl.ops.dependence import AxisWindow, InputDependence, own, windows
from archdsl.ops.mismatches import UnevenBlocks, UnevenParts
from archdsl.ops.reasons import ShapeError, WrongRank, WrongValue
from archdsl.ops.roles import GIVES_MAP
from archdsl.ops.window import compact, crossed, per_axis, require_map

# The number of map axes that PyTorch's modes require.
_AXES = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
_MAPS = {1: "channels and a length", 2: "channels, height and width", 3: "channels, depth, height and width"}


@op("upsample", family="other", positional=1)
class Upsample(Op):
    """Enlarge the map by integer factors, by repetition or interpolation: `nn.Upsample`."""

    scale: Axes = arg(AXES, help="factor of the size along each axis")
    mode: str = arg(choice("nearest", *_AXES), default=Chosen("nearest"), help="interpolation")
    align_corners: bool = arg(
        TRUTH, default=False, help="whether the corner pixels keep their values; not for mode = nearest"
    )

    roles = GIVES_MAP
    autograd = OUTPUT_IS_FREE
    is_lanewise = True
    examples = (
        Example("upsample(2)", Shape.of(64, 28, 28), Shape.of(64, 56, 56)),
        Example("upsample(2, mode = bilinear)", Shape.of(8, 7, 9), Shape.of(8, 14, 18)),
        Example("upsample(2x3, mode = bicubic, align_corners = true)", Shape.of(3, 5, 5), Shape.of(3, 10, 15)),
        Example("upsample(4)", Shape.of(2, 5), Shape.of(2, 20)),
        Example("upsample(2, mode = trilinear)", Shape.of(2, 3, 4, 5), Shape.of(2, 6, 8, 10)),
    )

    def shape(self, x: Shape) -> Shape:
        axes = require_map(x)
        if _AXES.get(self.mode, axes) != axes:
            others = [mode for mode, taken in _AXES.items() if taken == axes]
            fitting = f"{', '.join(('nearest', *others[:-1]))} or {others[-1]}"
            wanted = f"{_MAPS[_AXES[self.mode]]} where mode = {self.mode}"
            raise ShapeError(WrongRank(wanted, str(x), f"use mode = {fitting}"))
        if self.align_corners and self.mode not in _AXES:
            advice = "remove `align_corners`, or use a mode that interpolates, such as bilinear"
            raise ShapeError(WrongValue("align_corners", f"false where mode = {self.mode}", "true", advice))
        scales = per_axis("scale", self.scale, axes)
        return Shape.of(x.channels, *(size * scale for size, scale in zip(x.map, scales, strict=True)))

    def torch(self, x: Shape) -> LayerCode:
        scale = compact(per_axis("scale", self.scale, require_map(x)))
        options: dict[str, Expr] = {"mode": str(self.mode), "align_corners": self.align_corners}
        module = call("nn.Upsample", scale_factor=scale, **options)
        # `nn.Upsample` makes floats of its factors, and TorchScript accepts only floats.
        function = call("F.interpolate", INPUT, scale_factor=_as_floats(scale), **options)
        module, function = (form.without(mode="nearest", align_corners=False) for form in (module, function))
        return Functional(module, function)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        axes = zip(inputs[0].map, y.map, strict=True)
        return windows(*(self._reach(int(size), int(result)) for size, result in axes), channels=own(0))

    def _reach(self, size: int, result: int) -> AxisWindow:
        """Return the pixels that a pixel of the result is computed from."""
        scale = result // size
        if self.mode not in _AXES:
            return AxisWindow(1, 1 - scale, 0, per=scale)
        width = 2 if self.mode == "bicubic" else 1
        if self.align_corners:
            gaps = max(result - 1, 1)
            inside = width * gaps - 1
            return AxisWindow(size - 1 if result > 1 else 0, -inside, inside, per=gaps)
        # The centre of a pixel is (o + 1/2) / scale - 1/2; pixels at a distance of the full width have weight 0.
        inside = width * 2 * scale - 1
        return AxisWindow(2, 1 - scale - inside, 1 - scale + inside, per=2 * scale)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def drawing(self, x: Shape) -> Drawing:
        scales = dict.fromkeys(per_axis("scale", self.scale, require_map(x)))
        how = () if self.mode == "nearest" else (self.mode,)
        return Drawing("Upsample", f"×{crossed(scales)}", more=how)


def _as_floats(scale: Axes) -> Expr:
    """Return the factors as floats."""
    if isinstance(scale, tuple):
        return tuple(map(_as_floats, scale))
    return call("float", scale) if is_traced(scale) else float(scale)


def _require_image(x: Shape) -> None:
    if x.rank != 3:
        raise ShapeError(WrongRank("channels, height and width", str(x)))


@op("pixel_shuffle", family="other", positional=1)
class PixelShuffle(Op):
    """Turn `factor`² channels into one of `factor` times the height and width: `nn.PixelShuffle` (Shi et al. 2016)."""

    factor: int = arg(COUNT, help="factor of height and width")

    roles = GIVES_MAP
    is_lanewise = True
    examples = (
        Example("pixel_shuffle(2)", Shape.of(64, 14, 14), Shape.of(16, 28, 28)),
        Example("pixel_shuffle(3)", Shape.of(9, 4, 5), Shape.of(1, 12, 15)),
    )

    def shape(self, x: Shape) -> Shape:
        _require_image(x)
        parts = self.factor * self.factor
        if x.channels.real % parts.real:
            what = f"parts, one for each pixel of a {int(self.factor)}x{int(self.factor)} block"
            raise ShapeError(UnevenParts("factor", int(x.channels), int(parts), what))
        return Shape.of(x.channels // parts, *(size * self.factor for size in x.map))

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("nn.PixelShuffle", self.factor), call("F.pixel_shuffle", INPUT, self.factor))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        factor = int(self.factor)
        return windows(*(AxisWindow(1, 1 - factor, 0, per=factor) for _ in y.map))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Pixel shuffle", f"×{int(self.factor)}")


@op("pixel_unshuffle", family="other", positional=1)
class PixelUnshuffle(Op):
    """Turn blocks of `factor` by `factor` pixels into channels, the inverse of `pixel_shuffle`: `nn.PixelUnshuffle`."""

    factor: int = arg(COUNT, help="divisor of height and width")

    roles = GIVES_MAP
    is_lanewise = True
    examples = (
        Example("pixel_unshuffle(2)", Shape.of(16, 28, 28), Shape.of(64, 14, 14)),
        Example("pixel_unshuffle(3)", Shape.of(1, 12, 15), Shape.of(9, 4, 5)),
    )

    def shape(self, x: Shape) -> Shape:
        _require_image(x)
        for size in x.map:
            if size.real % self.factor.real:
                raise ShapeError(UnevenBlocks(int(size), int(self.factor)))
        return Shape.of(x.channels * self.factor * self.factor, *(size // self.factor for size in x.map))

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("nn.PixelUnshuffle", self.factor), call("F.pixel_unshuffle", INPUT, self.factor))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return windows(*(AxisWindow(int(self.factor), 0, int(self.factor) - 1) for _ in y.map))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Pixel unshuffle", f"/{int(self.factor)}")
