"""The table of a net as text for other programs: Markdown, CSV, LaTeX, and plain data."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from archdsl.base.byte_sizes import amount
from archdsl.report.receptive_fields import Field
from archdsl.report.rows import Counts, Report, Row

DEFINITIONS = (
    "MACs are the multiply-accumulates of convolutions and matrix products; FLOPs are twice as many, and biases, "
    "activations, normalisations and pools are not among them. A field is what a unit sees of the first input."
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text: its columns, those that hold numbers, and its rows."""

    columns: tuple[str, ...]
    numbers: frozenset[str]
    rows: tuple[tuple[str, ...], ...]


def sheet(report: Report, depth: int | None = None) -> Sheet:
    """Return the table with a row for each step, counts as people read them."""
    with_devices = bool(report.devices)
    columns = ("Step", "Operator", "Output", "Parameters", "MACs", "Activations", "Field", "Stride")
    rows = tuple(_cells(row, depth, with_devices=with_devices) for row in report.to_depth(depth))
    numbers = frozenset(("Parameters", "MACs", "Activations", "Field", "Stride", "Line"))
    return Sheet((*columns, *(("Device",) if with_devices else ()), "Line"), numbers, rows)


def _cells(row: Row, depth: int | None, *, with_devices: bool) -> tuple[str, ...]:
    counts = row.counts
    cut = row.is_container and depth == row.depth + 1
    output = "" if row.is_container and not cut else row.output
    field = () if row.is_container and not cut else (field_size(row.field), field_stride(row.field))
    device = (row.device or "",) if with_devices else ()
    cells = (row.name, row.what, output, _number(counts.params), _number(counts.macs), amount(counts.activations))
    return ("  " * row.depth + cells[0], *cells[1:], *(field or ("", "")), *device, str(row.line))


def _number(count: int) -> str:
    return f"{count:,}" if count else ""


def field_size(field: Field | None) -> str:
    """Return what a unit sees: `11x11`, `all`, or nothing where that has no size."""
    if field is None:
        return ""
    return "all" if field.everything else "x".join(map(str, field.size))


def field_stride(field: Field | None) -> str:
    """Return the pixels between what neighbours see: `4x4`, or nothing where all see everything."""
    return "" if field is None or field.everything else "x".join(map(str, field.stride))


def totals(report: Report) -> tuple[tuple[str, str], ...]:
    """Return the totals of a model, with their names."""
    counts, used = report.totals, report.memory
    of = "for one sample" if report.batch == 1 else f"for a batch of {report.batch}"
    weights = ", ".join(f"{amount(size)} as {name}" for name, size in report.weight_bytes.items())
    return (
        ("Parameters", f"{counts.params:,}"),
        ("Not trained", f"{counts.fixed:,} numbers (running statistics, fixed tables)"),
        ("Weights", weights),
        (f"MACs {of}", f"{counts.macs:,}"),
        (f"FLOPs {of}", f"{counts.flops:,}"),
        (f"Activations {of}", f"{amount(counts.activations)} as {report.dtype}"),
        ("Evaluation", f"{amount(used.evaluation)} at most at a time, buffers reused, with the input, without weights"),
        (
            "Training",
            f"{amount(used.kept)} kept for gradients, {amount(used.training)} at most with weights and gradients",
        ),
    )


def groups(report: Report) -> tuple[tuple[str, Sheet], ...]:
    """Return the totals per device, if there are several, and per stage."""
    parts = [("Stage", report.stages)]
    if len(report.devices) > 1:
        parts.insert(0, ("Device", report.devices))
    return tuple((name, _group(name, found)) for name, found in parts)


def _group(name: str, found: Sequence[tuple[str, Counts]]) -> Sheet:
    numbers = ("Parameters", "MACs", "Activations", "Saved for training")
    rows = tuple(
        (each, f"{counts.params:,}", f"{counts.macs:,}", amount(counts.activations), amount(counts.kept))
        for each, counts in found
    )
    return Sheet((name, *numbers), frozenset(numbers), rows)


def markdown(report: Report, depth: int | None = None) -> str:
    """Return the table and its totals in Markdown."""
    head = f"# {report.model}\n\n{_inputs(report)}\n"
    parts = [head, markdown_table(sheet(report, depth))]
    parts.append("\n".join(f"- {name}: {words}" for name, words in totals(report)) + "\n")
    parts += [markdown_table(found) for _, found in groups(report)]
    return "\n".join([*parts, DEFINITIONS]) + "\n"


