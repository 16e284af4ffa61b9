"""Passes over checked graphs: devices for all steps, the transfers between them, and one layer for those of towers."""

from archdsl.passes.alike import CannotFuse
from archdsl.passes.assign import assigned
from archdsl.passes.crossings import Crossing, crossings
from archdsl.passes.fuse import Fused, fuse_towers
from archdsl.passes.invariants import assert_valid
from archdsl.passes.lanewise import Lanewise
from archdsl.passes.moves import with_moves
from archdsl.passes.pipelines import lowered
from archdsl.passes.placement import placed
from archdsl.passes.stages import Stage, Unit, staged, units
from archdsl.passes.towers import NoTowers, towers
from archdsl.passes.transfers import Exchange, Move, is_move

__all__ = [
    "CannotFuse", "Crossing", "Exchange", "Fused", "Lanewise", "Move", "NoTowers", "Stage", "Unit", "assert_valid",
    "assigned", "crossings", "fuse_towers", "is_move", "lowered", "placed", "staged", "towers", "units", "with_moves",
]  # fmt: skip
