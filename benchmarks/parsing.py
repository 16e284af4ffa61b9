"""How fast a large file is parsed: CPU of archdsl's driver over Lark's tables against Lark itself, on the same text.

python benchmarks/parsing.py [LINES]
"""

import gc
import sys
import time
from collections.abc import Callable

from archdsl.base.source import Source
from archdsl.diag.model import Problems
from archdsl.syntax.compile_grammar import grammar
from archdsl.syntax.parse import parse

LINE = "  c{0}: conv(64 * 2, 3x3, padding = half, bias = false) -> batchnorm(eps = 1e-3) -> relu\n"


def program(lines: int) -> str:
    """Return a flat model of so many lines, in the form that Lark's own lexer can read too."""
    return "model Flat(n = 1) {\n  input x: 3x32x32\n" + "".join(LINE.format(n) for n in range(lines)) + "}\n"


def seconds(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of three runs."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main(lines: int) -> None:
    """Print both times and their ratio."""
    text = program(lines)
    lark = grammar()
    source = Source("flat.arch", text)
    gc.disable()
    ours, theirs = seconds(lambda: parse(source, Problems())), seconds(lambda: lark.parse(text))
    print(f"{lines:,} lines: archdsl {ours:.2f} s with the tree, Lark {theirs:.2f} s; ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
