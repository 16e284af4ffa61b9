"""Runs tests on mutants: `python tests/mutant_runs.py --help`.

The tests are collected once. Each mutant gets a process of its own, forked from the one that has imported everything.
In a function, the changed code replaces the code of the function; other changes need a fresh import of archdsl. A first
run without a change finds which functions each test calls; a mutant runs only the tests that call its function, or a
function of its module.
"""

import gc
import json
import os
import random
import resource
import sys
import time
import tomllib
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import _lru_cache_wrapper
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import zip_longest
from types import CodeType, FunctionType
from typing import Any, TypeAlias

import pytest
from _pytest.runner import runtestprotocol
from mutants import FILES, ROOT, Mutant, mutants, sites

TESTS = (
    *(
        "test_ops.py",
        "test_operator_variants.py",
        "test_operator_words.py",
        "test_operator_dependence.py",
        "test_operator_contract.py",
        "test_golden.py",
    ),
    *(
        "test_reasons.py",
        "test_symbolic.py",
        "test_initialisers.py",
        "test_memory.py",
        "test_fields.py",
        "test_roles.py",
        "test_guards.py",
        "test_report.py",
    ),
)
# A test that no change of a rule can fail more surely than those of single operators, and that takes long.
DESELECTED = ("test_totals_are_those_of_the_graph",)
SECONDS = 60
EXPLAINED = ROOT / "tests" / "mutants.toml"
Function: TypeAlias = tuple[str, str, int]


