"""How the commands grow with the number of operations: CPU seconds, peak memory, and the exponent between two sizes.

Each command runs on generated nets of four forms: a flat chain with labels, a repeated block, and branches that are
concatenated, in submodules or in a loop, where a drawing shows every one of them. The exponent is that of the CPU time
above what a net of one repetition costs, so 1 is linear growth. The bound is 1.15. The fastest of three runs counts.

    python benchmarks/scale.py [--sizes 1000 10000] [--forms flat repeat branch] [--commands check build ...]
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

COMMANDS: dict[str, tuple[str, ...]] = {
    "check": ("check", "--max-operations", "10000000"),
    "summary": ("summary", "--max-operations", "10000000"),
    "build": ("build", "--max-operations", "10000000", "-o", os.devnull),
    "draw": ("draw", "--max-operations", "10000000", "-o", "out.dot"),
    "fmt": ("fmt", "--check"),
}
BLOCK = """block Block(width) {
  residual {
    conv1: conv(width, 3, padding = 1, bias = false) -> bn1: batchnorm -> relu
    conv2: conv(width, 3, padding = 1, bias = false) -> bn2: batchnorm
  } -> relu
}
"""
BRANCHES = """  m{0}: [
    concat {{
      conv(16, 1)
      conv(16, 3, padding = 1)
      conv(16, 5, padding = 2)
      maxpool(3, 1, padding = 1) -> conv(16, 1)
    }} -> relu
  ]
"""

LOOPED = BRANCHES.format(0).removeprefix("  m0: [").rstrip().removesuffix("]").strip()


def flat(operations: int) -> str:
    """Return a chain of labelled convolutions and normalisations, three operations in a line."""
    line = "  c{0}: conv(64, 3, padding = 1, bias = false) -> b{0}: batchnorm -> relu\n"
    return "model Flat {\n  input x: 64x32x32\n" + "".join(map(line.format, range(operations // 3))) + "}\n"


def repeat(operations: int) -> str:
    """Return a block of seven operations, repeated."""
    body = f"  input x: 64x32x32\n  layer: [Block(64) * {max(1, operations // 7)}]\n"
    return f"{BLOCK}\nmodel Repeat {{\n{body}}}\n"


def branch(operations: int) -> str:
    """Return modules of four branches, seven operations each."""
    return "model Branch {\n  input x: 64x32x32\n" + "".join(map(BRANCHES.format, range(operations // 7))) + "}\n"


def loop(operations: int) -> str:
    """Return branches as `branch` does, without submodules: a drawing has a box for each operation."""
    return f"model Loop {{\n  input x: 64x32x32\n  for i in range({operations // 7}) {{ {LOOPED} }}\n}}\n"


FORMS = {"flat": flat, "repeat": repeat, "branch": branch, "loop": loop}


class Cost(NamedTuple):
    """CPU seconds and peak MiB of a process."""

    seconds: float
    peak: float


def cost(command: tuple[str, ...], folder: Path) -> Cost:
    """Return the cost of a command, the fastest of three runs."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found = []
    for _ in range(3):
        process = subprocess.Popen(
            (sys.executable, "-m", "archdsl", *command),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        # `fmt --check` ends with 1 if it would change the file.
        assert process.returncode in (0, 1), command
        found.append(Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    return min(found)


def main() -> None:
    """Print a line for each form and command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--forms", nargs="+", default=list(FORMS), choices=FORMS)
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=COMMANDS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for form in given.forms:
            for size in (7, *given.sizes):
                (folder / f"{form}{size}.arch").write_text(FORMS[form](size))
            for command in given.commands:
                words, before = [], None
                base = cost((*COMMANDS[command], f"{form}7.arch"), folder).seconds
                for size in given.sizes:
                    found = cost((*COMMANDS[command], f"{form}{size}.arch"), folder)
                    above = max(found.seconds - base, 1e-3)
                    exponent = f" exponent {math.log(above / before[0], size / before[1]):.2f}" if before else ""
                    before = (above, size)
                    words.append(f"{size:,}: {found.seconds:.2f} s {found.peak:.0f} MiB{exponent}")
                print(f"{form:<7} {command:<8} {'; '.join(words)}", flush=True)


if __name__ == "__main__":
    main()
