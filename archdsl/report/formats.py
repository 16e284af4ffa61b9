"""`archdsl summary` in all formats: the columns of its tables, its totals, and the writers."""

from collections.abc import Sequence

from archdsl.base.byte_sizes import amount
from archdsl.base.shape import Shape
from archdsl.report.columns import (
    BYTES,
    COUNT,
    COUNT_OR_BLANK,
    INTEGER,
    SHAPE,
    TEXT,
    Column,
    Columns,
    Format,
    TextTable,
    text_table,
    to_csv,
    to_data,
    to_latex,
    to_markdown,
)
from archdsl.report.receptive_fields import ReceptiveField
from archdsl.report.rows import Counts, Report, Row

DEFINITIONS = (
    "MACs are the multiply-accumulates of convolutions and matrix products. FLOPs are twice the MACs. Biases, "
    "activations, normalisations and pools are not counted. Field is the receptive field in the first input."
)

PARAMETERS: Column[Counts, int] = Column("parameters", "Parameters", lambda counts: counts.params, COUNT)
NOT_TRAINED: Column[Counts, int] = Column("not_trained", "", lambda counts: counts.fixed, COUNT)
MACS: Column[Counts, int] = Column("macs", "MACs", lambda counts: counts.macs, COUNT)
FLOPS: Column[Counts, int] = Column("flops", "", lambda counts: counts.flops, COUNT)
ACTIVATIONS: Column[Counts, int] = Column(
    "activation", "Activations", lambda counts: counts.activations, BYTES, unit="bytes"
)
SAVED: Column[Counts, int] = Column("kept", "Kept for training", lambda counts: counts.saved, BYTES, unit="bytes")
# The totals of a device or a stage.
COUNTS: Columns[Counts] = (PARAMETERS, NOT_TRAINED, MACS, FLOPS, ACTIVATIONS, SAVED)


def _counts(row: Row) -> Counts:
    return row.counts


def _indented(row: Row) -> str:
    return "  " * row.depth + row.name


def _path(row: Row) -> str:
    return row.path


def _shapes(shapes: tuple[Shape, ...]) -> str:
    return " + ".join(map(str, shapes))


def _dims(shapes: tuple[Shape, ...]) -> list[int] | list[list[int]]:
    dims = [list(shape.dims) for shape in shapes]
    return dims[0] if len(dims) == 1 else dims


def _size(field: ReceptiveField | None) -> str:
    return field.size_text if field else ""


def _stride(field: ReceptiveField | None) -> str:
    return field.stride_text if field else ""


def _centre(field: ReceptiveField | None) -> str:
    return "x".join(map(str, field.centre)) if field and not field.everything else ""


def _field_data(field: ReceptiveField | None) -> dict[str, object] | None:
    return field.as_data() if field else None


_STEP: Format[Row] = Format(_indented, _path, _path)
_INPUTS: Format[tuple[Shape, ...]] = Format(_shapes, _shapes, _dims)
_FIELD: Format[ReceptiveField | None] = Format(_size, _size, _field_data, is_number=True)
_FIELD_STRIDE: Format[ReceptiveField | None] = Format(_stride, _stride, _stride, is_number=True)
_FIELD_CENTRE: Format[ReceptiveField | None] = Format(_centre, _centre, _centre, is_number=True)
_DEVICE: Format[str | None] = Format(lambda name: name or "", lambda name: name or "", lambda name: name)


def _is_leaf(row: Row) -> bool:
    return row.is_leaf


# The steps and submodules of a net. In JSON, the field is one object with its size, stride and centre.
STEPS: Columns[Row] = (
    Column("path", "Step", lambda row: row, _STEP),
    Column("operator", "Operator", lambda row: row.what, TEXT),
    Column("is_submodule", "", lambda row: int(row.is_container), INTEGER, in_json=False),
    Column("input", "", lambda row: row.inputs, _INPUTS),
    Column("output", "Output", lambda row: row.output, SHAPE, fills=_is_leaf),
    PARAMETERS.of(_counts, format=COUNT_OR_BLANK),
    NOT_TRAINED.of(_counts),
    MACS.of(_counts, format=COUNT_OR_BLANK),
    FLOPS.of(_counts),
    ACTIVATIONS.of(_counts),
    SAVED.of(_counts, header=""),
    Column("field", "Field", lambda row: row.field, _FIELD, fills=_is_leaf),
    Column("field_stride", "Stride", lambda row: row.field, _FIELD_STRIDE, fills=_is_leaf, in_json=False),
    Column("field_centre", "", lambda row: row.field, _FIELD_CENTRE, in_json=False),
    Column("device", "Device", lambda row: row.device, _DEVICE, optional=True),
    Column("line", "Line", lambda row: row.line, INTEGER),
)


