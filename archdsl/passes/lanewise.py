"""What stands in fused towers for steps that mix the channels of one: operators that nobody writes."""

from collections.abc import Mapping
from typing import ClassVar

from archdsl.base.pyexpr import Expr, Ref, call, mapped
from archdsl.base.shape import Shape
from archdsl.ops.base import INPUT, Argument, Emission, Merge, Op, Stateless, input_at
from archdsl.ops.rearrange import Slice


class Part(Slice):
    """The channels of one lane: a slice that is no submodule, wherever it stands."""

    def torch(self, x: Shape) -> Emission:
        emission = super().torch(x)
        assert isinstance(emission, Stateless)
        return Stateless(None, emission.function)


class Lanewise(Merge):
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

    def macs(self, x: Shape, y: Shape) -> int:
        return self.lanes * self.op.macs(self._lane(x), self._lane(y))

    def emission(self, inputs: tuple[Shape, ...]) -> Emission:
        made = self.op.emission(tuple(map(self._lane, inputs)))
        assert isinstance(made, Stateless)
        places = {INPUT, *(input_at(number) for number in range(len(inputs)))}

        def as_samples(part: Expr) -> Expr:
            if not isinstance(part, Ref) or part not in places:
                return part
            return call("lanes_as_samples", part, self.lanes)

        module = call("LaneByLane", made.module, self.lanes) if made.module else None
        return Stateless(module, call("samples_as_lanes", mapped(made.function, as_samples), self.lanes))

    def title(self, x: Shape) -> str:
        return f"{self.op.title(self._lane(x))}, g={self.lanes}"

    def decides(self, x: Shape) -> tuple[int, ...]:
        return self.op.decides(self._lane(x))

    def fuse_parallel(self, lanes: int, inputs: tuple[Shape, ...]) -> Op:
        return Lanewise(self.op, lanes * self.lanes)
