"""What all tests share: options, fixtures, a seed that does not change, and the order in which tests start."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, browser
from cpu_seconds import CpuSeconds
from hypothesis import settings

# What is tested is the same on every machine; `make test-cuda` is for those that have such a device.
if not os.environ.get("ARCHDSL_CUDA"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
# Tests run in as many processes as there are cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regen", action="store_true", help="write the expected outputs of tests/golden, delete stale ones"
    )
    parser.addoption("--cpu", action="store_true", help="show which files and tests take most CPU seconds")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--cpu"):
        config.pluginmanager.register(CpuSeconds())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slow tests, so that no process runs one alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def regen(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--regen"))


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    """A page of a browser; tests that ask for it are skipped where there is none."""
    with browser() as started:
        yield started
