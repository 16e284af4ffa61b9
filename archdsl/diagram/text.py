"""Text in drawings: line breaks, and the room that labels take before an engine measures them."""

import re
from functools import lru_cache

from archdsl.diagram.arial import advance
from archdsl.diagram.spec import Box, Cluster
from archdsl.diagram.wording import clean, cut

# Characters in a line of a title. Longer titles take two lines; the tooltip has the whole text.
TITLE_LINE = 30
CLUSTER_LINE = 20
_TAIL = 6
LONGEST_EDGE_LABEL = 56
# Points.
_EDGE_SIZE = 8.5
_TITLE_SIZE = 13
# `_bold_width` allows for faces wider than Arial; these factors remove that allowance.
_TITLE_SCALE = 0.85
_DETAIL_SCALE = 0.6
_WORD_END = re.compile(r"[_.\s-]+")
# Widths of narrow and wide bold letters as fractions of the size.
_WIDTHS = {**dict.fromkeys("ijl.,:;' |!I()[]ftr-", 0.4), **dict.fromkeys("mwMW@%…", 1.0)}


def title_lines(text: str, width: int = TITLE_LINE) -> list[str]:
    """Break a title into at most two lines, between words if possible; a longer title keeps its end."""
    text = clean(text)
    if len(text) <= width:
        return [text]
    ends = [found.end() for found in _WORD_END.finditer(text, 0, width)]
    place = ends[-1] if ends and ends[-1] > width // 2 else width
    first, rest = text[:place].rstrip(), text[place:].lstrip()
    return [first, rest if len(rest) <= width else f"{rest[: width - _TAIL - 1]}…{rest[-_TAIL:]}"]


def box_width(box: Box) -> int:
    """Estimate the width of a box in points, rather too large than too small."""
    tags = sum(_bold_width(tag.text) * 0.6 + 14 for tag in box.tags)
    title = max(map(_bold_width, title_lines(box.title))) * _TITLE_SCALE + tags + (28 if box.count > 1 else 0)
    return int(max(title, *(_bold_width(line) * _DETAIL_SCALE for line in box.lines or ("",)))) + 20


def room_beside(cluster: Cluster) -> int:
    """Return the points of empty room beside a cluster's title that keep it clear of the edge in the middle."""
    return max(map(_bold_width, title_lines(cluster.title, CLUSTER_LINE))) + (40 if cluster.count > 1 else 10)


def edge_label_width(text: str) -> float:
    """Return the width of an edge's label in points, with its spaces."""
    return advance(f" {cut(clean(text), LONGEST_EDGE_LABEL)} ", _EDGE_SIZE)


@lru_cache(1_000)
def _bold_width(text: str) -> int:
    """Estimate the width of a bold title in points, rather too large than too small."""
    return int(sum(_TITLE_SIZE * _WIDTHS.get(char, 0.72 if char.isupper() else 0.62) for char in text)) + 1
