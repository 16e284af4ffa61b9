"""Nets are at most half as long as elsewhere."""

import pytest

from archdsl.gallery.lengths import ELSEWHERE, length


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_net_is_at_most_half_as_long_as_elsewhere(name: str) -> None:
    own = length(name)
    assert own.lines <= ELSEWHERE[name].least / 2
    assert own.columns <= 120
    assert own.all_lines > own.lines > 4
