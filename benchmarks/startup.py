"""How long a cold check takes, as a ratio: user CPU of `archdsl check lenet5` over that of `python -c "import lark"`.

Runs the two in turn and prints the median of the pairs' ratios. The bound is 4.

    python benchmarks/startup.py [RUNS]
"""

import os
import statistics
import subprocess
import sys

CHECK = (sys.executable, "-m", "archdsl", "check", "lenet5")
LARK = (sys.executable, "-c", "import lark")


def user_seconds(command: tuple[str, ...]) -> float:
    """Return the user CPU seconds of a whole process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime


def main(runs: int) -> None:
    """Print the ratio of all pairs and their median."""
    user_seconds(CHECK), user_seconds(LARK)
    pairs = [(user_seconds(CHECK), user_seconds(LARK)) for _ in range(runs)]
    ratios = sorted(check / lark for check, lark in pairs)
    check, lark = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"check {check:.3f} s, import lark {lark:.3f} s (medians of {runs} runs, user CPU)")
    print(f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}); the bound is 4")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
