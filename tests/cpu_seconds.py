"""CPU seconds of tests: `pytest --cpu` ends with a table of the most expensive files and tests.

The seconds are those of the test's process and of the processes that it waited for. What is made once, such as a module
or the fixture of a file, counts where it is first used.
"""

import resource
from collections import Counter
from collections.abc import Generator

import pytest

ROWS = 40
NAME = "cpu seconds"


def used() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


class CpuSeconds:
    """Measures each phase of a test where it runs, and sums up where the reports arrive."""

    def __init__(self) -> None:
        self.before = 0.0
        self.tests: Counter[str] = Counter()

    def pytest_collection_finish(self) -> None:
        self.before = used()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        now = used()
        report.user_properties.append((NAME, now - self.before))
        self.before = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests[report.nodeid] += sum(float(value) for name, value in report.user_properties if name == NAME)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        files: Counter[str] = Counter()
        for test, seconds in self.tests.items():
            files[test.split("::")[0]] += seconds
        for title, counted in (("file", files), ("test", self.tests)):
            terminalreporter.section(f"CPU seconds by {title}: {sum(counted.values()):.0f}, without collection")
            for name, seconds in counted.most_common(ROWS):
                terminalreporter.line(f"{seconds:8.2f} {name}")
