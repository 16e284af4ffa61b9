"""Seeded fuzz runs: no text breaks the compiler, and what passes `check` is right in every build.

`python tests/fuzz.py` runs longer ones, and reduces what it finds.
"""

import pytest
from fuzz import fuzz_the_nets, fuzz_the_texts, smallest
from fuzz_texts import Counts, Finding, attempt, shrunk

CHUNKS = 4
TEXTS, NETS = 400, 12
MANY_TEXTS, MANY_NETS = 25_000, 2_500


def assert_nothing_found(counts: Counts) -> None:
    assert not counts.findings, "\n\n".join(
        f"{key}: {found.words}\n{found.text}\n{found.trace}" for key, found in smallest(counts.findings).items()
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_texts_give_diagnostics_or_nets(chunk: int) -> None:
    counts = fuzz_the_texts(seed=1_000 + chunk, count=TEXTS)
    assert_nothing_found(counts)
    assert counts.judged == TEXTS
    assert counts.parsed > TEXTS / 10
    assert counts.valid > TEXTS / 50


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_valid_nets_are_right(chunk: int) -> None:
    counts = fuzz_the_nets(seed=2_000 + chunk, count=NETS)
    assert_nothing_found(counts)
    assert counts.valid == NETS


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_many_texts_give_diagnostics_or_nets(chunk: int) -> None:
    assert_nothing_found(fuzz_the_texts(seed=3_000 + chunk, count=MANY_TEXTS))


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_many_valid_nets_are_right(chunk: int) -> None:
    assert_nothing_found(fuzz_the_nets(seed=4_000 + chunk, count=MANY_NETS))


def test_a_fault_is_found_and_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(found: object, **options: object) -> str:
        raise ZeroDivisionError("planted")

    text = "model Net {\n  input image: 3x8x8\n  c: conv(4, 3) -> relu\n}\n"
    counts = Counts()
    assert attempt(text, 0, 1.0, counts) is None
    monkeypatch.setattr("fuzz_texts.render", broken)
    found = attempt(text, 0, 1.0, counts)
    assert isinstance(found, Finding)
    assert counts.findings == [found]
    assert found.key.startswith("ZeroDivisionError")
    assert len(shrunk(text, found.key)) < len(text) / 2
