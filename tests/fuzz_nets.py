"""Properties of every net that passes `check`: it is right in every module that archdsl generates of it."""

import re
from functools import cache
from pathlib import Path
from random import Random
from traceback import format_exception

import torch
from fuzz_corpus import corpus
from fuzz_mutations import mutated_net
from fuzz_texts import FILE, Counts, Finding, draw_everything, key_of
from program_builds import Builds
from program_outcome import Comparison
from programs import Program, draw

from archdsl.base.source import Source
from archdsl.diag.model import Refusal
from archdsl.driver import compile_source
from archdsl.elaborate.limits import Limits
from archdsl.ir.graph import CheckedGraph

LIMITS = Limits(operations=600)
LONGEST = 8_000
STEPS, PARAMETERS, MACS, ELEMENTS = 400, 2_000_000, 200_000_000, 2_000_000
# The share of nets whose other builds are compared, if they have no towers and no devices.
SHARE = 0.25
_STATED = re.compile(r"::\s*[^\n]*?(?=\s*(?:->|#|$|}))", re.M)


class Wrong(Exception):
    """A module, a count or a value is wrong."""


@cache
def valid_texts() -> tuple[str, ...]:
    """Return the valid texts of the corpus, and smaller ones of large nets."""
    found = []
    for text in corpus():
        if len(text) > LONGEST:
            continue
        found.append(text)
        for divisor in (4, 8):
            small = re.sub(r"\b\d{2,4}\b", lambda number, by=divisor: str(max(1, int(number[0]) // by)), text)
            small = _STATED.sub("", re.sub(r"^\s*assert .*$", "", small, flags=re.M))
            found.append(re.sub(r"input (\w+): 3x\d+x\d+", r"input \1: 3x64x64", small))
    return tuple(text for text in dict.fromkeys(found) if compile_source(Source(FILE, text), limits=LIMITS).models)


def drawn_net(seed: int, number: int) -> str:
    """Return the text with this number in the run with this seed: a random program or one of the corpus, mutated."""
    random = Random(f"{seed}/{number}")
    text = draw(1_000_000 * seed + number).text if random.random() < 0.5 else random.choice(valid_texts())
    return mutated_net(text, valid_texts(), random)


def is_small(graph: CheckedGraph) -> bool:
    """Return whether a net is small enough to be run many times."""
    volumes = [int(node.shape.volume) for node in graph.nodes] + [int(each.shape.volume) for each in graph.inputs]
    return (
        len(volumes) < STEPS and graph.params < PARAMETERS and graph.macs < MACS and max(volumes, default=0) < ELEMENTS
        and sum(volumes) < 10 * ELEMENTS
    )  # fmt: skip


def judge_net(text: str, seed: str, folder: Path, counts: Counts) -> None:
    """Judge a text if it is a small valid net."""
    if len(text) > LONGEST:
        return
    counts.judged += 1
    try:
        compiled = compile_source(Source(FILE, text), limits=LIMITS)
        if not compiled.models or not is_small(compiled.models[-1]):
            return
        counts.valid += 1
        judge(text, compiled.models[-1], Random(seed), folder)
    except Exception as error:
        trace = "".join(format_exception(error))[-2_000:]
        key = re.sub(r"\d+", "N", str(error))[:100] if isinstance(error, Wrong | AssertionError) else key_of(error)
        counts.findings.append(Finding(key, str(error)[:500], trace, text))


def judge(text: str, graph: CheckedGraph, random: Random, folder: Path) -> None:
    """Hold a net against PyTorch in all its builds."""
    torch.set_num_threads(1)
    program = Program(0, text, {output.name: tuple(map(int, output.shape.dims)) for output in graph.outputs},
                      frozenset(), frozenset())  # fmt: skip
    outcome = Comparison(program, graph, folder, thorough=random.random() < SHARE).run()
    if outcome.findings:
        raise Wrong("; ".join(map(str, outcome.findings)))
    if random.random() < SHARE:
        draw_everything(graph)
    if random.random() < SHARE or "group" in text or graph.devices:
        for build in Builds(graph, random.randrange(1_000)).all().values():
            try:
                build()
            except Refusal:
                continue
