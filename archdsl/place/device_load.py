"""The load of each device and each link in a placement."""

from collections.abc import Sequence

from archdsl.place.costs import Costs


def device_seconds(costs: Costs, stages: Sequence[int]) -> list[float]:
    """Return the seconds of a forward pass on each device; `stages` is the device of each step."""
    found = [0.0] * (max(stages) + 1)
    for seconds, stage in zip(costs.times, stages, strict=True):
        found[stage] += seconds
    return found


def link_bytes(costs: Costs, stages: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return the bytes sent from one device to another in a forward pass; `stages` is the device of each step.

    A value for a later device passes through all devices between. A value for an earlier device is sent to it directly.
    Inputs of the model are on the first device that computes anything.
    """
    found: dict[tuple[int, int], int] = {}
    first = min(stages)
    for source, readers, size in costs.edges:
        here = stages[source] if source >= 0 else first
        there = {stages[reader] for reader in readers}
        hops = [(stage, stage + 1) for stage in range(here, max(there))]
        hops += [(here, stage) for stage in there if stage < here]
        for hop in hops:
            found[hop] = found.get(hop, 0) + size
    return found


def bottleneck(costs: Costs, stages: Sequence[int], *, link: float) -> float:
    """Return the seconds of the slowest device or the busiest link in a forward pass.

    Args:
        costs: The costs of the steps.
        stages: The device of each step.
        link: Bytes per second between two devices.
    """
    return max(*device_seconds(costs, stages), *(size / link for size in link_bytes(costs, stages).values()), 0.0)
