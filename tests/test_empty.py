"""Steps, groups, lists and bodies without contents, before every consumer: a module that runs, or a diagnostic."""

from itertools import product

import pytest
import torch
from built import module, sample

from archdsl.base.source import Source
from archdsl.driver import compile_source

DEFINITIONS = """
block Skipped = relu if 1 > 2
block Looped(k) { for i in [] { relu } }
macro Expanded = relu if 1 > 2
block Added(t) = add { t; identity }
"""
EMPTY = (
    "group t{1..0} { relu }", "group t{0..0} { relu }", "group t{0..0} { }", "group t{0..1} { }",
    "group t{0..1} { relu if n > 9 }", "group t{0..0} { exchange }", "group t{0..1} { exchange }",
    "group t{0..1} { exchange -> relu if n > 9 }", "for i in [] { relu }", "for i in range(0) { relu }", "relu * 0",
    "[relu] * 0", "{ relu } * 0", "[ ]", "{ }", "( relu if n > 9 )", "[relu if n > 9]", "s: [ ]", "s: { }",
    "s: [relu if n > 9]", "split(1)", "split(3)", "concat { }", "concat { relu if n > 9 }", "concat { identity }",
    "add { relu if n > 9; identity }", "add { for i in [] { relu } }", "residual { }", "residual { relu if n > 9 }",
    "residual { relu * 0 }", "residual { relu } project { }", "Skipped", "Expanded", "Added(@x)", "Looped(3)",
    "e: Looped(3)", "on gpu0 { }", "on gpu0 { relu * 0 }", "if n > 9 { relu }", "@x", "f: identity -> share @f",
    "conv(3, 1, connect = [])", "mean([])", "permute([])", "reshape([])", "rbf(2, targets = [])", "a{1..0}: relu",
    "a{1..0}: [relu]", "stack { @x }", "mul { @x }",
)  # fmt: skip
CONSUMERS = (
    "", "-> concat", "-> add", "-> mul", "-> stack", "-> relu", "-> linear(2)", "-> group u{0..0} { relu } -> concat",
    "-> split(1)", "* 2", ":: 3x4x4", "if n > 9", "-> exchange", "-> flatten -> f9: linear(2)",
)  # fmt: skip
PLACES = (
    "STEP", "s9: { STEP }", "s9: [ STEP ]", "concat { STEP; identity }", "residual { STEP }",
    "group g{0..1} { STEP } -> add", "output o: { STEP }; relu", "( STEP ) * 2",
)  # fmt: skip
CASES = [place.replace("STEP", f"{empty} {then}") for empty, then, place in product(EMPTY, CONSUMERS, PLACES)]


def runs(step: str) -> bool:
    """Return whether a net with this step has a module, which then runs; a net without one has an error."""
    text = f"{DEFINITIONS}model Net(n = 2) {{\n devices gpu0, gpu1\n input x: 3x4x4\n r: relu\n {step}\n}}\n"
    compiled = compile_source(Source("net.arch", text))
    if not compiled.ok:
        return False
    graph = compiled.models[0]
    with torch.no_grad():
        result = module(graph)(*sample(graph, 2))
    found = [result] if len(graph.outputs) == 1 else list(result)
    assert [tuple(each.shape[1:]) for each in found] == [output.shape.plain().dims for output in graph.outputs], step
    return True


def test_nothing_at_all_breaks_the_compiler() -> None:
    found = [runs(step) for step in CASES[::23]]
    assert 40 < sum(found) < len(found)


@pytest.mark.long
@pytest.mark.parametrize("empty", EMPTY)
def test_nothing_breaks_any_consumer(empty: str) -> None:
    for then, place in product(CONSUMERS, PLACES):
        runs(place.replace("STEP", f"{empty} {then}"))
