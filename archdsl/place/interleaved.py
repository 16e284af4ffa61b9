"""The interleaved segment: steps that cannot be cut, since the author's devices alternate among them, as in towers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from archdsl.place.costs import Costs
from archdsl.place.device_load import link_bytes


@dataclass(frozen=True, slots=True)
class InterleavedSegment:
    """Consecutive steps from `start` to before `end`, and the device of each.

    Its devices work at the same time. Steps before it run on its first device or an earlier one, steps after it on its
    last device or a later one.
    """

    start: int
    end: int
    devices: tuple[int, ...]

    @property
    def first(self) -> int:
        """Number of its first device."""
        return min(self.devices)

    @property
    def last(self) -> int:
        """Number of its last device."""
        return max(self.devices)

    def steps(self, device: int) -> Iterator[int]:
        """Yield the numbers of its steps on a device."""
        return (self.start + place for place, each in enumerate(self.devices) if each == device)


def joined(costs: Costs) -> list[tuple[int, int]]:
    """Return the first and the last step of each set of steps that share weights, and so share a device."""
    last: dict[int, int] = {}
    for step, owner in enumerate(costs.owners):
        if owner != step:
            last[owner] = step
    return list(last.items())


def interleaved_segment(costs: Costs, *, link: float) -> InterleavedSegment | None:
    """Return the steps among which the chosen devices are not in order, None if they are in order everywhere.

    Steps in it without a chosen device are assigned by local search: runs of steps move between devices as long as the
    bottleneck improves. `link` is in bytes per second.
    """
    found = _bounds(costs)
    return _LocalSearch(costs, *found, link).best() if found else None


def _bounds(costs: Costs) -> tuple[int, int] | None:
    """Return the first step of the interleaved segment and the step after its last, None if there is none."""
    pinned = [(step, device) for step, device in enumerate(costs.devices) if device is not None]
    wrong = [_conflict(pinned)]
    shared = joined(costs)
    for owner, last in shared:
        inside = {device for step, device in pinned if owner <= step <= last}
        wrong.append((owner, last) if len(inside) > 1 else None)
    conflicts = [each for each in wrong if each]
    if not conflicts:
        return None
    start, end = min(start for start, _ in conflicts), max(end for _, end in conflicts)
    grown = True
    while grown:
        touching = [(owner, last) for owner, last in shared if owner <= end and last >= start]
        wider = min([start, *(owner for owner, _ in touching)]), max([end, *(last for _, last in touching)])
        grown, (start, end) = wider != (start, end), wider
    return start, end + 1


def _conflict(pinned: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the first step on a later device than a step after it, and the last step on an earlier one than before."""
    highest, last = -1, None
    for step, device in pinned:
        highest = max(highest, device)
        last = step if device < highest else last
    if last is None:
        return None
    lowest, first = highest, last
    for step, device in reversed(pinned):
        lowest = min(lowest, device)
        first = step if device > lowest else first
    return first, last


class _LocalSearch:
    """Finds a device for each step of an interleaved segment."""

    def __init__(self, costs: Costs, start: int, end: int, link: float) -> None:
        self.costs, self.start, self.end, self.link = costs, start, end, link
        chosen = [device for device in costs.devices[start:end] if device is not None]
        self.first, self.last = min(chosen), max(chosen)
        self.sources: dict[int, int] = {}
        for source, readers, _ in costs.edges:
            for reader in readers:
                self.sources[reader] = max(source, self.sources.get(reader, -1))

    def best(self) -> InterleavedSegment:
        """Return the segment with the best devices that the search finds."""
        moved: dict[int, int] = {}
        best = self._value(moved)
        better = True
        while better:
            better = False
            for run in self._runs():
                for device in range(self.first, self.last + 1):
                    tried = moved | dict.fromkeys(run, device)
                    value = self._value(tried)
                    if value < best:
                        moved, best, better = tried, value, True
        return InterleavedSegment(self.start, self.end, tuple(self._devices(moved)))

    def _runs(self) -> list[list[int]]:
        """Return the runs of steps without a chosen device."""
        free = [self.costs.devices[step] is None for step in range(self.start, self.end)]
        numbered = zip(range(self.start, self.end), free, strict=True)
        return [[step for step, _ in run] for is_free, run in groupby(numbered, key=lambda pair: pair[1]) if is_free]

    def _devices(self, moved: dict[int, int]) -> list[int]:
        """Return the device of each step: the chosen one, the one it moved to, or that of its latest input."""
        found: list[int] = []
        for step in range(self.start, self.end):
            chosen, owner, source = self.costs.devices[step], self.costs.owners[step], self.sources.get(step, -1)
            if chosen is not None:
                found.append(chosen)
            elif owner != step:
                found.append(found[owner - self.start])
            elif step in moved:
                found.append(moved[step])
            else:
                found.append(found[source - self.start] if source >= self.start else self.first)
        return found

    def _value(self, moved: dict[int, int]) -> tuple[float, int]:
        """Return the seconds of the slowest device or link in a forward pass, and the number of bytes sent."""
        devices = self._devices(moved)
        stages = [*[self.first] * self.start, *devices, *[self.last] * (len(self.costs.times) - self.end)]
        seconds = [0.0] * (self.last + 1)
        for step, device in enumerate(devices, self.start):
            seconds[device] += self.costs.times[step]
        sent = link_bytes(self.costs, stages).values()
        return max(*seconds, *(size / self.link for size in sent), 0.0), sum(sent)
