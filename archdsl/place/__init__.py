"""Automatic placement: a net is cut into consecutive stages, one for each device, so that the slowest is fastest."""

from archdsl.place.costs import Costs, Machine, costs
from archdsl.place.cut import Impossible, Plan, cut
from archdsl.place.exact import NotProven
from archdsl.place.memory import Schedule
from archdsl.place.sidecar import NoPlacement, Sidecar
from archdsl.place.stages import Link, Placement, Stage, place

__all__ = [
    "Costs", "Impossible", "Link", "Machine", "NoPlacement", "NotProven", "Placement", "Plan", "Schedule", "Sidecar",
    "Stage", "costs", "cut", "place",
]  # fmt: skip
