"""Automatic placement: assigns the steps of a net to devices so that the bottleneck takes the least time.

The bottleneck is the slowest device or the busiest link between two devices.
"""

from archdsl.place.costs import Costs, Machine, costs
from archdsl.place.cut import Impossible, Partition, cut
from archdsl.place.exact import NotProven
from archdsl.place.memory import Schedule
from archdsl.place.placement import DeviceStage, Link, Placement, place
from archdsl.place.sidecar import NoPlacement, Sidecar

__all__ = [
    "Costs", "DeviceStage", "Impossible", "Link", "Machine", "NoPlacement", "NotProven", "Partition", "Placement",
    "Schedule", "Sidecar", "costs", "cut", "place",
]  # fmt: skip