class Calls:
    """Records which functions of the files under test are called."""

    def __init__(self) -> None:
        self.files = {str(path) for path in FILES}
        self.found: set[Function] = set()

    def __call__(self, frame: Any, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename in self.files:
            self.found.add(function_of(code))

    def __enter__(self) -> "Calls":
        sys.settrace(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)


def function_of(code: CodeType) -> Function:
    """Return file, name and line of a function."""
    return code.co_filename, code.co_qualname, code.co_firstlineno


class Session:
    """A plugin that runs mutants in place of the tests."""

    def __init__(self, chosen: list[Mutant], limit: float) -> None:
        self.chosen = chosen
        self.limit = limit
        self.items: dict[Function, list[pytest.Item]] = defaultdict(list)
        # Tests that call no function under test, but read the classes.
        self.silent: list[pytest.Item] = []
        self.seconds: dict[str, float] = {}
        self.killers: list[str | None] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._baseline(session.items)
        self.functions = functions()
        for each in gc.get_objects():
            if isinstance(each, _lru_cache_wrapper):
                each.cache_clear()
        gc.freeze()
        for number, mutant in enumerate(self.chosen):
            start = time.perf_counter()
            killer = self._run(mutant)
            self.killers.append(killer)
            seconds = time.perf_counter() - start
            print(f"{number + 1}/{len(self.chosen)} {seconds:.1f} s {killer or f'none fails: {mutant}'}", flush=True)
        return True

    def _baseline(self, items: list[pytest.Item]) -> None:
        """Run all tests without a change."""
        for item, following in zip_longest(items, items[1:]):
            start = time.process_time()
            with Calls() as calls:
                reports = runtestprotocol(item, log=False, nextitem=following)
            assert not any(report.failed for report in reports), f"{item.nodeid} fails without a change"
            self.seconds[item.nodeid] = time.process_time() - start
            for function in calls.found:
                self.items[function].append(item)
            if not calls.found:
                self.silent.append(item)

    def _run(self, mutant: Mutant) -> str | None:
        """Return the test that fails for a mutant; None if all pass."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            silence()
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
            failure = "a crash"
            try:
                failure = self._failure(mutant) or ""
            except BaseException as error:
                failure = f"{type(error).__name__}: {error}"
            finally:
                os.write(writing, json.dumps(failure).encode())
                os._exit(0)
        os.close(writing)
        answer = b"".join(iter(lambda: os.read(reading, 65536), b""))
        os.close(reading)
        status = os.waitpid(child, 0)[1]
        if not answer:
            return f"signal {-os.waitstatus_to_exitcode(status)}"
        return json.loads(answer) or None

    def _failure(self, mutant: Mutant) -> str | None:
        place = str(ROOT / mutant.file), mutant.where, mutant.line
        found, tests = self.functions.get(place, []), self._selected(place)
        if not (mutant.line and found and tests):
            # Decorators, for example, have their effect when modules are imported.
            selected = [*self.silent, *self._selected((place[0], "", 0))]
            return fresh_failure(mutant, [item.nodeid for item in selected])
        code = code_of(compile(mutant.text, place[0], "exec"), place)
        for function in found:
            function.__code__ = code
        return self._first_failure(tests)

    def _selected(self, place: Function) -> list[pytest.Item]:
        """Return the tests that call a function, within the limit of CPU seconds.

        Tests of many cases come first, one case of each in turn, the fastest first. They get half of the time; tests
        of one case, such as those of random calls, get the rest.
        """
        kinds: dict[str, list[pytest.Item]] = defaultdict(list)
        inner = [items for key, items in self.items.items() if key[0] == place[0] and is_within(key[1], place[1])]
        for item in dict.fromkeys(item for items in inner for item in items):
            kinds[item.nodeid.partition("[")[0]].append(item)
        many = [sorted(items, key=self._cost) for items in kinds.values() if len(items) > 1]
        cases = [item for row in zip_longest(*many) for item in row if item]
        single = sorted((item for items in kinds.values() if len(items) == 1 for item in items), key=self._cost)
        first = self._within(cases, self.limit / 2)
        return [*first, *self._within(single, self.limit - sum(map(self._cost, first)))]

    def _cost(self, item: pytest.Item) -> float:
        return self.seconds[item.nodeid]

    def _within(self, items: list[pytest.Item], limit: float) -> list[pytest.Item]:
        """Return the first tests that take so many CPU seconds, without those that are too long."""
        chosen, total = [], 0.0
        for item in items:
            if total + self._cost(item) <= limit:
                chosen.append(item)
                total += self._cost(item)
        return chosen

    def _first_failure(self, items: list[pytest.Item]) -> str | None:
        for item, following in zip_longest(items, items[1:]):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return item.nodeid
        return None


def is_within(name: str, outer: str) -> bool:
    """Return whether a function is another one or defined within it; an empty name stands for the module."""
    return not outer or name == outer or name.startswith(f"{outer}.<locals>")


def functions() -> dict[Function, list[FunctionType]]:
    """Return the functions of the files under test."""
    files = {str(path) for path in FILES}
    found: dict[Function, list[FunctionType]] = defaultdict(list)
    for each in gc.get_objects():
        if isinstance(each, FunctionType) and each.__code__.co_filename in files:
            found[function_of(each.__code__)].append(each)
    return found


def code_of(code: CodeType, place: Function) -> CodeType:
    """Return the code of a function within that of a module."""
    waiting = [code]
    while waiting:
        each = waiting.pop()
        if function_of(each) == place:
            return each
        waiting += [part for part in each.co_consts if isinstance(part, CodeType)]
    raise LookupError(place)


def silence() -> None:
    """Discard what the process prints."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


# A fresh import


class Changed(MetaPathFinder, SourceFileLoader):
    """Finds the module of a mutant, with its text."""

    def __init__(self, mutant: Mutant) -> None:
        self.module = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.text = mutant.text
        super().__init__(self.module, str(ROOT / mutant.file))

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != self.module:
            return None
        return spec_from_file_location(fullname, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec")


class FirstFailure:
    """A plugin that keeps the name of a test that fails."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.name = report.nodeid


def fresh_failure(mutant: Mutant, tests: list[str]) -> str | None:
    """Import archdsl with a change, and run some tests, given by their names."""
    files = {str(path) for path in (ROOT / "archdsl").rglob("*.py")} | {str(p) for p in (ROOT / "tests").glob("*.py")}
    for name, module in list(sys.modules.items()):
        if name != __name__ and getattr(module, "__file__", None) in files:
            del sys.modules[name]
    sys.meta_path.insert(0, Changed(mutant))
    failure = FirstFailure()
    status = pytest.main(arguments(tests), plugins=[failure])
    return failure.name or (None if status == pytest.ExitCode.OK else f"pytest ends with {status}")


def arguments(names: Iterable[str]) -> list[str]:
    """Return the arguments of pytest for some tests: names of files, or of tests in them."""
    tests = [str(ROOT / "tests" / name.removeprefix("tests/")) for name in names]
    without = [part for name in DESELECTED for part in ("--deselect", f"tests/test_report.py::{name}")]
    options = [part for plugin in ("cacheprovider", "xdist", "warnings") for part in ("-p", f"no:{plugin}")]
    return ["-x", "-q", "-s", f"--rootdir={ROOT}", *options, *without, *tests]


# What survives


@dataclass(frozen=True)
class Explanation:
    """Why no test fails for some mutants: a part of a line and what it becomes, wherever `file` and `where` fit."""

    file: str
    where: str
    before: str
    after: str
    reason: str

    def fits(self, mutant: Mutant) -> bool:
        """Whether a mutant is such a change."""
        parts = mutant.before.split(self.before)
        heads = [self.before.join(parts[:n]) for n in range(1, len(parts))]
        tails = [self.before.join(parts[n:]) for n in range(1, len(parts))]
        changed = [f"{head}{self.after}{tail}" for head, tail in zip(heads, tails, strict=True)]
        return fnmatch(mutant.file, self.file) and fnmatch(mutant.where, self.where) and mutant.after in changed


def explanations() -> list[Explanation]:
    """Return why some mutants need no test."""
    return [Explanation(**each) for each in tomllib.loads(EXPLAINED.read_text(encoding="utf-8"))["explained"]]


def main() -> None:
    """Run mutants and list those that survive without an explanation."""
    parser = ArgumentParser(description="Run tests on mutants of the operators and the rules about shapes.")
    parser.add_argument("files", nargs="*", help="names of modules such as `window`; all by default")
    parser.add_argument("--sample", type=int, help="number of mutants, drawn at random; all by default")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample")
    parser.add_argument("--limit", type=float, default=8.0, help="CPU seconds of tests for one mutant")
    given = parser.parse_args()
    found = [site for path in FILES if not given.files or path.stem in given.files for site in sites(path)]
    random.Random(given.seed).shuffle(found)
    known = explanations()
    made = list(mutants(found[: given.sample]))
    chosen = [mutant for mutant in made if not any(each.fits(mutant) for each in known)]
    session = Session(chosen, given.limit)
    status = pytest.main(arguments(TESTS), plugins=[session])
    survivors = [mutant for mutant, killer in zip(chosen, session.killers, strict=False) if killer is None]
    killed = len(session.killers) - len(survivors)
    print(f"{len(made)} mutants: {killed} killed, {len(made) - len(chosen)} explained, {len(survivors)} survive")
    for mutant in survivors:
        print(mutant)
    sys.exit(int(status != pytest.ExitCode.OK or len(session.killers) < len(chosen) or bool(survivors)))


if __name__ == "__main__":
    main()
