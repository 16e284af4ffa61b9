"""What the comparison of a generated module with its graph costs, as a share of `archdsl build`.

Runs `archdsl build` with and without the comparison in turn, and prints the median of the pairs' ratios of CPU time.
The bound for nets of the gallery is 1.10. The two large nets are the worst cases: a flat net of 20,000 operations,
whose text has two lines for each of them, and a repeated block, whose text is short.

    python benchmarks/readback.py [RUNS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

NETS = ("lenet5", "resnet50", "densenet201", "vit")
LARGE = {
    "flat": "# allow W0201\nmodel Flat { input x: 3x8x8; for i in range(19_990) { conv(3, 1) } }",
    "blocks": "block B(c) { c: conv(c, 3, padding = 1) -> n: batchnorm -> relu }\n"
    "model Blocks { input x: 8x8x8; b: [B(8) * 4_000] }",
}
BUILD = "import sys; sys.argv[0] = 'archdsl'; from archdsl.cli.main import main; "
WITHOUT = "from archdsl.emit import generate; generate._compared = lambda text, graphs: text; "


def cpu_seconds(net: str, before: str) -> float:
    """Return the CPU seconds of a process that builds a net, after some statements."""
    command = (sys.executable, "-c", f"{BUILD}{before}main()", "build", net, "-o", os.devnull)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime + usage.ru_stime


def main(runs: int) -> None:
    """Print a line for each net."""
    with tempfile.TemporaryDirectory() as folder:
        large = []
        for name, text in LARGE.items():
            large.append(f"{folder}/{name}.arch")
            Path(large[-1]).write_text(text)
        _compare((*NETS, *large), runs)


def _compare(nets: tuple[str, ...], runs: int) -> None:
    for net in nets:
        cpu_seconds(net, ""), cpu_seconds(net, WITHOUT)
        pairs = [(cpu_seconds(net, ""), cpu_seconds(net, WITHOUT)) for _ in range(runs)]
        ratios = sorted(compared / plain for compared, plain in pairs)
        compared, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
        spread = f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(
            f"{Path(net).stem}: {compared:.3f} s, without {plain:.3f} s; ratio {statistics.median(ratios):.3f} {spread}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
