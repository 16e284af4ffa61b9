"""Tables of stages, held against the tables of papers."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from latex import compiled, needs_latex

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.driver import compile_source
from archdsl.gallery.entries import graphs
from archdsl.ir.graph import CheckedGraph
from archdsl.syntax.loader import locate, read
from archdsl.views.latex import escaped, to_latex
from archdsl.views.markdown import to_markdown
from archdsl.views.resolution_stages import Piece, ResolutionStage, resolution_stages
from archdsl.views.table import Number, StageTable, number, stage_table

PAPER = str(Path(__file__).parent / "published" / "resnet_table.arch")
NAMES = ("ResNet18", "ResNet34", "ResNet50", "ResNet101", "ResNet152")
# Table 1 of He et al. 2016: name, output size, windows of a block with 18 or 34 layers, of one with 50 or more, and how
# many blocks there are in each of the five nets.
TABLE_1 = (
    ("conv2_x", "56×56", "3×3, 64; 3×3, 64", "1×1, 64; 3×3, 64; 1×1, 256", (2, 3, 3, 3, 3)),
    ("conv3_x", "28×28", "3×3, 128; 3×3, 128", "1×1, 128; 3×3, 128; 1×1, 512", (2, 4, 4, 4, 8)),
    ("conv4_x", "14×14", "3×3, 256; 3×3, 256", "1×1, 256; 3×3, 256; 1×1, 1024", (2, 6, 6, 23, 36)),
    ("conv5_x", "7×7", "3×3, 512; 3×3, 512", "1×1, 512; 3×3, 512; 1×1, 2048", (2, 3, 3, 3, 3)),
)
# In 10^9 multiply-adds; some are rounded in the paper, some are cut off.
FLOPS = ("1.8", "3.6", "3.8", "7.6", "11.3")


def graph(name: str) -> CheckedGraph:
    found = locate(name)
    return compile_source(found.source, model=found.model).models[-1]


def net(body: str) -> tuple[ResolutionStage, ...]:
    compiled = compile_source(Source("net.arch", body))
    assert compiled.ok, compiled.diagnostics
    return resolution_stages(compiled.models[-1])


@pytest.fixture(scope="module")
def table() -> StageTable:
    source = read(PAPER)
    return stage_table(tuple(compile_source(source, model=name).models[0] for name in NAMES))


def test_the_blocks_of_resnets_are_those_of_table_1(table: StageTable) -> None:
    assert table.models == NAMES
    first, *blocks, last = table.rows
    assert (first.name, first.size, first.shared) == ("conv1", "112×112", (Piece(("7×7, 64, stride 2",)),))
    assert len(blocks) == len(TABLE_1)
    for row, (name, size, basic, bottleneck, counts) in zip(blocks, TABLE_1, strict=True):
        assert (row.name, row.size) == (name, size)
        windows = (basic, basic, bottleneck, bottleneck, bottleneck)
        expected = [(Piece(tuple(w.split("; ")), n),) for w, n in zip(windows, counts, strict=True)]
        assert list(row.cells) == expected
    assert blocks[0].shared == (Piece(("3×3 max pool, stride 2",)),)
    assert (last.size, last.shared) == ("1×1", (Piece(("global average pool",)), Piece(("1000-d fc",))))


def test_the_work_of_resnets_is_that_of_table_1(table: StageTable) -> None:
    for found, published in zip(table.macs, FLOPS, strict=True):
        assert found.power == 9
        assert abs(float(found.mantissa) - float(published)) < 0.1


def test_the_strides_of_blocks_are_told_below(table: StageTable) -> None:
    # As the caption of table 1 says: conv3_1, conv4_1 and conv5_1, the first block of each.
    assert table.notes == ("Blocks with strides: conv3_x.0, conv4_x.0, conv5_x.0.",)


def test_markdown_has_a_column_for_each_model(table: StageTable) -> None:
    lines = to_markdown(table).splitlines()
    assert lines[0] == "| layer name | output size | ResNet18 | ResNet34 | ResNet50 | ResNet101 | ResNet152 |"
    rows = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in rows} == {8}
    assert "[1×1, 256<br>3×3, 256<br>1×1, 1024] × 36" in rows[5]
    assert rows[-1].endswith("| 3.86×10⁹ | 7.57×10⁹ | 11.3×10⁹ |")


@needs_latex
def test_latex_compiles_by_itself_and_in_a_paper(table: StageTable, tmp_path: Path) -> None:
    assert compiled(to_latex(table), tmp_path).startswith(b"%PDF")
    (tmp_path / "table.tex").write_text(to_latex(stage_table((graph("googlenet"),))), encoding="utf-8")
    paper = "\\documentclass{article}\\usepackage[a3paper]{geometry}\\begin{document}\\input{table}End.\\end{document}"
    assert compiled(paper, tmp_path).startswith(b"%PDF")


def test_latex_takes_no_text_for_a_command() -> None:
    assert escaped(r"a_b & 50% \x {→}") == r"a\_b \& 50\% \textbackslash{}x \{$\rightarrow$\}"
    assert escaped("Köln 東") == "Köln ?"


def test_loose_layers_of_one_size_share_a_row() -> None:
    rows = [(row.name, row.size, row.pieces) for row in resolution_stages(graph("vgg16"))]
    pool = Piece(("2×2 max pool, stride 2",))
    assert rows[0] == ("features.0–2", "224×224", (Piece(("3×3, 64",), 2),))
    assert rows[3] == ("features.17–21", "28×28", (pool, Piece(("3×3, 512",), 3)))
    assert rows[-1] == ("classifier", "1×1", (Piece(("4096-d fc",), 2), Piece(("1000-d fc",))))


def test_branches_of_a_block_are_lines() -> None:
    rows = {row.name: row for row in resolution_stages(graph("googlenet"))}
    # Szegedy et al. 2015, table 1, row 3a, with torchvision's 3x3 windows for those of 5x5.
    lines = ("1×1, 64", "1×1, 96 → 3×3, 128", "1×1, 16 → 3×3, 32", "3×3 max pool → 1×1, 32")
    assert rows["inception3a"].pieces[-1] == Piece(lines)
    assert "aux1" not in rows


def test_what_parts_within_a_block_reads_the_same_layer() -> None:
    nets = graphs(["squeezenet1_0", "inception_v3"])
    fire = next(stage for stage in resolution_stages(nets["squeezenet1_0"]) if stage.name == "features.5")
    assert fire.pieces == (Piece(("1×1, 32", "1×1, 128 + 3×3, 128")),)
    last = next(stage for stage in resolution_stages(nets["inception_v3"]) if stage.name.endswith("Mixed_7c"))
    assert any("1×1, 384 → 1×3, 384 + 3×1, 384" in piece.lines for piece in last.pieces)


def test_gates_stand_aside() -> None:
    net = graphs(["efficientnet_b0"])["efficientnet_b0"]
    found = next(stage for stage in resolution_stages(net) if stage.name == "features.2")
    assert found.pieces[0].lines == ("1×1, 96", "3×3 depthwise, 96", "1×1, 24", "SE 4")


def test_towers_that_are_alike_are_shown_once() -> None:
    table = stage_table((graph("alexnet_2012"),))
    assert table.rows[0].name == "tower0.conv1"
    assert not any("tower1" in row.name for row in table.rows)
    assert table.notes == ("AlexNet_2012: tower1 equals tower0 and is not shown.",)


def test_towers_that_differ_are_both_shown() -> None:
    rows = net("model M { input x: 3x8x8\n group t{0..1} { conv(4 + tower, 3) } -> concat }")
    assert [piece.lines for row in rows for piece in row.pieces] == [("3×3, 4",), ("3×3, 5",)]


def test_what_only_the_training_computes_is_not_counted() -> None:
    found = stage_table(tuple(graphs(["googlenet", "googlenet_noaux"]).values()))
    assert found.params[0] == found.params[1] and found.macs[0] == found.macs[1]
    assert found.notes == ("GoogLeNet: training-only layers with 6,379,984 parameters are not shown.",)


def test_a_projection_is_no_line() -> None:
    rows = net("model M { input x: 3x8x8\n residual { c: conv(4, 1) } project { p: conv(4, 1) } }")
    assert [row.pieces for row in rows] == [(Piece(("1×1, 4",)),)]


def test_models_of_different_depth_meet_at_equal_sizes() -> None:
    table = stage_table((graph("lenet5"), graph("resnet18"), graph("vgg16")))
    assert [row.size for row in table.rows].count("112×112") == 1
    row = next(row for row in table.rows if row.size == "112×112")
    assert (row.name, row.cells[0]) == ("conv1 / features.5–7", ())
    assert row.cells[1] and row.cells[2]
    assert all(len(row.cells) == 3 for row in table.rows)


@pytest.mark.parametrize(
    ("count", "mantissa", "power"),
    [(0, "0", 0), (999, "999", 0), (61_706, "61.7", 3), (999_999, "1.00", 6), (11_283_415_040, "11.3", 9)],
)
def test_counts_have_three_digits(count: int, mantissa: str, power: int) -> None:
    assert number(count) == Number(mantissa, power)


def test_the_command_writes_tables(tmp_path: Path) -> None:
    run = CliRunner().invoke
    shown = run(cli, ["draw", "--style", "table", "resnet18", "resnet34"])
    assert shown.exit_code == 0 and shown.output.startswith("| layer name | output size | ResNet18 | ResNet34 |")
    models = run(cli, ["draw", "--style", "table", PAPER, "--model", "ResNet18, ResNet50"])
    assert "| ResNet18 | ResNet50 |" in models.output
    file = tmp_path / "t.tex"
    assert run(cli, ["draw", "--style", "table", "lenet5", "-o", str(file)]).output == f"wrote {file}: LeNet5\n"
    assert r"\begin{tabular}" in file.read_text()


def test_the_command_says_what_it_cannot_do(tmp_path: Path) -> None:
    run = CliRunner().invoke
    odd = run(cli, ["draw", "--style", "table", "lenet5", "-o", str(tmp_path / "t.png")])
    assert odd.exit_code == 2 and "must end in .md or .tex" in odd.output
    two = run(cli, ["draw", "lenet5", "resnet18"])
    assert two.exit_code == 2 and "one drawing shows one net" in two.output


@pytest.mark.parametrize("name", ["gpt2", "char_lstm", "vit_b_16"])
def test_every_layer_has_an_entry(name: str) -> None:
    found = locate(name)
    graph = compile_source(found.source, model=found.model).models[-1]
    pieces = [piece for stage in resolution_stages(graph) for piece in stage.pieces]
    assert pieces and all(line for piece in pieces for line in piece.lines)
