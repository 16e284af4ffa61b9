"""LaTeX: tables of stages, and a frame for files that compile alone and inside a paper."""

from archdsl.base.latex import escaped
from archdsl.views.resolution_stages import Piece
from archdsl.views.table import Number, Row, StageTable


def framed(body: str, *, name: str, packages: tuple[str, ...], paper: str) -> str:
    r"""Return a file that compiles by itself and that a document can `\input`.

    Args:
        body: The content.
        name: The name in the comment on the first line.
        packages: The packages that the body needs.
        paper: The options of the `geometry` package for the standalone document.
    """
    needs = "".join(f"\\usepackage{{{package}}}" for package in packages)
    needed = f" It needs {needs}." if needs else ""
    return f"""\
% {name}, made by archdsl. Compile it by itself, or \\input it into a paper.{needed}
% Within a document, \\@nodocument is \\relax.
\\def\\archdslend{{}}%
\\expandafter\\ifx\\csname @nodocument\\endcsname\\relax\\else
  \\documentclass{{article}}\\usepackage[{paper}]{{geometry}}{needs}
  \\pagestyle{{empty}}\\parindent=0pt
  \\def\\archdslend{{\\end{{document}}}}
  \\begin{{document}}%
\\fi
{body}%
\\archdslend
"""


def to_latex(table: StageTable) -> str:
    """Return a table of stages as LaTeX, with the layout of table 1 of He et al. 2016."""
    count = len(table.models)
    lines = [rf"\begin{{tabular}}{{|c|c|{'c|' * count}}}", r"\hline"]
    lines += [_line(["layer name", "output size", *map(escaped, table.models)]), r"\hline"]
    for row in table.rows:
        lines += [*_rows(row, count), r"\hline"]
    lines += [_line([r"\multicolumn{2}{|c|}{parameters}", *map(_number, table.params)]), r"\hline"]
    lines += [_line([r"\multicolumn{2}{|c|}{FLOPs (multiply-adds)}", *map(_number, table.macs)]), r"\hline"]
    notes = [rf"\par\smallskip {{\footnotesize {escaped(note)}}}" for note in table.notes]
    body = "\n".join([r"{\renewcommand{\arraystretch}{1.2}", *lines, r"\end{tabular}}", *notes])
    name = escaped(", ".join(table.models))
    return framed(body, name=name, packages=(), paper="a3paper,landscape,margin=15mm")


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _rows(row: Row, count: int) -> list[str]:
    """Return the lines of a row; layers that all models share span their columns, above the other layers."""
    name, size = escaped(row.name), escaped(row.size)
    if not row.shared:
        return [_line([name, size, *map(_cell, row.cells)])]
    across = rf"\multicolumn{{{count}}}{{c|}}{{{_cell(row.shared)}}}"
    if not any(row.cells):
        return [_line([name, size, across])]
    return [_line([name, size, across]), rf"\cline{{3-{count + 2}}}", _line(["", "", *map(_cell, row.cells)])]


def _cell(pieces: tuple[Piece, ...]) -> str:
    if len(pieces) < 2:
        return "".join(map(_piece, pieces))
    inner = r" \\ ".join(map(_piece, pieces))
    return rf"\begin{{tabular}}{{@{{}}c@{{}}}}{inner}\end{{tabular}}"


def _piece(piece: Piece) -> str:
    lines = r" \\ ".join(rf"\mbox{{{escaped(line)}}}" for line in piece.lines)
    if len(piece.lines) == 1 and piece.count == 1:
        return escaped(piece.lines[0])
    times = rf"\times {piece.count}" if piece.count > 1 else ""
    # A strut that adds room above and below the brackets.
    half = 0.6 * len(piece.lines) + 0.4
    room = rf"\rule[-{half - 0.25:.2f}\normalbaselineskip]{{0pt}}{{{2 * half:.2f}\normalbaselineskip}}"
    return rf"{room}$\left[\begin{{array}}{{c}}{lines}\end{{array}}\right]{times}$"


def _number(number: Number) -> str:
    return rf"${number.mantissa}\times10^{{{number.power}}}$" if number.power else number.mantissa
