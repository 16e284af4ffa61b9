"""Operators that tower fusion inserts where an operator mixes the channels of a tower."""

from collections.abc import Mapping
from typing import ClassVar

from archdsl.base.pyexpr import Expr, Ref, call, mapped
from archdsl.base.shape import Shape
from archdsl.ops.base import INPUT, Argument, Emission, Merge, Op, Stateless, input_at
from archdsl.ops.rearrange import Slice


class TowerChannels(Slice):
    """The channels of one tower: a slice that is always a function, never a submodule."""

    def torch(self, x: Shape) -> Emission:
        emission = super().torch(x)
        assert isinstance(emission, Stateless)
        return Stateless(None, emission.function)


class PerTower(Merge):
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
    def values(self) -> Mapping[str, object]:
        return self.op.values

    def _of_one(self, shape: Shape) -> Shape:
        """Return the shape of one tower."""
        return Shape((shape.channels // self.towers, *shape.map))

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        made = self.op.result(tuple(map(self._of_one, inputs)))
        return Shape((self.towers * made.channels, *made.map))

    def macs(self, x: Shape, y: Shape) -> int:
        return self.towers * self.op.macs(self._of_one(x), self._of_one(y))

    def emission(self, inputs: tuple[Shape, ...]) -> Emission:
        made = self.op.emission(tuple(map(self._of_one, inputs)))
        assert isinstance(made, Stateless)
        places = {INPUT, *(input_at(number) for number in range(len(inputs)))}

        def as_samples(part: Expr) -> Expr:
            if not isinstance(part, Ref) or part not in places:
                return part
            return call("towers_as_samples", part, self.towers)

        module = call("PerTower", made.module, self.towers) if made.module else None
        return Stateless(module, call("samples_as_towers", mapped(made.function, as_samples), self.towers))

    def title(self, x: Shape) -> str:
        return f"{self.op.title(self._of_one(x))}, g={self.towers}"

    def decides(self, x: Shape) -> tuple[int, ...]:
        return self.op.decides(self._of_one(x))

    def fuse_parallel(self, towers: int, inputs: tuple[Shape, ...]) -> Op:
        return PerTower(self.op, towers * self.towers)
