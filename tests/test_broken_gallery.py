"""Nets of the gallery with a generated mistake: the result is valid, or the message is at the mistake or below it."""

import re
from pathlib import Path
from random import Random

import pytest
from documented import ROOT

from archdsl.base.source import Source
from archdsl.diag.model import Diagnostic, Problems
from archdsl.driver import compile_source
from archdsl.syntax.parse import parse

FILES = sorted((ROOT / "architectures").rglob("*.arch"))
_CALLED = re.compile(r"called at line (\d+)")
_DEFINED = re.compile(r"in the model (\w+), defined")


def without_a_step(line: str, random: Random) -> str:
    steps = line.split("->")
    if len(steps) > 1:
        del steps[random.randrange(len(steps))]
    return "->".join(steps)


def with_another_number(line: str, random: Random) -> str:
    found = list(re.finditer(r"\b\d+\b", line))
    if not found:
        return line
    chosen = random.choice(found)
    new = random.choice((int(chosen[0]) + 1, int(chosen[0]) * 2, int(chosen[0]) // 2, 0))
    return f"{line[: chosen.start()]}{new}{line[chosen.end() :]}"


def with_another_name(line: str, random: Random) -> str:
    found = list(re.finditer(r"(?<!\w)[A-Za-z_]\w*", line))
    if not found:
        return line
    chosen, other = random.choice(found), random.choice(found)
    new = other[0] if random.random() < 0.5 else chosen[0][:-1] + "q"
    return f"{line[: chosen.start()]}{new}{line[chosen.end() :]}"


BREAKS = (without_a_step, with_another_number, with_another_name)


def lines_of(diagnostic: Diagnostic) -> list[int]:
    """Return the lines that a diagnostic names: of its places, and of the calls and the model in its notes."""
    source = diagnostic.primary.span.source
    ends = [label.span.end for label in (diagnostic.primary, *diagnostic.secondary) if label.span.source is source]
    named = {name for note in diagnostic.notes for name in _DEFINED.findall(note)}
    if named:
        file = parse(source, Problems())
        assert file is not None
        ends += [model.span.end for model in file.models if model.name.text in named]
    calls = [int(line) for note in diagnostic.notes for line in _CALLED.findall(note)]
    return [*(source.position(end)[0] for end in ends), *calls]


def hold(file: Path, count: int) -> int:
    """Break a file in so many ways; return the number of those that gave a message."""
    lines = file.read_text(encoding="utf-8").split("\n")
    places = [number for number, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    reported = 0
    for number in range(count):
        random = Random(f"{file.name}/{number}")
        at = random.choice(places)
        changed = random.choice(BREAKS)(lines[at], random)
        if changed == lines[at]:
            continue
        text = "\n".join([*lines[:at], changed, *lines[at + 1 :]])
        result = compile_source(Source(str(file), text), every=True)
        errors = [each for each in result.diagnostics if each.code.is_error]
        assert result.models or errors or result.is_library
        reported += bool(errors)
        for error in errors[:1]:
            where = f"{file.name}: line {at + 1} became {changed!r}: {error.code.id} {error.primary.text}"
            assert max(lines_of(error)) >= at + 1, f"{where} at {lines_of(error)}"
    return reported


def test_a_message_is_at_the_mistake_or_below_it() -> None:
    assert sum(hold(file, 2) for file in FILES[::8]) > 0


@pytest.mark.long
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_net_with_many_mistakes(file: Path) -> None:
    hold(file, 40)
