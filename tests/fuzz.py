"""Long fuzz runs: `python tests/fuzz.py texts --seed 1 --count 50000`, and the same with `nets`.

`python tests/fuzz.py nets --processes --seed 1 --count 100` takes nets that can be towers or pipelines, half of them
each, and runs the towers and stages in processes of their own, which takes seconds for each net.

A run prints its counts, and each failure with the smallest text that was found for it. The exit code is 1 if there is a
failure. Runs with other seeds use other cores.
"""

import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import fuzz_texts
from fuzz_corpus import corpus
from fuzz_mutations import mutated
from fuzz_texts import Counts, Finding

SHARE = 0.1


def drawn_text(seed: int, number: int) -> str:
    """Return the text with this number in the run with this seed."""
    random, texts = Random(f"{seed}/{number}"), corpus()
    return mutated(random.choice(texts), texts, random)


def fuzz_the_texts(seed: int, count: int, seconds: float = float("inf"), deep: float = SHARE) -> Counts:
    """Judge mutated texts until there are so many, or so many CPU seconds have passed."""
    counts, began = Counts(), time.process_time()
    for number in range(count):
        if time.process_time() - began > seconds:
            break
        fuzz_texts.attempt(drawn_text(seed, number), f"{seed}/{number}", deep, counts)
        announce(counts)
    return counts


def fuzz_the_nets(seed: int, count: int, seconds: float = float("inf")) -> Counts:
    """Judge mutated nets that are valid until there are so many, or so many CPU seconds have passed."""
    # Imported here: it takes torch.
    from fuzz_nets import drawn_net, judge_net

    counts, began, number = Counts(), time.process_time(), 0
    with TemporaryDirectory() as folder:
        while counts.valid < count and time.process_time() - began < seconds:
            text = drawn_net(seed, number)
            judge_net(text, f"{seed}/{number}", Path(folder), counts)
            announce(counts)
            number += 1
    return counts


def fuzz_the_processes(seed: int, count: int, seconds: float = float("inf")) -> Counts:
    """Judge valid nets in processes, half of them as towers and half as pipelines; look no longer for so many."""
    from fuzz_processes import Cases, drawn_for_processes, offer, run_cases

    counts, began, number = Counts(), time.process_time(), 0
    with TemporaryDirectory() as folder:
        cases = Cases(Path(folder), {"towers": count // 2, "pipeline": count - count // 2})
        while any(cases.wanted.values()) and time.process_time() - began < seconds:
            offer(drawn_for_processes(seed, number), f"{seed}/{number}", cases, counts)
            number += 1
        run_cases(cases, counts)
    return counts


def announce(counts: Counts) -> None:
    """Print each failure as soon as it is found: a long run may be stopped."""
    for finding in counts.findings[counts.announced :]:
        print(f"{finding.key}: {finding.words}", file=sys.stderr, flush=True)
    counts.announced = len(counts.findings)


def smallest(findings: list[Finding]) -> dict[str, Finding]:
    """Return the smallest text for each kind of failure."""
    found: dict[str, Finding] = {}
    for finding in sorted(findings, key=lambda each: len(each.text)):
        found.setdefault(finding.key, finding)
    return found


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("texts", "nets"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="CPU seconds")
    parser.add_argument("--processes", action="store_true", help="run the nets as towers and pipelines in processes")
    parser.add_argument("--reduce", action="store_true", help="shrink the texts of failures")
    args = parser.parse_args()
    if args.processes and args.kind == "texts":
        parser.error("--processes is for nets")
    run = fuzz_the_processes if args.processes else fuzz_the_texts if args.kind == "texts" else fuzz_the_nets
    counts = run(args.seed, args.count, args.seconds)
    for key, finding in smallest(counts.findings).items():
        text = fuzz_texts.shrunk(finding.text, key) if args.reduce and args.kind == "texts" else finding.text
        print(f"=== {key}: {finding.words}\n{text}\n--- {finding.trace}")
    print(
        f"seed {args.seed}: {counts.judged} judged, {counts.parsed} parsed, {counts.valid} valid, "
        f"{len(counts.findings)} failures, slowest {counts.slowest:.2f} s, {time.process_time():.0f} CPU s"
        + "".join(f", {number} {kind}" for kind, number in sorted(counts.kinds.items()))
    )
    return 1 if counts.findings else 0


if __name__ == "__main__":
    sys.exit(main())
