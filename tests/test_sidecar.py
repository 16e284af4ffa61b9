"""A placement in a file beside the net: what it puts where, and when it is refused."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from nets import NETS, graph_of
from placed import assert_placed
from test_torch import samples_of
from torch import nn

from archdsl.cli.main import cli
from archdsl.emit.generate import generate
from archdsl.ir.graph import CheckedGraph, dotted
from archdsl.passes.assign import placed
from archdsl.passes.invariants import assert_valid
from archdsl.passes.lowering import lowered
from archdsl.place import Machine, NoPlacement, Placement, place
from archdsl.place.sidecar import applied, read, written
from archdsl.python.api import compile, load, module_class
from archdsl.verify.fingerprint import value

MIXED = """model Mixed(n = 8) {
  devices a, b
  input x: 4x16x16
  stem: conv(n, 3, padding = half) -> relu
  group side{0..1} on {a, b} { c: conv(n, 3, padding = half) -> exchange -> d: conv(n, 1) } -> add
  on b { late: conv(n, 3, padding = half) }
  tail: [(conv(n, 3, padding = half) -> batchnorm -> relu) * 4 -> flatten -> linear(10)]
}
"""
MIXED = (
    MIXED.replace("on {a, b}", "on gpu{0..1}").replace("devices a, b", "devices gpu0, gpu1").replace("on b", "on gpu1")
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def best(graph: CheckedGraph, count: int) -> Placement:
    """Return the best placement for links so fast that small nets are worth being cut."""
    return place(graph, count, batch=2, machine=Machine(link=1e14))


def on_devices(graph: CheckedGraph, count: int) -> CheckedGraph:
    """Return a net on so many devices, by way of the text of its placement."""
    return applied(graph, read(written(graph, best(graph, count))))


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("name", ["resnet18", "googlenet"])
def test_a_placed_net_computes_what_it_did_bit_for_bit(name: str, count: int) -> None:
    graph = compile(name).models[-1]
    after = on_devices(graph, count)
    assert len(after.graph.devices) == count
    samples = samples_of(graph, 1)
    first, second = filled(module_class(graph)()), filled(module_class(after)(devices=["cpu"] * count))
    assert list(first.state_dict()) == list(second.state_dict())
    assert torch.equal(result(first, samples), result(second, samples))


@torch.no_grad()
def filled(net: nn.Module) -> nn.Module:
    for key, tensor in net.state_dict().items():
        tensor.copy_(value(key, tensor))
    return net.eval()


@torch.no_grad()
def result(net: nn.Module, samples: list[torch.Tensor]) -> torch.Tensor:
    found = net(*samples)
    return found if isinstance(found, torch.Tensor) else found[0]


SMALL = [graph_of(NETS[name]) for name in ("sequence", "padded", "targets", "line", "towers", "heads", "shared")]
SMALL.append(graph_of(MIXED))


@pytest.mark.parametrize("graph", [pytest.param(graph, id=graph.name) for graph in SMALL])
def test_every_step_of_a_placed_net_runs_where_it_was_put(graph: CheckedGraph) -> None:
    after = on_devices(graph, 3)
    assert len({node.device for node in after.nodes}) > 1
    assert_valid(lowered(after))
    assert assert_placed(after, generate(after)).forward


def test_chosen_devices_and_groups_stay_and_the_rest_is_placed() -> None:
    graph = graph_of(MIXED)
    after = on_devices(graph, 4)
    assert after.graph.devices[:2] == ("gpu0", "gpu1")
    where = {dotted(node.path): node.device for node in after.nodes}
    for node in graph.nodes:
        assert node.device in (None, where[dotted(node.path)])
    assert where["stem"] == "gpu0"
    tail = [device for step, device in where.items() if step.startswith("tail")]
    assert tail == sorted(tail, key=after.graph.devices.index)
    assert {*tail} == {"device2", "device3"}


def test_commands_read_a_placement(tmp_path: Path) -> None:
    sidecar, module = str(tmp_path / "net.place.json"), tmp_path / "net.py"
    assert run("place", "resnet18", "--devices", "3", "-o", sidecar).exit_code == 0
    built = run("build", "resnet18", "--placement", sidecar, "-o", str(module), "--verify")
    assert built.exit_code == 0, built.stderr
    assert 'factories(devices, ("device0", "device1", "device2"), dtype)' in module.read_text()
    checked = run("check", "resnet", "--placement", sidecar)
    assert checked.exit_code == 0
    assert checked.output.count("device0 -> device1") == checked.output.count("bytes  device0") > 0
    report = run("place", "resnet18", "--placement", sidecar, "--json")
    text = json.loads(Path(sidecar).read_text())
    assert json.loads(report.output).items() <= text.items()
    net = load("resnet18", placement=sidecar, devices=["cpu"])
    assert sum(weight.numel() for weight in net.parameters()) == 11_689_512


def test_a_placement_is_drawn(tmp_path: Path) -> None:
    sidecar, drawings = str(tmp_path / "net.place.json"), [tmp_path / "one.dot", tmp_path / "two.dot"]
    assert run("place", "resnet18", "--devices", "2", "-o", sidecar, "--draw", str(drawings[0])).exit_code == 0
    assert run("draw", "resnet18", "--placement", sidecar, "-o", str(drawings[1])).exit_code == 0
    assert drawings[0].read_text() == drawings[1].read_text()
    assert "must end in" in run("place", "resnet18", "--devices", "2", "--draw", "net.bmp").stderr


def test_a_placement_of_another_net_is_refused(tmp_path: Path) -> None:
    net, sidecar = tmp_path / "net.arch", str(tmp_path / "net.place.json")
    net.write_text(MIXED)
    assert run("place", str(net), "--devices", "3", "-o", sidecar).exit_code == 0
    assert run("check", str(net), "--placement", sidecar).exit_code == 0
    changes = {
        "model Mixed": ("model Other", "the placement is for Mixed"),
        "late: ": ("later: ", "since the net was placed, `later` is new"),
        "n = 8": ("n = 16", "its shapes, connections or devices differ"),
        "on gpu1": ("on gpu0", "on gpu1, and the net puts it on gpu0"),
        "stem: conv(n, 3, padding = half) -> relu": ("stem: conv(n, 3, padding = half) -> tanh", "is new"),
    }
    for before, (after, words) in changes.items():
        net.write_text(MIXED.replace(before, after))
        for command in (("check", str(net)), ("summary", str(net)), ("build", str(net), "-o", str(tmp_path / "x.py"))):
            found = run(*command, "--placement", sidecar)
            assert found.exit_code == 1
            assert words in found.stderr
    assert not (tmp_path / "x.py").exists()
    as_json = json.loads(run("check", str(net), "--placement", sidecar, "--json").stdout)
    assert "E0608" in json.dumps(as_json)
    with pytest.raises(NoPlacement, match="is new") as caught:
        load(str(net), placement=sidecar)
    assert caught.value.help and "archdsl place" in caught.value.help
    net.write_text(MIXED + "# a comment, and a model more\nmodel Small { input x: 4; linear(2) }\n")
    assert run("check", str(net), "--placement", sidecar).exit_code == 0
    assert "the placement is for Mixed" in run("build", str(net), "--placement", sidecar).stderr


def test_what_is_no_placement_is_refused(tmp_path: Path) -> None:
    graph = graph_of(MIXED)
    good = json.loads(written(graph, best(graph, 3)))
    stage = good["stages"][0]
    for text, words in (
        ("model Net {", "Expecting value"),
        ("[]", "list indices"),
        (json.dumps(good | {"format": "other"}), "its format is 'other'"),
        (json.dumps({key: good[key] for key in good if key != "stages"}), "it has no 'stages'"),
        (json.dumps(good | {"stages": [stage | {"device": "a b"}]}), "'a b' cannot be the name of a device"),
        (json.dumps(good | {"stages": [stage, stage]}), f"`{stage['steps'][0]}` is in two stages"),
    ):
        with pytest.raises(NoPlacement, match=words.replace("[", r"\[")):
            applied(graph, read(text))
        (tmp_path / "bad.json").write_text(text)
        found = run("check", "lenet5", "--placement", str(tmp_path / "bad.json"))
        assert (found.exit_code, words in found.stderr) == (3, True)
    assert "no such file" in run("check", "lenet5", "--placement", str(tmp_path / "none.json")).stderr
    assert "leave out -o" in run("place", "lenet5", "--placement", "x.json", "-o", "y.json").stderr


def test_a_step_may_be_moved_by_hand() -> None:
    graph = graph_of(MIXED)
    data = json.loads(written(graph, best(graph, 3)))
    moved = data["stages"][2]["steps"].pop(-1)
    data["stages"].append({"device": "spare", "steps": [moved]})
    after = applied(graph, read(json.dumps(data)))
    assert after.graph.devices == ("gpu0", "gpu1", "device2", "spare")
    assert {dotted(node.path) for node in after.nodes if node.device == "spare"} == {moved}
    assert_placed(after, generate(after))
    data["stages"][0]["steps"].remove("side0.c")
    data["stages"][1]["steps"].append("side0.c")
    with pytest.raises(NoPlacement, match=r"puts `side0\.c` on gpu1, and the net puts it on gpu0"):
        applied(graph, read(json.dumps(data)))


def test_new_devices_have_names_that_the_net_has_not() -> None:
    text = "model Net { devices device1\n input x: 8\n on device1 { a: linear(64) }\n b: linear(64) -> c: linear(8) }"
    graph = graph_of(text.replace("{ devices", "{\n devices"))
    assert {*place(graph, 3).devices.values()} <= {"device1", "device2", "device3"}
    assert placed(graph, place(graph, 3).devices).graph.devices[0] == "device1"
