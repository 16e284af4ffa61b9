"""Devices as lanes: what computes on one device stands in one frame."""

from collections import defaultdict

from archdsl.diagram.model import wording
from archdsl.diagram.spec import Box, Cluster, Member, Style
from archdsl.ir.graph import CheckedGraph


def in_lanes(members: tuple[Member, ...], devices: dict[str, str], graph: CheckedGraph) -> tuple[Member, ...]:
    """Return members in a frame for each device, `devices` being those of boxes; what spans several is parted.

    A closed submodule on several devices stays outside of all.
    """
    lanes: dict[str, list[Member]] = defaultdict(list)
    outside: list[Member] = []
    for member in _parted(members, devices):
        device = devices.get(member.id) if isinstance(member, Box) else _device(member, devices)
        (lanes[device] if device else outside).append(member)
    made = [_lane(device, tuple(lanes[device]), graph) for device in graph.devices if lanes[device]]
    return (*outside, *made) if len(made) > 1 else members


def _parted(members: tuple[Member, ...], devices: dict[str, str]) -> list[Member]:
    """Return members of which no frame spans several devices, or is one of a lane that stands for a device."""
    found: list[Member] = []
    for member in members:
        if isinstance(member, Box) or (_device(member, devices) and not member.inline):
            found.append(member)
        else:
            found += _parted(member.members, devices)
    return found


def _device(cluster: Cluster, devices: dict[str, str]) -> str | None:
    found = {devices.get(box.id) for box in cluster.boxes()}
    return found.pop() if len(found) == 1 else None


def _lane(device: str, members: tuple[Member, ...], graph: CheckedGraph) -> Cluster:
    params = sum(node.params for node in graph.nodes if node.device == device)
    facts = f"{device} | {wording.exact(params, 'parameter')}"
    return Cluster(f"device-{device}", Style.DEVICE, device, wording.params(params), facts, members)
