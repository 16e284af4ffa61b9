"""Names and syntax of other frameworks: the tables agree with the operators, and what is offered compiles."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from built import module
from torch.nn import functional

from archdsl.base.source import Source
from archdsl.base.typos import typo_of
from archdsl.diag.model import Diagnostic
from archdsl.driver import compile_source
from archdsl.elaborate.functions import FUNCTIONS
from archdsl.foreign.python import translated, translated_chain
from archdsl.foreign.rewrite import advice, as_layers_of, initialiser, rewritten
from archdsl.foreign.table import Form, Layer, find_layers, layers, merges, operators, words
from archdsl.ops import all_ops, lookup
from archdsl.ops.base import Merge
from archdsl.ops.initialisers import all_initialisers
from archdsl.syntax.tables import KEYWORDS

GOLDEN = Path(__file__).parent / "golden"
INPUTS = ("8x24x24", "64", "50x16", "3x32x32x32")
# Values of the arguments of other frameworks, by name; all others are 4.
VALUES = {
    "rate": "0.1", "p": "0.1", "drop_prob": "0.1", "activation": "'relu'", "negative_slope": "0.1", "alpha": "0.5",
    "theta": "0.5", "scale": "2.0", "out_channels": "8", "filters": "8", "num_output": "8", "features": "8",
    "groups": "2", "num_groups": "2", "heads": "2", "num_heads": "2", "upscale_factor": "2", "downscale_factor": "2",
    "kernel_size": "3", "kernel": "3", "pool_size": "2", "window_shape": "2", "target_shape": "(-1, 8)",
    "norm_type": "2", "local_size": "5", "size": "4", "block_size": "2", "padding": "1", "num_parameters": "1",
    "start": "0", "order": "2x0x1", "min": "-1", "max": "1", "scale_factor": "2", "epsilon": "0.001", "sides": "5x10",
}  # fmt: skip


def _found(body: str, shape: str) -> tuple[Diagnostic, ...]:
    text = f"model Net {{\n  input given: {shape}\n  {body}\n}}\n"
    return tuple(each for each in compile_source(Source("net.arch", text)).diagnostics if each.code.is_error)


def _compiles(body: str) -> bool:
    """Return whether a chain compiles on a map, a vector, a sequence, a volume, or a map that a layer made."""
    before = ("", "conv(8, 3, padding = 1) -> ")
    return any(not _found(start + body, shape) for shape in INPUTS for start in before)


def _samples() -> Iterator[tuple[Layer, str]]:
    for layer in layers():
        if layer.form in (Form.CALL, Form.TEXT, Form.ACTIVATION):
            required = [(each.name, VALUES.get(each.name, "4")) for each in layer.parameters if each.required]
            for name in layer.names:
                made = advice(name, required)
                if made and made.text:
                    yield layer, made.text


def test_the_tables_are_large_enough() -> None:
    names = {name for layer in layers() for name in layer.names}
    arguments = {name for section in ("arguments", "words") for line in words()[section] for name in line.names}
    assert len(names) >= 150 and len(arguments) >= 80
    assert len({layer.framework for layer in layers()}) == 6


def test_every_target_exists() -> None:
    for layer in layers():
        if layer.form is Form.MERGE:
            op = lookup(layer.operator)
            assert op and issubclass(op, Merge), layer
        elif layer.form is Form.CALL:
            op = lookup(layer.operator)
            assert op, layer
            assert list(layer.positional) == list(op.arguments)[: len(layer.positional)], layer
            assert len(layer.positional) <= op.positional, layer
            own = {each.own for each in layer.parameters if each.kind in ("", "+")}
            assert own <= op.arguments.keys(), layer


def test_every_operator_is_known_to_the_translation() -> None:
    assert {op.name for op in all_ops()} == operators() | merges()


def test_no_layer_hides_an_operator() -> None:
    """A name that is an operator of archdsl never gets a message about another framework."""
    exact = {name for layer in layers() for name in layer.names}
    assert not exact & {op.name for op in all_ops()}


def test_what_the_table_offers_compiles() -> None:
    broken = {text for _, text in _samples() if not _compiles(text)}
    # An embedding reads indices: an input that nothing else reads.
    assert {text for text in broken if not text.startswith("embedding")} == set()
    assert not _found("embedding(4, 4)", "50")


def test_every_layer_with_a_counterpart_is_rewritten() -> None:
    """The required arguments are enough for a rewrite, or the layer has none and its name is."""
    rewritable = {layer for layer, _ in _samples()}
    wanted = [layer for layer in layers() if layer.parameters or not layer.positional]
    assert {layer.names for layer in wanted if layer.form in (Form.CALL, Form.TEXT)} == {
        layer.names for layer in rewritable if layer.form is not Form.ACTIVATION
    }


def test_advice_names_what_exists() -> None:
    """The calls in the advice for layers that archdsl lacks are calls of operators and initialisers."""
    known = {op.name for op in all_ops()} | {each.name for each in all_initialisers()} | {*FUNCTIONS, *KEYWORDS}
    known |= {"split", "reshape", "ConvNorm", "Net", "step"}
    lines = [layer.text for layer in layers() if layer.form is Form.NONE]
    lines += [line.advice for section in words().values() for line in section if line.spelling is None]
    for line in lines:
        for code in re.findall(r"`([^`]*)`", line):
            if "." not in code:
                assert set(re.findall(r"([A-Za-z_]\w*)\(", code)) <= known, line


def test_arguments_lead_to_arguments() -> None:
    own = {name for each in (*all_ops(), *all_initialisers()) for name in each.arguments}
    assert {line.spelling for line in words()["arguments"]} - {None} <= own


def test_initialisers_compile() -> None:
    for line in words()["initialisers"]:
        for name in line.names:
            made = initialiser(name)
            assert made and (_compiles(f"c: conv(8, 3, init = {made})") or _compiles(f"f: linear(8, init = {made})"))


@pytest.mark.parametrize(
    ("statement", "chain"),
    [
        ("x = F.relu(x)", "relu"),
        ("self.conv1 = nn.Conv2d(3, 64, 3, padding=1)", "conv1: conv(64, 3, padding = 1)"),
        ("self.fc = nn.Linear(512, num_classes)", "fc: linear(num_classes)"),
        ("self.norm = nn.LayerNorm((8, 7, 7))", "norm: layernorm(axes = 3)"),
        ("x = F.max_pool2d(F.relu(x), 2)", "relu -> maxpool(2)"),
        ("x = x.view(x.size(0), -1)", "flatten"),
        ("x = x.reshape(-1, 8, 4, 4)", "reshape(8x4x4)"),
        ("x = x.permute(0, 2, 3, 1)", "permute(1x2x0)"),
        ("x = torch.cat([x, skip], dim=1)", "concat { identity; @skip }"),
        ("x = torch.cat([x, skip], dim=0)", None),
        ("x = torch.cat([x, skip])", None),
        ("x = torch.cat([x, skip], dim=-1)", None),
        ("x = torch.cat([x, skip], 3)", "concat(axis = 2) { identity; @skip }"),
        ("x = torch.stack([F.relu(x), skip], dim=2)", "stack(axis = 1) { relu; @skip }"),
        ("x = torch.cat([x])", None),
        ("x = torch.add(x, x)", None),
        ("x = np.concatenate([x, skip])", None),
        ("x = x.mean((2, 3))", "mean"),
        ("x = torch.mean(x, dim=[-1, -2], keepdim=True)", "mean(keepdim = true)"),
        ("x = x.mean(2)", "mean(1)"),
        ("x = x.mean((1, 3))", "mean(0x2)"),
        ("x = x.mean()", None),
        ("x = x.mean(-1)", None),
        ("x = x.mean((0, 2))", None),
        ("x = x.mean(2, dtype=torch.float64)", None),
        ("x = jnp.mean(x, (1, 2))", None),
        ("x = F.relu(x).contiguous()", "relu"),
        ("x = x.to(device)", ""),
        ("x = x.reshape((x.size(0), -1))", "flatten"),
        ("x = x.view(-1, n, 4)", None),
        ("x = x.transpose(1, 2)", None),
        ("x = conv(x, 8, 3, bias=flag)", "conv(8, 3, bias = flag)"),
        ("x = tf.keras.layers.Dense(8)(x)", "linear(8)"),
        ("x = layers.Dense(8)(x, mask)", None),
        ("model.add(TimeDistributed(Dense(8)))", "linear(8)"),
        ("model.add(Bidirectional(Sequential([LSTM(8), LSTM(8)])))", None),
        ("f = keras.Sequential([Dense(8), ReLU()])", "f: [linear(8) -> relu]"),
        ("self.f = nn.Sequential()", None),
        ("image = keras.Input(shape=size)", None),
        ("image = keras.Input(shape=(None, 3))", None),
        ("words[0] = F.relu(x)", None),
        ("a = relu(x); b = relu(x)", None),
        ("x = x + skip", "add { identity; @skip }"),
        ("x += skip", "add { identity; @skip }"),
        ("x = self.pool(F.relu(self.conv1(x)))", None),
        ("model.add(Conv2D(32, (3, 5), activation='relu'))", "conv(32, 3x5) -> relu"),
        ("x = layers.Dense(10, activation='softmax')(x)", "linear(10) -> softmax"),
        ("x = layers.Concatenate()([x, y])", "concat { identity; @y }"),
        ("x = layers.Concatenate(axis=3)([x, y])", "concat { identity; @y }"),
        ("x = layers.Concatenate(axis=1)([x, y])", None),
        ("image = keras.Input(shape=(28, 28, 1))", "input image: 1x28x28"),
        ("model.add(Bidirectional(LSTM(64)))", "lstm(64, last = true, bidirectional = true)"),
        ("self.f = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())", "f: [conv(8, 3) -> relu]"),
        ("return F.log_softmax(x, dim=1)", "log_softmax(axis = 0)"),
        ("conv(8, 3, padding='same')(x)", None),
        ("x = unknown_function(x)", None),
        ("x = x[0]", None),
        ("(" * 300, None),
    ],
)
def test_a_statement_of_python_is_translated(statement: str, chain: str | None) -> None:
    assert translated(statement) == chain


@pytest.mark.parametrize(
    "statement",
    [
        "x = torch.cat([x, skip], dim=1)",
        "x = torch.cat([F.relu(x), skip], 2)",
        "x = torch.cat([x, skip], dim=3)",
        "x = torch.stack([x, skip], dim=1)",
        "x = torch.stack([x, skip], dim=3)",
        "x = x.mean((2, 3))",
        "x = x.mean(dim=(-2, -1), keepdim=True)",
        "x = torch.mean(x, 1)",
        "x = x.mean((1, 3), keepdim=True)",
        "x = x.permute(0, 2, 3, 1)",
        "x = x.reshape(x.size(0), -1)",
        "x = F.max_pool2d(F.relu(x), 2)",
        "x = x * skip",
    ],
)
def test_a_translation_computes_what_pytorch_does(statement: str) -> None:
    text = f"model Net {{\n  input image: 4x6x8\n  skip: tanh\n  sigmoid\n  {translated(statement)}\n}}\n"
    compiled = compile_source(Source("net.arch", text))
    assert compiled.ok, compiled.diagnostics
    image = torch.randn(2, 4, 6, 8)
    scope = {"torch": torch, "F": functional, "skip": image.tanh(), "x": image.tanh().sigmoid()}
    exec(statement, scope)
    torch.testing.assert_close(module(compiled.models[0])(image), scope["x"])


def test_a_chain_of_python_is_translated() -> None:
    assert translated_chain("c1: nn.Conv2d(3, 8, 3) -> nn.ReLU() -> flatten") == "c1: conv(8, 3) -> relu -> flatten"
    assert translated_chain("conv(8, 3) -> relu") is None


def test_momentum_is_turned_around() -> None:
    """Keras weighs the old mean, PyTorch the new one."""
    made = rewritten("BatchNormalization", [("momentum", "0.9"), ("epsilon", "1e-5")])
    assert made and made.text == "batchnorm(momentum = 0.1, eps = 1e-5)"


def test_what_cannot_be_said_is_not_offered() -> None:
    assert rewritten("MaxPool2d", [(None, "2"), ("dilation", "2")]) is None
    assert rewritten("Conv2d", [(None, "3"), (None, "8"), (None, "3"), ("padding_mode", "'reflect'")]) is None
    assert rewritten("ZeroPad2d", [(None, "(1, 2, 3, 4)")]) is None
    assert as_layers_of("linear", [(None, "10"), (None, "true"), (None, "false")]) is None


@pytest.mark.parametrize("name", ["sub", "abs", "exp", "cat", "max", "min", "matmul", "dense", "swish", "fc", "bn"])
def test_similar_letters_suggest_no_other_function(name: str) -> None:
    assert find_layers(name)
    assert typo_of(name, [op.name for op in all_ops()]) is None


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("rellu", "relu"), ("maxpol", "maxpool"), ("batchnrom", "batchnorm"), ("ocnv", "conv"), ("sigmiod", "sigmoid")],
)
def test_typos_are_found(typo: str, meant: str) -> None:
    assert typo_of(typo, [op.name for op in all_ops()]) == meant


def test_names_that_differ_in_a_number_are_no_typos() -> None:
    assert typo_of("conv2", ["conv1", "conv3"]) is None
    assert typo_of("cnov1", ["conv1", "conv3"]) == "conv1"


CASES = sorted((GOLDEN / "foreign").glob("*/case.arch"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parent.name)
def test_all_fixes_of_a_file_together_remove_their_problems(case: Path) -> None:
    """Where every error has an edit, no error of syntax is left either."""
    text = case.read_text(encoding="utf-8")
    found = compile_source(Source("case.arch", text), every=True).diagnostics
    fixed = [each for each in found if each.fixes]
    again = _fixed(text, fixed)
    left = {(each.code, each.primary.span.text, each.primary.text) for each in again}
    assert not {(each.code, each.primary.span.text, each.primary.text) for each in fixed} & left
    if all(each.fixes for each in found if each.code.is_error):
        assert not [each for each in again if each.code.id < "E01"]


def _fixed(text: str, fixed: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the diagnostics after all edits; of edits that overlap, the first one is made."""
    end = len(text) + 1
    edits = {edit for each in fixed for edit in each.fixes[0].edits}
    for span, replacement in sorted(edits, key=lambda edit: (edit[0].start, edit[0].end), reverse=True):
        if span.end <= end:
            text = text[: span.start] + replacement + text[span.end :]
            end = span.start
    return compile_source(Source("case.arch", text), every=True).diagnostics


def test_every_error_has_a_help() -> None:
    """A help line is missing only where nothing can be said; here, in none of the cases about other languages."""
    for case in CASES:
        found = compile_source(Source("case.arch", case.read_text(encoding="utf-8")), every=True).diagnostics
        assert all(each.help for each in found), case.parent.name


def test_a_file_of_python_gets_one_message() -> None:
    text = (GOLDEN / "foreign/a_module_of_pytorch/case.arch").read_text(encoding="utf-8")
    assert len(compile_source(Source("net.py", text)).diagnostics) == 1


def test_the_gallery_has_no_suspicious_layout() -> None:
    folder = Path(__file__).parent.parent / "architectures"
    for file in sorted(folder.glob("*.arch")):
        text = file.read_text(encoding="utf-8")
        assert "W060" not in text, "the gallery needs no permission for these warnings"