def markdown_table(table: Sheet) -> str:
    """Return a table in Markdown; the depth of a step is shown by its indent."""
    marks = ["---:" if column in table.numbers else "---" for column in table.columns]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    indented = [[row[0].replace("  ", "&emsp;"), *row[1:]] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in (table.columns, marks, *indented)) + "\n"


def _inputs(report: Report) -> str:
    given = ", ".join(f"{name} {shape}" for name, shape in report.inputs)
    return f"Input: {given}. Batch: {report.batch}. Numbers: {report.dtype}."


_LATEX = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "×": r"$\times$", "{": r"\{", "}": r"\}", "$": r"\$"}


def latex(report: Report, depth: int | None = None) -> str:
    """Return the table as a `tabular` of LaTeX, with its totals below."""
    table = sheet(report, depth)
    kinds = "".join("r" if column in table.numbers else "l" for column in table.columns)
    lines = [f"% {report.model}: {_inputs(report)}", rf"\begin{{tabular}}{{{kinds}}}", r"\hline"]
    lines += [_latex_row(table.columns), r"\hline", *map(_latex_row, table.rows), r"\hline"]
    lines += [rf"\multicolumn{{{len(table.columns)}}}{{l}}{{{_escaped(f'{a}: {b}')}}} \\" for a, b in totals(report)]
    return "\n".join([*lines, r"\hline", r"\end{tabular}"]) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    first = cells[0]
    indent = rf"\hspace*{{{(len(first) - len(first.lstrip())) // 2}em}}" if first.startswith(" ") else ""
    return " & ".join([indent + _escaped(first.lstrip()), *map(_escaped, cells[1:])]) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text)


def as_csv(report: Report, depth: int | None = None) -> str:
    """Return a line for each step and submodule, with plain numbers."""
    rows = [_flat(row) for row in report.to_depth(depth)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(row: Row) -> dict[str, object]:
    field, counts = row.field, row.counts
    return {
        "path": row.path,
        "operator": row.what,
        "is_submodule": int(row.is_container),
        "input": row.input,
        "output": row.output,
        "parameters": counts.params,
        "not_trained": counts.fixed,
        "macs": counts.macs,
        "flops": counts.flops,
        "activation_bytes": counts.activations,
        "kept_bytes": counts.kept,
        "field": field_size(field),
        "field_stride": field_stride(field),
        "field_centre": "" if field is None or field.everything else "x".join(map(str, field.centre)),
        "device": row.device or "",
        "line": row.line,
    }


def as_data(report: Report, depth: int | None = None) -> dict[str, object]:
    """Return the report as plain data; sizes are lists, without the batch."""
    return {
        "model": report.model,
        "source": report.source,
        "inputs": [{"name": name, "shape": _sizes(shape)} for name, shape in report.inputs],
        "batch": report.batch,
        "dtype": report.dtype,
        "parameters": report.params,
        "not_trained": report.totals.fixed,
        "macs": report.macs,
        "flops": report.totals.flops,
        "activation_bytes": report.totals.activations,
        "evaluation_bytes": report.memory.evaluation,
        "kept_bytes": report.memory.kept,
        "training_bytes": report.memory.training,
        "weight_bytes": report.weight_bytes,
        "devices": {name: _counts(counts) for name, counts in report.devices},
        "stages": {name: _counts(counts) for name, counts in report.stages},
        "steps": [_step(row) for row in report.to_depth(depth) if not row.is_container],
        "submodules": [_step(row) for row in report.to_depth(depth) if row.is_container],
    }


def _counts(counts: Counts) -> dict[str, int]:
    return {
        "parameters": counts.params,
        "not_trained": counts.fixed,
        "macs": counts.macs,
        "flops": counts.flops,
        "activation_bytes": counts.activations,
        "kept_bytes": counts.kept,
    }


def _step(row: Row) -> dict[str, object]:
    return {
        "path": row.path,
        "operator": row.what,
        "input": _sizes(row.input) if " + " not in row.input else [*map(_sizes, row.input.split(" + "))],
        "output": _sizes(row.output),
        **_counts(row.counts),
        "field": None if row.field is None else field_data(row.field),
        "device": row.device,
        "line": row.line,
    }


def field_data(field: Field) -> dict[str, object]:
    """Return a receptive field as plain data."""
    if field.everything:
        return {"everything": True}
    return {
        "everything": False,
        "size": list(field.size),
        "stride": list(map(float, field.stride)),
        "centre": list(field.centre),
    }


def _sizes(shape: str) -> list[int]:
    return [int(size) for size in shape.split("x")]
