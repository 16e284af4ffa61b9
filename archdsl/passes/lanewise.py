"""What stands in fused towers for steps that mix the channels of one: operators that nobody writes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from archdsl.base.pyexpr import Expr, Ref, call, mapped
from archdsl.base.shape import Shape
from archdsl.ops.analysis import Drawing, InputDependence, Saved
from archdsl.ops.base import INPUT, Argument, ForwardOnly, Functional, Fusion, Op, Submodule, input_at
from archdsl.ops.rearrange import Slice


class Part(Slice):
    """The channels of one lane: a slice that is no submodule, wherever it stands."""

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        code = self.torch(inputs[0])
        assert isinstance(code, Functional)
        return ForwardOnly(code.function)


class Lanewise(Op):
    """Applies an operator without weights to each lane alone, as if lanes were samples.

    N samples of G lanes of C channels, (N, G * C, ...), are (N * G, C, ...) for it, so nothing reaches over the border
    between two lanes, and chance is drawn for each lane anew.
    """

    family = "other"
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0
    support: ClassVar[tuple[str, ...]] = ("lanes_as_samples", "samples_as_lanes", "LaneByLane")

    def __init__(self, op: Op, lanes: int) -> None:
        super().__init__()
        self.op = op
        self.lanes = lanes
        self.name = op.name  # type: ignore[misc]
        self.is_random = op.is_random  # type: ignore[misc]
        self.support = (*op.support, *Lanewise.support)  # type: ignore[misc]

    @property
    def values(self) -> Mapping[str, object]:
        return self.op.values

    def _lane(self, shape: Shape) -> Shape:
        return Shape((shape.channels // self.lanes, *shape.map))

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        made = self.op.result(tuple(map(self._lane, inputs)))
        return Shape((self.lanes * made.channels, *made.map))

    def shape(self, x: Shape) -> Shape:
        return self.result((x,))

    def macs(self, x: Shape, y: Shape) -> int:
        return self.lanes * self.op.macs(self._lane(x), self._lane(y))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return self.op.input_dependence(tuple(map(self._lane, inputs)), self._lane(y))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        saved = self.op.saved_for_backward(tuple(map(self._lane, inputs)), self._lane(y))
        return replace(saved, values=self.lanes * saved.values, integers=self.lanes * saved.integers)

    def emission(self, inputs: tuple[Shape, ...]) -> Functional | ForwardOnly:
        made = self.op.emission(tuple(map(self._lane, inputs)))
        assert not isinstance(made, Submodule)
        places = {INPUT, *(input_at(number) for number in range(len(inputs)))}

        def as_samples(part: Expr) -> Expr:
            if not isinstance(part, Ref) or part not in places:
                return part
            return call("lanes_as_samples", part, self.lanes)

        function = call("samples_as_lanes", mapped(made.function, as_samples), self.lanes)
        if isinstance(made, ForwardOnly):
            return ForwardOnly(function)
        return Functional(call("LaneByLane", made.module, self.lanes), function)

    def drawing(self, x: Shape) -> Drawing:
        return Drawing(f"{self.op.drawing(self._lane(x)).title}, g={self.lanes}")

    def decides(self, x: Shape) -> tuple[int, ...]:
        return self.op.decides(self._lane(x))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(Lanewise(self.op, count * self.lanes))
