"""Markdown of tables of stages."""

from archdsl.views.resolution_stages import Piece
from archdsl.views.table import Number, Row, StageTable

_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def to_markdown(table: StageTable) -> str:
    """Return a table of stages as GitHub-flavoured Markdown."""
    head = ("layer name", "output size", *table.models)
    lines = [_line(head), _line(("---", "---", *[":---:"] * len(table.models)))]
    lines += [_line((row.name, row.size, *_cells(row))) for row in table.rows]
    lines.append(_line(("parameters", "", *map(_number, table.params))))
    lines.append(_line(("FLOPs (multiply-adds)", "", *map(_number, table.macs))))
    return "\n".join([*lines, *(f"\n{_text(note)}" for note in table.notes), ""])


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _cells(row: Row) -> list[str]:
    return ["<br>".join(map(_piece, (*row.shared, *cell))) for cell in row.cells]


def _piece(piece: Piece) -> str:
    if piece.lines[1:] or piece.count > 1:
        count = f" × {piece.count}" if piece.count > 1 else ""
        return f"[{'<br>'.join(piece.lines)}]{count}"
    return piece.lines[0]


def _number(number: Number) -> str:
    return f"{number.mantissa}×10{str(number.power).translate(_SUPERSCRIPTS)}" if number.power else number.mantissa


def _text(cell: str) -> str:
    return cell.replace("_", r"\_").replace("*", r"\*")
