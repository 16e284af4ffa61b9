"""Assertions of a model, which can be evaluated when its totals are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from archdsl.base.source import Span
from archdsl.diag.model import Problems


class Outcome(NamedTuple):
    """The outcome of a part of a test, and its text for a message. `holds` is None if its value is no truth value."""

    span: Span
    holds: bool | None
    text: str


class Test(Protocol):
    """The test of an assertion, which can be evaluated when the totals of its scope are known."""

    def outcomes(self, totals: Mapping[str, int], problems: Problems) -> Iterator[Outcome]:
        """Yield the outcomes of the parts of the test. A part that cannot be computed is reported and left out."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """An `assert` in the body of `scope`. Messages about it carry `notes`."""

    test: Test
    scope: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
