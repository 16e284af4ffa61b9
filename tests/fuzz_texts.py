"""Properties of every text, valid or not: only diagnostics come of it, in bounded time and memory."""

import json
import re
import resource
import signal
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from xml.dom import minidom

from archdsl.base.source import Source
from archdsl.diag.json import all_as_data
from archdsl.diag.model import Problems
from archdsl.diag.text import render
from archdsl.diagram import Detail, diagram, to_dot
from archdsl.driver import compile_source
from archdsl.elaborate.limits import Limits
from archdsl.emit.generate import generate
from archdsl.ir.graph import CheckedGraph
from archdsl.report import formats
from archdsl.report.rows import report
from archdsl.syntax.format import format_source
from archdsl.syntax.parse import parse
from archdsl.views.arrange import scene
from archdsl.views.latex import to_latex
from archdsl.views.markdown import to_markdown
from archdsl.views.table import stage_table
from archdsl.views.volumes import NotToScale, figure
from archdsl.views.volumes_svg import to_svg
from archdsl.views.volumes_tikz import to_tikz

# Imports are looked for beside this file, and there is none.
FILE = "fuzz-empty/net.arch"
SECONDS, MEGABYTES, ABORTED = 2.0, 300, 20
# Most texts are judged with a low limit on operations, so that many fit into a run.
OPERATIONS = 2_000
LINES, CHARACTERS = 20, 4_000
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Broken(Exception):
    """A property does not hold."""


class TooSlow(BaseException):
    """A text took so long that its run was ended."""


@dataclass(frozen=True)
class Finding:
    """A text with a property that does not hold; equal keys are probably one fault."""

    key: str
    words: str
    trace: str
    text: str


@dataclass
class Counts:
    """The numbers of a run."""

    judged: int = 0
    parsed: int = 0
    valid: int = 0
    slowest: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    announced: int = 0


def require(holds: bool, what: str) -> None:  # noqa: FBT001
    if not holds:
        raise Broken(what)


def judge(text: str, random: Random, deep: float, counts: Counts) -> None:
    """Hold a text to all properties; `deep` is the share of texts that are judged at length."""
    source = Source(FILE, text)
    limits = Limits() if random.random() < deep / 5 else Limits(operations=OPERATIONS)
    compiled = compile_source(source, every=True, limits=limits)
    errors = any(each.code.is_error for each in compiled.diagnostics)
    require(compiled.ok == (not errors), "`ok` is the absence of errors")
    require(not (errors and compiled.models), "no models come out of a text with errors")
    counts.valid += bool(compiled.models)
    for found in compiled.diagnostics:
        for label in (found.primary, *found.secondary):
            require(0 <= label.span.start <= label.span.end <= len(label.span.source.text), "spans lie in their source")
        message = render([found])
        require(message.count("\n") <= LINES and len(message) <= CHARACTERS, "a message has at most 20 lines and 4 kB")
        for fix in found.fixes:
            fix.applied(text)
    require_plain(render(compiled.diagnostics, width=100))
    require_plain(_COLOUR.sub("", render(compiled.diagnostics, colour=True, width=40)))
    json.dumps(all_as_data(compiled.diagnostics))
    formatted = require_formatting(source, counts)
    if compiled.ok and formatted is not None and random.random() < deep:
        again = compile_source(Source(FILE, formatted), every=True, limits=limits)
        totals = [(model.name, model.params, model.macs) for model in compiled.models]
        require([(model.name, model.params, model.macs) for model in again.models] == totals, "fmt keeps the net")
        codes = sorted(each.code.id for each in compiled.diagnostics)
        require(sorted(each.code.id for each in again.diagnostics) == codes, "fmt keeps the warnings")
    for model in compiled.models:
        size = sum(1 for _ in model.nodes)
        if size <= 40 or (size <= 400 and random.random() < deep):
            judge_outputs(model, random, deep)


def require_plain(text: str) -> None:
    odd = {sign for sign in text if (ord(sign) < 32 and sign != "\n") or 127 <= ord(sign) < 160 or sign in _BIDI}
    require(not odd, "printed text has no control characters")


