"""How long drawings take, as ratios: CPU of drawing a net over that of drawing LeNet-5, engine included, start-up not.

Prints the median of the runs for ResNet-152 as it comes and with every operator.

    python benchmarks/drawing.py [RUNS]
"""

import resource
import statistics
import sys

from archdsl.diagram import FULL, Detail, diagram
from archdsl.diagram.render.engines import draw
from archdsl.gallery.entries import graphs
from archdsl.ir.graph import CheckedGraph


def cpu() -> float:
    """Return the CPU seconds of this process and of those that it ran."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def seconds(graph: CheckedGraph, depth: int | None) -> float:
    """Return the CPU seconds of one drawing."""
    start = cpu()
    draw(diagram(graph, detail=Detail(depth=depth)), "svg")
    return cpu() - start


def main(runs: int) -> None:
    """Print seconds and ratios."""
    nets = graphs(["lenet5", "resnet152"])
    seconds(nets["lenet5"], None)
    small = statistics.median(seconds(nets["lenet5"], None) for _ in range(runs))
    print(f"lenet5 {small:.3f} s (median of {runs} runs, CPU)")
    for words, depth, bound in (("folded", None, 1), ("every operator", FULL, 5)):
        found = statistics.median(seconds(nets["resnet152"], depth) for _ in range(runs))
        print(f"resnet152, {words}: {found:.3f} s, {found / small:.1f} times lenet5; the bound is {bound} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