def steps(report: Report, depth: int | None = None) -> TextTable:
    """Return the text table of the steps and submodules down to a depth."""
    return text_table(STEPS, report.to_depth(depth))


def totals(report: Report) -> tuple[tuple[str, str], ...]:
    """Return the totals of a model as pairs of a name and a text."""
    counts, used = report.totals, report.memory
    of = "for one sample" if report.batch == 1 else f"for a batch of {report.batch}"
    weights = ", ".join(f"{amount(size)} as {name}" for name, size in report.weight_bytes.items())
    return (
        ("Parameters", f"{counts.params:,}"),
        ("Not trained", f"{counts.fixed:,} (running statistics, fixed tables)"),
        ("Weights", weights),
        (f"MACs {of}", f"{counts.macs:,}"),
        (f"FLOPs {of}", f"{counts.flops:,}"),
        (f"Activations {of}", f"{amount(counts.activations)} as {report.dtype}"),
        ("Evaluation", f"peak {amount(used.evaluation)}: input and live activations, without weights"),
        (
            "Training",
            f"peak {amount(used.training)}: weights, gradients and {amount(used.saved)} saved for the backward pass",
        ),
    )


def groups(report: Report) -> tuple[tuple[str, TextTable], ...]:
    """Return the text tables of the totals per device, if there are several, and per stage."""
    parts = [("Stage", report.stages)]
    if len(report.devices) > 1:
        parts.insert(0, ("Device", report.devices))
    return tuple((name, _group(name, found)) for name, found in parts)


def _group(name: str, found: Sequence[tuple[str, Counts]]) -> TextTable:
    columns: Columns[tuple[str, Counts]] = (
        Column(name.lower(), name, lambda each: each[0], TEXT),
        *(column.of(lambda each: each[1]) for column in COUNTS),
    )
    return text_table(columns, found)


def markdown(report: Report, depth: int | None = None) -> str:
    """Return the tables and totals in Markdown."""
    head = f"# {report.model}\n\n{_inputs(report)}\n"
    parts = [head, to_markdown(steps(report, depth))]
    parts.append("\n".join(f"- {name}: {words}" for name, words in totals(report)) + "\n")
    parts += [to_markdown(table) for _, table in groups(report)]
    return "\n".join([*parts, DEFINITIONS]) + "\n"


def _inputs(report: Report) -> str:
    given = ", ".join(f"{name} {shape}" for name, shape in report.inputs)
    return f"Input: {given}. Batch: {report.batch}. Data type: {report.dtype}."


def latex(report: Report, depth: int | None = None) -> str:
    """Return the table of steps as a LaTeX `tabular` with the totals below it."""
    notes = [f"{name}: {words}" for name, words in totals(report)]
    return f"% {report.model}: {_inputs(report)}\n" + to_latex(steps(report, depth), notes)


def as_csv(report: Report, depth: int | None = None) -> str:
    """Return a line for each step and submodule, with plain numbers."""
    return to_csv(STEPS, report.to_depth(depth))


def as_data(report: Report, depth: int | None = None) -> dict[str, object]:
    """Return the report as plain data for JSON; shapes are lists of sizes without the batch."""
    rows = report.to_depth(depth)
    return {
        "model": report.model,
        "source": report.source,
        "inputs": [{"name": name, "shape": list(shape.dims)} for name, shape in report.inputs],
        "batch": report.batch,
        "dtype": report.dtype,
        "parameters": report.params,
        "not_trained": report.totals.fixed,
        "macs": report.macs,
        "flops": report.totals.flops,
        "activation_bytes": report.totals.activations,
        "evaluation_bytes": report.memory.evaluation,
        "kept_bytes": report.memory.saved,
        "training_bytes": report.memory.training,
        "weight_bytes": report.weight_bytes,
        "devices": {name: to_data(COUNTS, counts) for name, counts in report.devices},
        "stages": {name: to_data(COUNTS, counts) for name, counts in report.stages},
        "steps": [to_data(STEPS, row) for row in rows if not row.is_container],
        "submodules": [to_data(STEPS, row) for row in rows if row.is_container],
    }
