"""How long the placement of ResNet-152 takes: CPU seconds, and as a ratio to reading and checking the net itself.

The bounds are 0.5 s and a ratio of 4; with --memory the smallest limit that fits is kept, which takes longest.

    python benchmarks/placing.py [DEVICES] [RUNS]
"""

import gc
import sys
import time
from collections.abc import Callable

from archdsl.place import Impossible, place
from archdsl.python.api import compile

NET = "resnet152"


def seconds(work: Callable[[], object], runs: int) -> float:
    """Return the least CPU seconds of some runs."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def least_memory(devices: int) -> int:
    """Return the smallest limit on the bytes of a device."""
    try:
        place(compile(NET).models[-1], devices, micro=devices, limit=1)
    except Impossible as error:
        return error.least
    raise AssertionError


def main(devices: int, runs: int) -> None:
    """Print the times and their ratios."""
    graph = compile(NET).models[-1]
    limit = least_memory(devices)
    gc.disable()
    check = seconds(lambda: compile(NET), runs)
    free = seconds(lambda: place(graph, devices, micro=devices), runs)
    tight = seconds(lambda: place(graph, devices, micro=devices, limit=limit), runs)
    print(f"{NET} on {devices} devices: check {check:.3f} s, place {free:.3f} s, with --memory {tight:.3f} s of CPU")
    print(f"ratio {free / check:.2f}, with --memory {tight / check:.2f}; the bounds are 0.5 s and 4")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8, int(sys.argv[2]) if len(sys.argv) > 2 else 5)
