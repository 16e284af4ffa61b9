"""Cases, not code: tests/golden/<topic>/<behaviour>/case.arch and what has to come of it.

The first line of a case may name flags: `# run: --set classes=10 --model Net`. With those of `build`, the diagnostics
include the reason why the net has no such build.
"""

import re
import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import chdir
from difflib import unified_diff
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from archdsl.base.source import Source
from archdsl.diag.model import Diagnostic, Refusal
from archdsl.diag.text import render
from archdsl.driver import Compiled, compile_source
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.settings import parse_setting
from archdsl.ir.dump import dump
from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.passes.fuse import with_fused_towers
from archdsl.passes.pipeline_stages import staged
from archdsl.passes.towers import towers
from archdsl.place.pipeline import by_devices, dealt
from archdsl.place.sidecar import applied, read_sidecar

GOLDEN = Path(__file__).parent / "golden"
TOPICS = {
    "syntax", "names", "arguments", "shapes", "naming", "limits", "files", "asserts", "warnings", "structure", "emit",
    "blocks", "merges", "roles", "towers", "builds", "foreign",
}  # fmt: skip
OUTPUTS = ("problems.txt", "graph.txt", "model.py")
CASES = sorted(GOLDEN.glob("*/*/case.arch"))


def _flags(text: str) -> Namespace:
    parser = ArgumentParser()
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--model")
    parser.add_argument("--max-operations", type=int, default=Limits().operations)
    parser.add_argument("--max-nesting", type=int, default=Limits().nesting)
    parser.add_argument("--parallel", choices=["pipeline", "towers"])
    parser.add_argument("--stages", type=int)
    parser.add_argument("--fuse-towers", action="store_true")
    parser.add_argument("--placement")
    first = text.partition("\n")[0]
    return parser.parse_args(shlex.split(first.removeprefix("# run:")) if first.startswith("# run:") else [])


def _compiled(text: str) -> Compiled:
    flags = _flags(text)
    return compile_source(
        Source("case.arch", text),
        model=flags.model,
        settings=dict(map(parse_setting, flags.set)),
        limits=Limits(operations=flags.max_operations, nesting=flags.max_nesting),
    )


def _refusals(graph: CheckedGraph, flags: Namespace) -> Iterator[Diagnostic]:
    """Yield the reasons why a net has no build with these flags."""
    try:
        if flags.placement:
            applied(graph, read_sidecar(flags.placement))
        if flags.fuse_towers:
            with_fused_towers(graph.graph)
        if flags.parallel == "towers":
            towers(graph)
        if flags.parallel == "pipeline":
            staged(graph, dealt(graph, flags.stages) if flags.stages else by_devices(graph))
    except Refusal as error:
        yield error.diagnostic


def _outputs(case: Path) -> dict[str, str]:
    """Return the files that belong beside a case, with their text."""
    text = case.read_text(encoding="utf-8")
    with chdir(case.parent):
        compiled = _compiled(text)
        refused = [found for graph in compiled.models for found in _refusals(graph, _flags(text))]
    outputs = {}
    if compiled.diagnostics or refused:
        outputs["problems.txt"] = render((*compiled.diagnostics, *refused), colour=False)
    for model in compiled.models:
        outputs["graph.txt"] = dump(model)
        if _topic(case) == "emit":
            outputs["model.py"] = import_module("archdsl.emit.generate").generate(model)
    return outputs


def _topic(case: Path) -> str:
    return case.relative_to(GOLDEN).parts[0]


def _name(case: Path) -> str:
    return "/".join(case.relative_to(GOLDEN).parts[:2])


