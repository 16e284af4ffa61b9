"""Passes over checked graphs: devices for all steps, and the transfers between them."""

from archdsl.passes.assign import assigned
from archdsl.passes.crossings import Crossing, crossings
from archdsl.passes.invariants import assert_valid
from archdsl.passes.moves import with_moves
from archdsl.passes.pipelines import lowered
from archdsl.passes.placement import placed
from archdsl.passes.stages import Stage, Unit, staged, units
from archdsl.passes.transfers import Move, is_move

__all__ = [
    "Crossing", "Move", "Stage", "Unit", "assert_valid", "assigned", "crossings", "is_move", "lowered", "placed",
    "staged", "units", "with_moves",
]  # fmt: skip
