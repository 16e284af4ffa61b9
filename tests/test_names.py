"""Awkward names: a net that uses one works like any other, or is refused with a reason."""

from pathlib import Path

import pytest
from awkward_names import ROLES, judged, names

SHORT = ("training", "append", "import", "self", "count", "_x", "max", "torch", "keys", "x", "Tensor", "type")


@pytest.mark.parametrize("role", ROLES)
def test_an_awkward_name_works_or_is_refused(role: str, tmp_path: Path) -> None:
    turn = list(ROLES).index(role)
    for name in (SHORT * 2)[turn % len(SHORT) :][:3]:
        assert judged(role, name, tmp_path) in ("ran", "refused"), name


@pytest.mark.long
@pytest.mark.parametrize("role", ROLES)
def test_every_awkward_name_works_or_is_refused(role: str, tmp_path: Path) -> None:
    found = {name: judged(role, name, tmp_path) for name in names()}
    assert {name: result for name, result in found.items() if result not in ("ran", "refused")} == {}
    assert "refused" in found.values() or "macro" in role or "computed" in role, role
