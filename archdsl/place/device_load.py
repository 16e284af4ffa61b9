"""What each device and each link has to do in a placement."""

from collections.abc import Sequence

from archdsl.place.costs import Costs


def loads(costs: Costs, stages: Sequence[int]) -> list[float]:
    """Return the seconds of a forward pass on each device, given the device of each step."""
    found = [0.0] * (max(stages) + 1)
    for seconds, stage in zip(costs.times, stages, strict=True):
        found[stage] += seconds
    return found


def links(costs: Costs, stages: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return the bytes that go from one device to another in a forward pass.

    A value that is needed two devices later goes through the one between; one that goes back goes straight back. What
    comes in is on the first device that computes anything.
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
    """Return the seconds of the slowest device or the busiest link in a forward pass."""
    return max(*loads(costs, stages), *(size / link for size in links(costs, stages).values()), 0.0)
