"""Recognises statements of other languages by their form: Python, C, YAML, JSON and prototxt."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from re import Match, Pattern

_LONGEST = 600
# A label and a step: what is wrong with them is another matter.
_LABELLED = re.compile(r"\w+\s*:(?!:)\s*(?!\w+\s*=)[^\s\"]").match
_GROUP = re.compile(r"\{(\d)\}")


@dataclass(frozen=True, slots=True)
class Found:
    """A statement of another language.

    Attributes:
        label: What it is.
        help: How archdsl writes it.
        text: The replacement, "" to remove the statement, or None if there is none.
        is_code: Whether it is code of another language, so that the next lines probably are as well.
    """

    label: str
    help: str
    text: str | None
    is_code: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    """A form of statements, as `statements.txt` describes it."""

    pattern: Pattern[str]
    label: str
    help: str
    text: str | None
    is_code: bool


def recognised(statement: str) -> Found | None:
    """Return how archdsl writes a statement of another language, or None if it has no such form."""
    text = statement.strip()
    if len(text) > _LONGEST or _LABELLED(text):
        return None
    for rule in _rules():
        match = rule.pattern.fullmatch(text)
        if match:
            replacement = None if rule.text is None else _filled(rule.text, match)
            return Found(rule.label, _filled(rule.help, match), replacement, rule.is_code)
    return None


def _filled(text: str, match: Match[str]) -> str:
    return _GROUP.sub(lambda place: (match.group(int(place.group(1))) or "").strip(), text)


@cache
def _rules() -> tuple[_Rule, ...]:
    """Return the table of statements."""
    found: list[_Rule] = []
    text = Path(__file__).with_name("statements.txt").read_text(encoding="utf-8")
    for part in re.split(r"\n(?=[^ \n])", text.partition("\n\n")[2].strip()):
        pattern, *lines = part.split("\n")
        fields = dict(line.strip().partition(": ")[::2] for line in lines)
        replacement = fields.get("text")
        found.append(
            _Rule(
                re.compile(pattern, re.DOTALL),
                fields["label"],
                fields["help"],
                "" if replacement == "-" else replacement,
                "code" in fields,
            )
        )
    return tuple(found)
