"""The gallery is what others publish: the same weights, counts and results."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from built import NAMES
from click.testing import CliRunner

from archdsl.base.source import Source
from archdsl.cli.main import cli
from archdsl.driver import compile_source
from archdsl.gallery.entries import entries, graphs
from archdsl.ir.graph import CheckedGraph
from archdsl.python.api import module_class
from archdsl.syntax.loader import gallery_models, locate, read
from archdsl.verify.published import Comparison, compare
from archdsl.verify.references import condensed, references

ROOT = Path(__file__).parent.parent
KNOWN = references()
# A light net of each family of torchvision.
LIGHT = {
    "alexnet", "densenet121", "googlenet", "mobilenet_v2", "resnet18", "resnet50", "resnext50_32x4d", "squeezenet1_0",
    "squeezenet1_1", "vgg11",
}  # fmt: skip
FULL = next((p / "shared/references/torchvision" for p in ROOT.parents if (p / "shared/references").is_dir()), None)


def net(name: str) -> CheckedGraph:
    return graphs([name])[name]


def changed(name: str, *changes: tuple[str, str]) -> Comparison:
    """Return what a net with a change in its text is found to be."""
    text = read(name).text
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    found = compile_source(Source("changed.arch", text), every=True).models
    return compare(next(graph for graph in found if graph.name.lower() == name), KNOWN[name])


def wrong(comparison: Comparison) -> set[str]:
    return {each.name for each in comparison.properties if not each.ok}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in LIGHT else pytest.mark.long) for name in KNOWN]
)
def test_a_net_is_equal_to_the_published_model(name: str) -> None:
    comparison = compare(net(name), KNOWN[name])
    assert wrong(comparison) == set(), comparison


def test_the_light_nets_are_published() -> None:
    assert KNOWN.keys() >= LIGHT


def test_there_are_as_many_published_models_as_there_were() -> None:
    assert len(KNOWN) >= 23
    assert set(KNOWN) <= {entry.name for entry in entries()}
    assert list(KNOWN["googlenet"].outputs) == ["eval", "train_bn_eval", "train"]
    assert [output.name for output in KNOWN["inception_v3"].outputs["train"]] == ["output", "aux_logits"]


def test_names_that_are_collected_are_those_of_the_gallery() -> None:
    assert [entry.name for entry in sorted(entries(), key=lambda entry: entry.name)] == NAMES


def test_what_differs_is_found() -> None:
    name = "squeezenet1_1"
    assert wrong(changed(name)) == set()
    assert wrong(changed(name, ("maxpool", "avgpool"))) == {"Outputs"}
    assert wrong(changed(name, ("[dropout ->", "[dropout(0.4) ->"))) == {"Dropouts"}
    assert wrong(changed(name, ("expand1x1:", "narrow:"))) == {"Keys", "Order", "Shapes", "Outputs"}
    swapped = changed(
        name,
        ("    expand1x1: conv(expand, 1) -> relu\n", ""),
        ("padding = 1) -> relu\n  }", "padding = 1) -> relu\n    expand1x1: conv(expand, 1) -> relu\n  }"),
    )
    assert wrong(swapped) == {"Order", "Outputs"}


def test_constants_of_a_normalisation_are_compared() -> None:
    name, before = "resnet18", "set conv(bias = false, padding = half)"
    assert wrong(changed(name, (before, f"{before}, batchnorm(momentum = 0.01)"))) == {"Norms"}
    assert wrong(changed(name, (before, f"{before}, batchnorm(eps = 0.001)"))) == {"Norms", "Outputs"}


def test_counts_are_compared() -> None:
    one = replace(KNOWN["squeezenet1_1"], params=1, macs=2)
    shown = {each.name: each.shown for each in compare(net(one.name), one).properties}
    assert shown["Parameters"] == "1,235,496, not 1"
    assert shown["MACs"] == "349,151,936, not 2"


def test_the_command_says_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "squeezenet1_1"
    run = CliRunner().invoke(cli, ["gallery", "--verify", "--json", name])
    assert run.exit_code == 0, run.output
    (found,) = json.loads(run.stdout)
    assert (found["name"], found["source"], found["ok"]) == (name, "torchvision 0.28.0", True)
    other = {name: replace(KNOWN[name], buffers=7)}
    monkeypatch.setattr("archdsl.verify.references.references", lambda: other)
    run = CliRunner().invoke(cli, ["gallery", "--verify"])
    assert run.exit_code == 1
    assert "differs from torchvision 0.28.0" in run.stdout
    assert CliRunner().invoke(cli, ["gallery", "--verify", "lenet5"]).exit_code == 2


def test_every_name_can_be_built_as_it_is() -> None:
    for name, (family, model) in gallery_models().items():
        found = locate(name)
        assert (found.source.name, found.model) == (f"{family}.arch", model)
        graph = compile_source(found.source, model=found.model).models[0]
        assert graph.name.lower() == name
    assert "visiontransformer" not in gallery_models()
    assert {"vit_b_16", "resnet50", "alexnet_2012"} <= gallery_models().keys()


def test_the_list_needs_no_torch() -> None:
    code = "import sys\nfrom archdsl.cli.main import cli\ntry:\n  cli(['gallery', '--json', 'vgg16'])\n"
    code += "finally:\n  assert 'torch' not in sys.modules\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (found,) = json.loads(done.stdout)
    assert found["paper"]["authors"] == "Simonyan, Zisserman"
    assert found["paper"]["year"] == 2015
    assert found["parameters"] == 138_357_544
    run = CliRunner().invoke(cli, ["gallery", "vgg16", "alexnett"])
    assert run.exit_code == 2
    assert "did you mean `alexnet`" in run.output
    run = CliRunner().invoke(cli, ["gallery", "squeezenet"])
    assert "squeezenet1_0" in run.output
    assert "1,235,496" in run.output


@pytest.mark.skipif(FULL is None, reason="the full descriptions are not in this checkout")
def test_what_is_kept_is_what_the_full_descriptions_say() -> None:
    assert FULL
    kept = ROOT / "architectures" / "references" / "torchvision.json"
    assert kept.read_text(encoding="utf-8") == condensed(sorted(FULL.glob("*.json")))


@pytest.mark.parametrize("name", KNOWN if FULL else [])
def test_every_layer_gives_the_published_shape(name: str) -> None:
    assert FULL
    full = json.loads((FULL / f"{name}.json").read_text())
    made = module_class(net(name))(device="meta").eval()
    state = [
        [key, list(tensor.shape), str(tensor.dtype).removeprefix("torch.")] for key, tensor in made.state_dict().items()
    ]
    assert state == full["state_dict"]
    seen: list[list[Any]] = []
    for path, module in made.named_modules():
        kind = type(module).__name__
        if not list(module.children()):
            module.register_forward_hook(lambda _, __, out, at=(path, kind): seen.append([*at, list(out.shape)]))
    made(torch.empty(1, *full["input_shape"], device="meta"))
    ours = {path for path, _, _ in seen}
    published = [layer for layer in full["layers"] if layer[0] in ours]
    assert [layer for layer in seen if layer[0] in {path for path, _, _ in full["layers"]}] == published
    weighty = {key.rsplit(".", 1)[0] for key, _, _ in full["state_dict"]}
    assert {path for path, _, _ in full["layers"]} & weighty <= ours
