"""What all tests share: the option that writes the golden files, and a seed that does not change."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# What is tested is the same on every machine; `make test-cuda` is for those that have such a device.
if not os.environ.get("ARCHDSL_CUDA"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regen", action="store_true", help="write the expected outputs of tests/golden, delete stale ones"
    )


@pytest.fixture
def regen(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--regen"))
