"""The failures of a parser run, reported as diagnostics."""

from archdsl.base.source import Source
from archdsl.diag.model import Problems
from archdsl.syntax.automaton import Failure


def report_failures(failures: list[Failure], source: Source, problems: Problems) -> None:
    """Report the failures of a parser run; the messages are imported only if there is one."""
    if failures:
        from archdsl.syntax.errors import report_all

        report_all(failures, source, problems)
