"""Operators that tower fusion inserts where an operator mixes the channels of a tower."""

from collections.abc import Mapping
from typing import ClassVar

from archdsl.base.pyexpr import Expr, InputRef, call, mapped
from archdsl.base.shape import Shape
from archdsl.ops.analysis import Drawing, InputDependence, Saved
from archdsl.ops.argument_types import ArgumentValue
from archdsl.ops.base import Argument, ForwardOnly, Functional, Fusion, Op, Submodule
from archdsl.ops.rearrange import Slice


class TowerChannels(Slice):
    """The channels of one tower: a slice that is always a function, never a submodule."""

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        code = self.torch(inputs[0])
        assert isinstance(code, Functional)
        return ForwardOnly(code.function)


class PerTower(Op):
    """Applies an operator without weights to each tower alone, by treating towers as samples.

    An input of N samples and T towers with C channels each, (N, T * C, ...), becomes (N * T, C, ...) for the operator.
    So no value of one tower reaches another, and random operators draw anew for each tower.
    """

    family = "other"
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0
    support: ClassVar[tuple[str, ...]] = ("towers_as_samples", "samples_as_towers", "PerTower")

    def __init__(self, op: Op, towers: int) -> None:
        super().__init__()
        self.op = op
        self.towers = towers
        self.name = op.name  # type: ignore[misc]
        self.is_random = op.is_random  # type: ignore[misc]
        self.support = (*op.support, *PerTower.support)  # type: ignore[misc]

    @property
    def values(self) -> Mapping[str, ArgumentValue]:
        return self.op.values

    def _of_one(self, shape: Shape) -> Shape:
        """Return the shape of one tower."""
        return Shape((shape.channels // self.towers, *shape.map))

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        made = self.op.result(tuple(map(self._of_one, inputs)))
        return Shape((self.towers * made.channels, *made.map))

    def shape(self, x: Shape) -> Shape:
        return self.result((x,))

    def macs(self, x: Shape, y: Shape) -> int:
        return self.towers * self.op.macs(self._of_one(x), self._of_one(y))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return self.op.input_dependence(tuple(map(self._of_one, inputs)), self._of_one(y))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        saved = self.op.saved_for_backward(tuple(map(self._of_one, inputs)), self._of_one(y))
        return saved._replace(values=self.towers * saved.values, integers=self.towers * saved.integers)

    def emission(self, inputs: tuple[Shape, ...]) -> Functional | ForwardOnly:
        made = self.op.emission(tuple(map(self._of_one, inputs)))
        assert not isinstance(made, Submodule)

        def as_samples(part: Expr) -> Expr:
            if not isinstance(part, InputRef):
                return part
            return call("towers_as_samples", part, self.towers)

        function = call("samples_as_towers", mapped(made.function, as_samples), self.towers)
        if isinstance(made, ForwardOnly):
            return ForwardOnly(function)
        return Functional(call("PerTower", made.module, self.towers), function)

    def drawing(self, x: Shape) -> Drawing:
        own = self.op.drawing(self._of_one(x))
        return own._replace(more=(*own.more, f"g={self.towers}"), entry="")

    def decides(self, x: Shape) -> tuple[int, ...]:
        return self.op.decides(self._of_one(x))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(PerTower(self.op, count * self.towers))
