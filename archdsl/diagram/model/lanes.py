"""Lanes: one frame for each device around everything that runs on it."""

from collections import defaultdict
from collections.abc import Mapping

from archdsl.diagram import wording
from archdsl.diagram.spec import Box, Cluster, Member, Style
from archdsl.ir.graph import CheckedGraph


def in_lanes(members: tuple[Member, ...], devices: Mapping[str, str], graph: CheckedGraph) -> tuple[Member, ...]:
    """Return the members in one frame for each device; a model on a single device is returned as it is.

    Clusters that span several devices are dissolved. A closed submodule on several devices stays outside all lanes,
    and its box names the devices.

    Args:
        members: The boxes and clusters of a whole model.
        devices: The device of each box.
        graph: The model, for the order of the devices and their numbers of parameters.
    """
    lanes: dict[str, list[Member]] = defaultdict(list)
    outside: list[Member] = []
    for member in _dissolved(members, devices):
        device = devices.get(member.id) if isinstance(member, Box) else _device(member, devices)
        (lanes[device] if device else outside).append(member)
    made = [_lane(device, tuple(lanes[device]), graph) for device in graph.devices if lanes[device]]
    return (*outside, *made) if len(made) > 1 or (made and outside) else members


def _dissolved(members: tuple[Member, ...], devices: Mapping[str, str]) -> list[Member]:
    """Replace clusters that span several devices, and towers, by their members."""
    found: list[Member] = []
    for member in members:
        if isinstance(member, Box) or (_device(member, devices) and not member.inline):
            found.append(member)
        else:
            found += _dissolved(member.members, devices)
    return found


def _device(cluster: Cluster, devices: Mapping[str, str]) -> str | None:
    found = {devices.get(box.id) for box in cluster.boxes()}
    return found.pop() if len(found) == 1 else None


def _lane(device: str, members: tuple[Member, ...], graph: CheckedGraph) -> Cluster:
    params = sum(node.params for node in graph.nodes if node.device == device)
    facts = f"{device} | {wording.exact(params, 'parameter')}"
    return Cluster(
        f"device-{device}", Style.DEVICE, device, (wording.params(params),) if params else (), facts, members
    )
