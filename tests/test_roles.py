"""Roles of axes: what operators say about them, the warnings about streams of another role, and their edits."""

from pathlib import Path

import pytest
from operator_code import EXAMPLES, OPERATORS

from archdsl.base.role import Role, joined, role_of_input
from archdsl.base.shape import Shape
from archdsl.base.source import Source
from archdsl.diag.model import Diagnostic
from archdsl.driver import Compiled, compile_source
from archdsl.ops.base import Example, Op
from archdsl.report.explanation import explanation
from archdsl.report.rows import report
from archdsl.views.resolution_stages import resolution_stages

CASES = sorted((Path(__file__).parent / "golden" / "roles").iterdir())


def compiled(text: str) -> Compiled:
    return compile_source(Source("case.arch", text), every=True)


def roles_of(body: str) -> dict[str, Role]:
    """Return the roles of the steps of a net, by their names."""
    found = compiled(f"model M {{ {body} }}")
    assert found.ok, found.diagnostics
    graph = found.models[0]
    return {".".join(node.path): graph.role(node.path) for node in graph.nodes}


def warnings(found: Compiled) -> list[Diagnostic]:
    return [each for each in found.diagnostics if each.code.id.startswith("W05")]


# Operators


@pytest.mark.parametrize("op", OPERATORS)
def test_an_operator_declares_the_roles_that_it_reads_and_gives(op: type[Op]) -> None:
    assert any("roles" in vars(each) for each in op.__mro__ if each is not Op)


@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_a_result_has_a_role_that_its_axes_allow(op: type[Op], example: Example) -> None:
    inputs = (example.input, *example.others)
    found = compiled(f"model M {{ input x: [{', '.join(map(str, example.input.dims))}]; s: {example.call} }}")
    step = found.models[0].nodes[0].op if found.ok else None
    for role in Role:
        if step is None or not all(role.fits(shape.rank) for shape in inputs):
            continue
        given = step.role((role,) * len(inputs), inputs, example.output)
        assert given.fits(example.output.rank), role
        if role is Role.PLAIN:
            assert step.role_advice((role,) * len(inputs), inputs, ()) is None
        if step.roles.reads is role:
            assert step.role_advice((role,) * len(inputs), inputs, ()) is None, role


# Roles of streams


def test_inputs_have_the_role_that_they_state_or_that_their_axes_have() -> None:
    assert [role_of_input(rank) for rank in range(1, 5)] == [Role.VECTOR, Role.PLAIN, Role.MAP, Role.MAP]
    text = "model M { input a: sequence 5x8; input b: 5x8; input c: channels_last [4, 4, w = 8]; tanh; "
    found = compiled(text + "output p: @b -> relu; output q: @c -> sigmoid }")
    graph = found.models[0]
    assert [graph.role(given.path) for given in graph.inputs] == [Role.SEQUENCE, Role.PLAIN, Role.CHANNELS_LAST]
    assert [graph.role(node.path) for node in graph.nodes] == [Role.SEQUENCE, Role.PLAIN, Role.CHANNELS_LAST]


def test_steps_give_roles() -> None:
    body = """input x: 3x8x8
        c: conv(4, 3, padding = 1)
        tokens
        mix: permute(1x0)
        l: linear(6)
        back: permute(1x0)
        m: reshape(4x6x1)
        f: flatten"""
    assert roles_of(body.replace("\n", ";")) == {
        "c": Role.MAP, "tokens": Role.SEQUENCE, "mix": Role.PLAIN, "l": Role.PLAIN, "back": Role.PLAIN,
        "m": Role.PLAIN, "f": Role.VECTOR,
    }  # fmt: skip
    assert roles_of("input x: 9; e: embedding(10, 4); g: gru(3, last = true)") == {"e": Role.SEQUENCE, "g": Role.VECTOR}
    assert roles_of("input x: 4x10; c: conv(2, 3); s: permute(1x0); g: gru(3); m: mean(0)") == {
        "c": Role.MAP, "s": Role.SEQUENCE, "g": Role.SEQUENCE, "m": Role.VECTOR,
    }  # fmt: skip
    assert roles_of("input x: 4x9x9; p: permute(1x2x0); n: layernorm; q: permute(2x0x1); m: mean(2)") == {
        "p": Role.CHANNELS_LAST, "n": Role.CHANNELS_LAST, "q": Role.MAP, "m": Role.MAP,
    }  # fmt: skip


def test_merges_join_roles() -> None:
    assert joined((Role.PLAIN, Role.MAP, Role.MAP)) is Role.MAP
    assert joined((Role.SEQUENCE, Role.MAP)) is Role.PLAIN
    assert joined(()) is Role.PLAIN


