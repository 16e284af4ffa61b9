"""Valid nets in processes: towers and pipelines give the outputs, gradients and buffers of the plain module."""

import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from traceback import format_exception
from typing import Any

from fuzz_mutations import mutated_net
from fuzz_nets import LIMITS, LONGEST, drawn_net, is_small, valid_texts
from fuzz_texts import FILE, Counts, Finding, key_of
from nets import NETS
from tower_nets import TOWERS

from archdsl.base.source import Source
from archdsl.diag.model import Refusal
from archdsl.driver import compile_source
from archdsl.emit.generate import generate, generate_stages, generate_towers
from archdsl.ir.graph import CheckedGraph
from archdsl.passes.pipeline_stages import staged
from archdsl.passes.towers import towers
from archdsl.place.pipeline import by_devices, dealt

KINDS = ("towers", "pipeline")
# Stages, processes and schedules of pipelines.
PIPELINES = (
    (2, 2, "GPipe"), (2, 2, "1F1B"), (3, 3, "GPipe"), (3, 3, "1F1B"), (4, 4, "1F1B"), (4, 2, "Interleaved1F1B"),
    (4, 2, "LoopedBFS"), (4, 2, "InterleavedZeroBubble"), (4, 2, "ZBVZeroBubble"), (4, 2, "DualPipeV"),
    (6, 3, "Interleaved1F1B"),
)  # fmt: skip
MOST_TOWERS, SECONDS = 4, 3_000
TOWER_TEXTS = (NETS["towers"], *TOWERS.values())


@dataclass
class Cases:
    """The cases of a run, with their texts; `wanted` is the number of nets of each kind that are still to be found."""

    folder: Path
    wanted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    texts: dict[str, str] = field(default_factory=dict)
    listed: list[dict[str, Any]] = field(default_factory=list)

    def add_towers(self, graph: CheckedGraph, text: str) -> None:
        """Add a net whose towers are processes."""
        found = towers(graph)
        if len(found) <= MOST_TOWERS:
            self._add(graph, text, generate_towers(graph, found), kind="towers", world=len(found))

    def add_pipeline(self, graph: CheckedGraph, text: str, count: int, world: int, schedule: str) -> None:
        """Add a pipeline with a number of stages; 0 for one stage and one process for each device."""
        chosen = dealt(graph, count) if count else by_devices(graph)
        parts = generate_stages(graph, staged(graph, chosen))
        more = {"world": world or len(chosen), "count": len(chosen), "schedule": schedule}
        self._add(graph, text, parts, kind="pipeline", **more)

    def _add(self, graph: CheckedGraph, text: str, parts: str, **more: Any) -> None:
        name = f"net{len(self.listed)}"
        (self.folder / f"{name}.py").write_text(generate(graph), encoding="utf-8")
        (self.folder / f"{name}_parts.py").write_text(parts, encoding="utf-8")
        self.texts[name] = text
        self.wanted[more["kind"]] -= 1
        self.listed.append({
            "name": name, "model": graph.name,
            "shapes": [[int(dim) for dim in given.shape.dims] for given in graph.inputs],
            "indices": [None if (count := graph.indices(given)) is None else int(count) for given in graph.inputs],
            "training": any(output.when_training for output in graph.outputs), **more,
        })  # fmt: skip


def drawn_for_processes(seed: int, number: int) -> str:
    """Return the text with this number in the run with this seed; every third begins with towers."""
    random = Random(f"processes {seed}/{number}")
    if random.random() < 1 / 3:
        return mutated_net(random.choice(TOWER_TEXTS), valid_texts(), random)
    return drawn_net(seed, number)


def offer(text: str, seed: str, cases: Cases, counts: Counts) -> None:
    """Add a text to the cases if it is a small valid net, in the first kind that is still wanted and that it allows."""
    if len(text) > LONGEST:
        return
    counts.judged += 1
    try:
        compiled = compile_source(Source(FILE, text), limits=LIMITS)
        if compiled.models and is_small(compiled.models[-1]):
            _offer(compiled.models[-1], text, Random(seed), cases)
    except Exception as error:
        trace = "".join(format_exception(error))[-2_000:]
        counts.findings.append(Finding(key_of(error), str(error)[:500], trace, text))


def _offer(graph: CheckedGraph, text: str, random: Random, cases: Cases) -> None:
    chosen = random.choice(PIPELINES)
    if len(graph.devices) > 1 and random.random() < 0.5:
        chosen = (0, 0, random.choice(("GPipe", "1F1B")))
    before = len(cases.listed)
    if cases.wanted["towers"]:
        with suppress(Refusal):
            cases.add_towers(graph, text)
    if cases.wanted["pipeline"] and len(cases.listed) == before:
        with suppress(Refusal):
            cases.add_pipeline(graph, text, *chosen)


def run_cases(cases: Cases, counts: Counts) -> None:
    """Run all cases in processes; count those that were compared, and note what differs."""
    (cases.folder / "cases.json").write_text(json.dumps(cases.listed))
    script = Path(__file__).parent / "process_cases.py"
    subprocess.run(
        [sys.executable, str(script), str(cases.folder)], env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE, check=True, timeout=SECONDS,
    )  # fmt: skip
    results = json.loads((cases.folder / "result.json").read_text())
    for case in cases.listed:
        result = results[case["name"]]
        if "compared" in result:
            counts.valid += result["compared"] > 0
            counts.kinds[case["kind"]] += result["compared"] > 0
        else:
            key = re.sub(r"\d+", "N", result["words"])[:100]
            counts.findings.append(Finding(key, result["words"][:500], result["trace"], cases.texts[case["name"]]))
