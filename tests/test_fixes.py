"""The edits that diagnostics offer: each applies, and the mistake is gone."""

from collections.abc import Iterator

import pytest
from test_golden import CASES, _compiled, _name

from archdsl.base.source import Source, Span
from archdsl.diag.edits import with_argument, with_number
from archdsl.diag.model import Diagnostic, Fix
from archdsl.driver import Compiled, compile_source

SYNTAX = "E00"


def offered() -> Iterator[tuple[str, str, Diagnostic, Fix]]:
    for case in CASES:
        text = case.read_text(encoding="utf-8")
        for diagnostic in _compiled(text).diagnostics:
            for fix in diagnostic.fixes:
                yield _name(case), text, diagnostic, fix


OFFERED = list(offered())


def reports(compiled: Compiled, code: str, line: int) -> int:
    return sum(each.code.id == code and each.primary.span.line == line for each in compiled.diagnostics)


def syntax_errors(compiled: Compiled) -> int:
    return sum(each.code.id.startswith(SYNTAX) for each in compiled.diagnostics)


@pytest.mark.parametrize(
    ("text", "diagnostic", "fix"),
    [each[1:] for each in OFFERED],
    ids=[f"{each[0]}-{each[2].code.id}" for each in OFFERED],
)
def test_a_fix_removes_its_diagnostic(text: str, diagnostic: Diagnostic, fix: Fix) -> None:
    code, line = diagnostic.code.id, diagnostic.primary.span.line
    before, after = _compiled(text), _compiled(fix.applied(text))
    assert reports(after, code, line) < reports(before, code, line)
    assert syntax_errors(after) <= syntax_errors(before)
    if fix.is_safe and before.ok:
        assert after.ok


def test_many_helps_offer_edits() -> None:
    assert len({each[2].code.id for each in OFFERED}) >= 10


def call(text: str) -> Span:
    return Span(Source("x.arch", text), 0, len(text))


def test_an_argument_is_added_to_a_call() -> None:
    added = [
        fix.applied(text)
        for text in ("conv", "conv()", "conv(8, 3)")
        for fix in with_argument(call(text), "bias", "no")
    ]
    assert added == ["conv(bias = no)", "conv(bias = no)", "conv(8, 3, bias = no)"]
    assert not with_argument(call("conv(8, bias = true)"), "bias", "no")


def test_a_number_is_replaced_where_it_is_written() -> None:
    (fix,) = with_number(call("dropout(0.99)"), "rate", 0.99, "0.01")
    assert fix.applied("dropout(0.99)") == "dropout(0.01)"
    (fix,) = with_number(call("batchnorm(eps = 1, momentum = 0.9)"), "momentum", 0.9, "0.1")
    assert fix.applied("batchnorm(eps = 1, momentum = 0.9)") == "batchnorm(eps = 1, momentum = 0.1)"
    assert not with_number(call("dropout(rate)"), "rate", 0.99, "0.01")


def test_a_fix_in_a_file_leaves_the_rest() -> None:
    text = "model A {\n  input x: 3x8x8\n  c: conv(4, 3) -> prelu\n}\n"
    (found,) = compile_source(Source("x.arch", text), every=True).diagnostics
    assert [fix.applied(text) for fix in found.fixes] == [text.replace("prelu", "prelu: prelu")]