@pytest.mark.parametrize(
    ("role", "rank", "words"),
    [
        (Role.MAP, 2, ("channels", "length")),
        (Role.MAP, 3, ("channels", "height", "width")),
        (Role.MAP, 4, ("channels", "depth", "height", "width")),
        (Role.CHANNELS_LAST, 3, ("height", "width", "channels")),
        (Role.SEQUENCE, 2, ("steps", "features")),
        (Role.PLAIN, 2, ()),
    ],
)
def test_words_name_the_axes_of_a_role(role: Role, rank: int, words: tuple[str, ...]) -> None:
    assert role.words(rank) == words
    assert [role.axis(word, rank) for word in words] == list(range(len(words)))
    sizes = "x".join(str(7 + axis) for axis in range(rank))
    tests = " and ".join(f"{word} == {7 + axis}" for axis, word in enumerate(words)) or f"{'features'} == {6 + rank}"
    assert not warnings(compiled(f"model M {{ input x: {role.value} {sizes}; relu; assert {tests}; tanh if {tests} }}"))
    assert compiled(f"model M {{ input x: {role.value} {sizes}; relu; assert {tests} }}").ok


# Warnings and their edits


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_warning_offers_compiles_and_ends_it(case: Path) -> None:
    text = (case / "case.arch").read_text(encoding="utf-8")
    before = compiled(text)
    for found in warnings(before):
        assert found.help is not None
        for fix in found.fixes:
            after = compiled(fix.applied(text))
            assert after.ok, (fix, after.diagnostics)
            left = {(each.code, each.primary.span.line) for each in warnings(after)}
            assert (found.code, found.primary.span.line) not in left, fix


def test_the_edits_give_the_nets_that_were_meant() -> None:
    text = """model CnnLstm(classes = 4) {
  input signal: 6x128
  conv1: conv(64, 3) -> relu -> conv2: conv(64, 3) -> relu -> maxpool(2)
  rnn: lstm(100, last = true)
  out: linear(classes)
}
"""
    (warning,) = warnings(compiled(text))
    (fix,) = warning.fixes
    fixed = compiled(fix.applied(text))
    assert "  tokens -> rnn: lstm(100" in fix.applied(text)
    assert {node.path[-1]: node.params for node in fixed.models[0].nodes}["rnn"] == 66_400


def test_a_plain_input_gives_no_warning() -> None:
    steps = ["c: conv(4, 3)", "g: gru(3)", "l: linear(3)", "layernorm", "global_avgpool", "mean", "softmax",
             "split(2) -> concat", "concat { identity; identity }", "b: batchnorm", "a: attention(2)", "tokens",
             "c: conv(width, 3)", "l: linear(channels)"]  # fmt: skip
    for step in steps:
        assert not warnings(compiled(f"model M {{ input x: 8x16; {step} }}")), step


def test_a_block_sees_the_role_of_its_stream() -> None:
    text = "block B {{ p: mean }}\nmodel M {{ input x: {}; b: B }}"
    assert [each.code.id for each in warnings(compiled(text.format("sequence 5x8")))] == ["W0505"]
    assert not warnings(compiled(text.format("map 5x8")))


def test_a_model_as_a_block_checks_the_role_of_its_input() -> None:
    text = "model A {{ input x: sequence 5x8; p: tanh }}\nmodel B {{ input x: {}; a: A }}"
    assert compiled(text.format("5x8")).ok
    found = compiled(text.format("5x8")).models[-1]
    assert found.role(found.nodes[0].path) is Role.SEQUENCE
    (error,) = [each for each in compiled(text.format("map 5x8")).diagnostics if each.code.is_error]
    assert error.code.id == "E0301"


def test_a_role_has_no_effect_on_a_shape() -> None:
    assert Shape.of(5, 8) == compiled("model M { input x: map 5x8; relu }").models[0].inputs[0].shape


# Reports


def test_stages_of_a_net_on_signals_have_the_lengths_of_its_maps() -> None:
    text = """model S {
  input x: 8x64
  c1: conv(16, 3, padding = 1) -> maxpool(2)
  c2: conv(16, 3, padding = 1) -> maxpool(2)
  c3: conv(32, 3, padding = 1) -> maxpool(2)
}
"""
    graph = compiled(text).models[0]
    assert [name for name, _ in report(graph).stages] == ["length 64", "length 32", "length 16", "length 8"]
    assert [stage.size for stage in resolution_stages(graph)] == ["64", "32", "16", "8"]


def test_stages_of_a_sequence_are_called_by_its_steps() -> None:
    graph = compiled(
        "model S { input x: 3x8x8; c: conv(4, 3); tokens; g: gru(5); p: permute(1x0); f: mean(0) }"
    ).models[0]
    assert [name for name, _ in report(graph).stages] == ["6x6", "36 steps", "5x36", "vectors"]


def test_a_slice_sees_its_own_part_and_a_causal_step_those_before_it() -> None:
    text = "model P { input series: 1x100; c1: conv(4, 5); last: slice(95, axis = 1); c2: conv(4, 1) }"
    shown = explanation(compiled(text).models[0], "c2").as_text()
    assert "  5 pixels, 1 between neighbours, the first one centred at 97\n" in shown
    assert "the unit at 0 sees positions 95 to 99 of 100 of series" in shown
    text = "model P { input series: sequence 10x4; g: gru(3); a: attention(1) }"
    shown = explanation(compiled(text).models[0], "g").as_text()
    assert "the field depends on the position of the unit" in shown
    assert "the unit at 5 sees positions 0 to 5 of 10 of series" in shown
    assert "every unit sees the whole input" in explanation(compiled(text).models[0], "a").as_text()
