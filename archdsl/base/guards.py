"""Guards: the conditions on parameters under which elaboration gives the same net."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

from archdsl.base.source import Span

Number: TypeAlias = int | float
NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Guard(NamedTuple):
    """A condition that holds in this elaboration, on numbers with traces.

    Attributes:
        symbol: The comparison.
        pairs: The numbers that it compares. Of several pairs, `==` holds for all, and `!=` for at least one.
        span: The place in the source that demanded it.
        of_map: Whether it is about the size of a feature map, which no class takes as an argument.
        what: The words for the place; its text if empty.
        of_merge: Whether PyTorch compares the numbers again, because they are sizes of tensors that a step merges.
    """

    symbol: str
    pairs: tuple[tuple[Number, Number], ...]
    span: Span | None
    of_map: bool = False
    what: str = ""
    of_merge: bool = False


class Recorder(threading.local):
    """Collects guards: of the block or model that unfolds, at the place that unfolds. Each thread has its own log."""

    log: list[Guard] | None = None
    span: Span | None = None

    def record(self, symbol: str, left: Number, right: Number, *, holds: bool, of_map: bool = False) -> None:
        """Record a comparison, as the condition that holds."""
        if self.log is not None:
            self.log.append(Guard(symbol if holds else NEGATED[symbol], ((left, right),), self.span, of_map))

    def record_pairs(self, symbol: str, pairs: Iterable[tuple[Number, Number]], *, holds: bool) -> None:
        """Record a comparison of several pairs of numbers: whether all are equal."""
        open_pairs = tuple((left, right) for left, right in pairs if left is not right)
        if self.log is not None and open_pairs:
            self.log.append(Guard(symbol if holds else NEGATED[symbol], open_pairs, self.span))

    def replay(self, guards: Iterable[Guard]) -> None:
        """Record guards that an earlier, equal computation recorded."""
        if self.log is not None and guards:
            self.log.extend(guards)


recorder = Recorder()


class recording:
    """Records guards in `log` within the context, or nowhere if it is None."""

    # A class, because a generator takes several times as long, and each operation enters several of these.
    __slots__ = ("_before", "_log")

    def __init__(self, log: list[Guard] | None) -> None:
        self._log = log

    def __enter__(self) -> None:
        self._before = recorder.log, recorder.span
        recorder.log = self._log

    def __exit__(self, *_: object) -> None:
        recorder.log, recorder.span = self._before


@contextmanager
def at(span: Span) -> Iterator[None]:
    """Record guards for a place of the source."""
    before = recorder.span
    recorder.span = span
    try:
        yield
    finally:
        recorder.span = before
