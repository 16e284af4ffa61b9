"""Automatic placement: a net is cut into consecutive stages, one for each device, so that the slowest is fastest."""

from archdsl.place.costs import Costs, Machine, costs
from archdsl.place.cut import Impossible, PinsCross, Plan, Schedule, cut
from archdsl.place.exact import NotProven
from archdsl.place.stages import Placement, Stage, amount, place

__all__ = [
    "Costs", "Impossible", "Machine", "NotProven", "PinsCross", "Placement", "Plan", "Schedule", "Stage", "amount",
    "costs", "cut", "place",
]  # fmt: skip