def require_formatting(source: Source, counts: Counts) -> str | None:
    """Hold the formatted text to its properties, and return it; None if there is none."""
    problems = Problems()
    parses = parse(source, problems) is not None and not problems.has_errors
    counts.parsed += parses
    formatted = format_source(source, Problems())
    require(not (parses and formatted is None), "a text that parses is formatted")
    if formatted is not None:
        require(
            format_source(Source(FILE, formatted), Problems()) == formatted, "fmt of formatted text changes nothing"
        )
    return formatted


def judge_outputs(model: CheckedGraph, random: Random, deep: float) -> None:
    """Generate the module of a net, and in some cases its drawing, tables and volumes."""
    module = generate(model)
    compile(module, "net.py", "exec", dont_inherit=True)
    if random.random() > deep:
        return
    require(generate(model) == module, "the module is the same text twice")
    draw_everything(model)


def draw_everything(model: CheckedGraph) -> None:
    """Make the drawings, reports and tables of a net; none may fail."""
    for depth in (None, 0, 1, 2):
        to_dot(diagram(model, detail=Detail(depth=depth)))
    found = report(model, batch=3, dtype="float16")
    json.dumps(formats.as_data(found))
    for write in (formats.markdown, formats.as_csv, formats.latex):
        write(found)
    table = stage_table((model,))
    to_latex(table)
    to_markdown(table)
    try:
        volumes = scene(figure(model))
    except NotToScale:
        return
    minidom.parseString(to_svg(volumes))
    to_tikz(volumes)


def key_of(error: BaseException) -> str:
    """Return the kind of a failure: its type and the innermost place in archdsl."""
    if isinstance(error, Broken):
        return str(error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/archdsl/" in frame.filename]
    if isinstance(error, RecursionError | TooSlow | MemoryError):
        # Such a failure strikes anywhere: the outermost places below the driver tell more.
        return f"{type(error).__name__}: {' > '.join(f'{Path(each.filename).name}:{each.name}' for each in frames[:3])}"
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else "outside"
    return f"{type(error).__name__}: {place}"


def _abort(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def attempt(text: str, seed: object, deep: float, counts: Counts) -> Finding | None:
    """Judge a text within bounds of time and memory; return what does not hold."""
    began, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = signal.signal(signal.SIGPROF, _abort)
    signal.setitimer(signal.ITIMER_PROF, ABORTED)
    finding = None
    try:
        judge(text, Random(str(seed)), deep, counts)
    except (Exception, TooSlow) as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        trace = "".join(traceback.format_exception(error))[-2_000:]
        finding = Finding(key_of(error), str(error)[:300], trace, text)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    spent = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) // 1024
    counts.judged += 1
    counts.slowest = max(counts.slowest, spent)
    if finding is None and spent > SECONDS:
        finding = Finding("slow", f"{spent:.1f} s", "", text)
    if finding is None and grown > MEGABYTES:
        finding = Finding("memory", f"+{grown} MB", "", text)
    if finding is not None:
        counts.findings.append(finding)
    return finding


def shrunk(text: str, key: str, seconds: float = 60) -> str:
    """Return a smaller text with the same failure: lines are left out first, then tokens, then characters."""
    from fuzz_mutations import TOKEN

    end = time.monotonic() + seconds

    def fails(candidate: str) -> bool:
        found = attempt(candidate, 0, 1.0, Counts())
        return found is not None and found.key == key

    for parts in (text.splitlines(keepends=True), None, None):
        pieces = parts if parts is not None else TOKEN.findall(text) if len(text) > 400 else list(text)
        size = max(1, len(pieces) // 2)
        while size and time.monotonic() < end:
            at = 0
            while at < len(pieces) and time.monotonic() < end:
                fewer = pieces[:at] + pieces[at + size :]
                if fails("".join(fewer)):
                    pieces = fewer
                else:
                    at += size
            size //= 2
        text = "".join(pieces)
    return text