def _difference(expected: str | None, found: str | None, name: str) -> str:
    lines = unified_diff(
        (expected or "").splitlines(), (found or "").splitlines(), f"{name} (kept)", f"{name} (now)", lineterm=""
    )
    return "\n".join(lines)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_case_gives_what_is_kept(case: Path, *, regen: bool) -> None:
    found = _outputs(case)
    differences = []
    for name in OUTPUTS:
        kept = case.with_name(name)
        expected = kept.read_text(encoding="utf-8") if kept.exists() else None
        if expected == found.get(name):
            continue
        differences.append(_difference(expected, found.get(name), name))
        if regen and name in found:
            kept.write_text(found[name], encoding="utf-8")
        elif regen:
            kept.unlink()
    if differences and not regen:
        accept = f"python -m pytest tests/test_golden.py --regen -k '{_name(case)}'"
        pytest.fail("\n".join([*differences, "", f"to accept this: {accept}"]), pytrace=False)


@pytest.mark.parametrize("case", [case for case in CASES if case.with_name("graph.txt").exists()], ids=_name)
def test_the_graph_of_a_case_is_what_pytorch_runs(case: Path) -> None:
    with chdir(case.parent):
        compiled = _compiled(case.read_text(encoding="utf-8"))
    for graph in compiled.models:
        scope: dict[str, Any] = {"__name__": "generated"}
        exec(import_module("archdsl.emit.generate").generate(graph), scope)
        module = scope[graph.name]()
        samples = [torch.randn(2, *given.shape.dims) for given in graph.inputs]
        for training in (True, False):
            found = module.train(training)(*samples)
            for value, output in zip(found if len(graph.outputs) > 1 else (found,), graph.outputs, strict=True):
                if training or not output.when_training:
                    assert tuple(value.shape) == (2, *output.shape.dims)
                else:
                    assert value is None
        assert sum(weight.numel() for weight in module.parameters()) == graph.params
        owners = {name.rpartition(".")[0] for name, _ in module.named_parameters()}
        assert owners == {dotted(node.path) for node in graph.nodes if node.params}


# Cases with errors for which no instruction helps.
WITHOUT_HELP: frozenset[str] = frozenset()


@pytest.mark.parametrize("case", [case for case in CASES if case.with_name("problems.txt").exists()], ids=_name)
def test_every_error_says_what_to_do(case: Path) -> None:
    messages = re.split(r"(?m)^(?=(?:error|warning)\[)", case.with_name("problems.txt").read_text(encoding="utf-8"))
    without = [message for message in messages if message.startswith("error") and " = help: " not in message]
    assert bool(without) == (_name(case) in WITHOUT_HELP), "\n".join(without)


def test_every_file_belongs_to_a_case(*, regen: bool) -> None:
    owned = {case.with_name(name) for case in CASES for name in ("case.arch", *OUTPUTS)}
    owned |= {file for case in CASES for pattern in ("*.arch", "*.place.json") for file in case.parent.rglob(pattern)}
    stray = [path for path in sorted(GOLDEN.rglob("*")) if path.is_file() and path not in owned]
    if regen:
        for path in stray:
            path.unlink()
        return
    assert not stray, "no case owns these; `pytest --regen` deletes them"


def test_every_topic_is_known_and_has_cases() -> None:
    assert {_topic(case) for case in CASES} == TOPICS


def test_a_difference_fails_with_the_command_that_accepts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_golden.GOLDEN", tmp_path)
    case = tmp_path / "names" / "somebody_changes_a_word" / "case.arch"
    case.parent.mkdir(parents=True)
    case.write_text("model A {\n  input x: 4\n  rellu\n}\n")
    test_a_case_gives_what_is_kept(case, regen=True)
    test_a_case_gives_what_is_kept(case, regen=False)
    kept = case.with_name("problems.txt")
    kept.write_text(kept.read_text().replace("relu", "gelu"))
    with pytest.raises(pytest.fail.Exception) as failure:
        test_a_case_gives_what_is_kept(case, regen=False)
    message = str(failure.value)
    assert "gelu" in message and "+  = help: did you mean `relu`?" in message
    assert message.endswith("--regen -k 'names/somebody_changes_a_word'")
