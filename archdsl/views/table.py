"""The table of stages of models: a row for each size of feature maps, a column for each model."""

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile

from archdsl.diagram.model.facts import training_params
from archdsl.ir.graph import CheckedGraph
from archdsl.views.resolution_stages import Piece, ResolutionStage, omitted_towers, resolution_stages


@dataclass(frozen=True, slots=True)
class Number:
    """A count in scientific notation: a mantissa of three digits, and a power of ten that is a multiple of three."""

    mantissa: str
    power: int


@dataclass(frozen=True, slots=True)
class Row:
    """A stage of all models: the pieces that all models begin with, and the remaining pieces of each."""

    name: str
    size: str
    shared: tuple[Piece, ...]
    cells: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, slots=True)
class StageTable:
    """A whole table; `notes` name omitted layers and parameters."""

    models: tuple[str, ...]
    rows: tuple[Row, ...]
    params: tuple[Number, ...]
    macs: tuple[Number, ...]
    notes: tuple[str, ...]


def stage_table(graphs: tuple[CheckedGraph, ...]) -> StageTable:
    """Return the table of stages of models, side by side."""
    columns = [resolution_stages(graph) for graph in graphs]
    aligned = _aligned(columns)
    return StageTable(
        models=tuple(graph.name for graph in graphs),
        rows=tuple(map(_row, aligned)),
        params=tuple(number(graph.params - training_params(graph)) for graph in graphs),
        macs=tuple(number(graph.macs) for graph in graphs),
        notes=tuple([*_strides(columns), *_towers(graphs), *_heads(graphs)]),
    )


def number(count: int) -> Number:
    """Return a count in scientific notation: 1,814,073,344 is 1.81 times ten to the power of 9."""
    mantissa, exponent = f"{count:.2e}".split("e")
    power, shift = 3 * (int(exponent) // 3), int(exponent) % 3
    return Number(str(count), 0) if count < 1000 else Number(f"{float(mantissa) * 10**shift:.{2 - shift}f}", power)


def _aligned(columns: list[tuple[ResolutionStage, ...]]) -> list[list[ResolutionStage | None]]:
    """Align the stages of models in rows of equal size; None where a model has no such stage."""
    rows: list[list[ResolutionStage | None]] = [[stage] for stage in columns[0]]
    for width, column in enumerate(columns[1:], 1):
        matcher = SequenceMatcher(None, [_size(row) for row in rows], [stage.size for stage in column], autojunk=False)
        merged: list[list[ResolutionStage | None]] = []
        for _, start, end, first, last in matcher.get_opcodes():
            old, new = rows[start:end], list(column[first:last])
            if _ == "equal":
                merged += [[*row, stage] for row, stage in zip(old, new, strict=True)]
            else:
                merged += [[*row, None] for row in old]
                merged += [[*[None] * width, stage] for stage in new]
        rows = merged
    return rows


def _size(row: list[ResolutionStage | None]) -> str:
    return next(stage.size for stage in row if stage)


def _row(stages: list[ResolutionStage | None]) -> Row:
    names = dict.fromkeys(stage.name for stage in stages if stage)
    pieces = [stage.pieces if stage else () for stage in stages]
    shared = [
        group[0] for group in takewhile(lambda group: len(set(group)) == 1, zip(*pieces, strict=False))
    ] if len(pieces) > 1 else []  # fmt: skip
    rest = tuple(each[len(shared) :] for each in pieces)
    return Row(" / ".join(names), _size(stages), tuple(shared), rest)


def _strides(columns: list[tuple[ResolutionStage, ...]]) -> list[str]:
    paths = dict.fromkeys(path for column in columns for stage in column for path in stage.strided)
    return [f"Blocks with strides: {', '.join(paths)}."] if paths else []


def _towers(graphs: tuple[CheckedGraph, ...]) -> list[str]:
    return [
        f"{graph.name}: {tower} equals {shown} and is not shown."
        for graph in graphs
        for tower, shown in omitted_towers(graph.root)
    ]


def _heads(graphs: tuple[CheckedGraph, ...]) -> list[str]:
    return [
        f"{graph.name}: training-only layers with {more:,} parameters are not shown."
        for graph in graphs
        if (more := training_params(graph))
    ]
