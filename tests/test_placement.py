"""Nets on several devices, on a machine that has none of them."""

import ast
from collections.abc import Iterator, Sequence
from copy import deepcopy
from io import BytesIO
from pathlib import Path as File
from typing import Any

import pytest
import torch
from nets import NETS, graph_of
from placed import Misplaced, assert_placed, class_of, watched
from programs import draw
from test_torch import as_tuple, on_devices, samples_of
from torch import Tensor, nn

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.emit.dataflow import Dataflow
from archdsl.emit.generate import generate
from archdsl.emit.plan import plan
from archdsl.emit.support import PLACING
from archdsl.ir.graph import CheckedGraph, Path
from archdsl.ir.order import in_order
from archdsl.passes.invariants import assert_valid
from archdsl.passes.lowering import lowered
from archdsl.passes.transfers import is_move
from archdsl.verify.module import statements

ROOT = File(__file__).parent.parent
# Nets as they are declared, and with devices that `place` chooses.
CASES = ["alexnet_2012", "resnet18 on 3", "alexnet_2012 on 3", "googlenet on 3"]


@pytest.fixture
def graph(request: pytest.FixtureRequest) -> CheckedGraph:
    return on_devices(str(request.param))


@pytest.mark.parametrize("graph", CASES, indirect=True)
def test_every_step_runs_where_the_graph_says(graph: CheckedGraph) -> None:
    assert_valid(lowered(graph))
    assert_placed(graph, generate(graph))


def without_each_move(graph: CheckedGraph, text: str) -> Iterator[tuple[Path, str]]:
    """Yield each move that is written, as its class calls it, and the module without it."""
    lines = text.splitlines(keepends=True)
    for line, made in statements(text, plan(lowered(graph))):
        assert isinstance(line, ast.Assign | ast.AnnAssign | ast.AugAssign)
        call = line.value
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "move":
            indent = " " * line.col_offset
            target = line.targets[0] if isinstance(line, ast.Assign) else line.target
            plain = f"{indent}{ast.unparse(target)} = {ast.unparse(call.args[0])}\n"
            blank = ["\n"] * ((line.end_lineno or line.lineno) - line.lineno)
            yield made.path, "".join([*lines[: line.lineno - 1], plain, *blank, *lines[line.end_lineno :]])


def assert_each_move_is_needed(graph: CheckedGraph) -> int:
    """Hold that a module without one of its moves fails, and where: in a step that reads what is not moved."""
    low, count = lowered(graph), 0
    flow = Dataflow(low)
    for path, mutant in without_each_move(graph, generate(graph)):
        moved = {node.path for node in low.nodes if is_move(node) and node.path[-len(path) :] == path}
        # What is shared may find what it reads on its device wherever it is used.
        if all(_where(flow, flow.nodes[move].sources[0]) == flow.nodes[move].device for move in moved):
            continue
        for node in in_order(low.nodes):
            if flow.passed_on(node) in moved:
                moved.add(node.path)
        readers = [node.path for node in low.nodes if moved & {*node.sources}]
        with pytest.raises(Misplaced) as caught:
            watched(graph, mutant)
        step = caught.value.step
        assert step is not None
        assert any(reader[: len(step)] == step for reader in readers), caught.value
        count += 1
    return count


def _where(flow: Dataflow, value: Path) -> str | None:
    return flow.nodes[value].device if value in flow.nodes else None


@pytest.mark.parametrize("graph", CASES[:3], indirect=True)
def test_each_move_that_is_left_out_is_found(graph: CheckedGraph) -> None:
    assert assert_each_move_is_needed(graph) == sum(map(is_move, lowered(graph).nodes))


def placed_programs(count: int, seed: int) -> Iterator[tuple[CheckedGraph, str]]:
    """Yield random models on two devices with their modules."""
    while count:
        program = draw(seed)
        seed += 1
        # Tables of connections are read when a module is made, which fake tensors cannot be.
        if "devices" in program.forms and "connect" not in program.text and "rbf" not in program.text:
            for graph in compile_source(Source("random.arch", program.text)).models[-1:]:
                count -= 1
                yield graph, generate(graph)


def test_every_step_of_random_programs_runs_where_the_graph_says() -> None:
    copies = 0
    for graph, text in placed_programs(30, 1):
        assert_valid(lowered(graph))
        copies += len(assert_placed(graph, text).forward)
    assert copies > 50


# The tower net of the other tests, small enough to be trained here.
SMALL_TOWERS = graph_of(NETS["towers"])


def test_random_programs_give_the_same_on_one_device_or_several() -> None:
    programs = [*placed_programs(40, 500)]
    assert len(programs) > 20
    for graph, text in programs:
        assert_same_on_any_devices(graph, class_of(text, graph.name))


def test_small_towers_give_the_same_on_one_device_or_several() -> None:
    assert SMALL_TOWERS.graph.devices == ("gpu0", "gpu1")
    assert_same_on_any_devices(SMALL_TOWERS, class_of(generate(SMALL_TOWERS), "Towers"))


def assert_same_on_any_devices(graph: CheckedGraph, made: Any) -> None:
    """Hold that results, gradients and buffers are the same bit for bit, however a module is placed or copied."""
    first = made()
    state = deepcopy(first.state_dict())
    samples = samples_of(graph, 2)
    expected = trained(first, samples)
    mapping = {name: f"cpu:{number}" for number, name in enumerate(graph.devices)}
    for devices in ("cpu", "auto", ["cpu"], ["cpu:0", "cpu:1"], mapping):
        net = made(devices=devices)
        net.load_state_dict(state)
        for each in (deepcopy(net), deepcopy(net).to("cpu"), pickled(net)):
            assert_equal(trained(each, samples), expected)
    if not {name for name, _ in first.named_buffers()} <= state.keys():
        return  # a fixed table, which is not saved: a net that was made on `meta` does not get it back
    with torch.device("meta"):
        net = made()
    net.to_empty(device="cpu").load_state_dict(state)
    assert_equal(trained(net, samples), expected)


def pickled(net: nn.Module) -> Any:
    """Return a net as a file would give it back."""
    with BytesIO() as file:
        torch.save(net.state_dict(), file)
        file.seek(0)
        copy = deepcopy(net)
        copy.load_state_dict(torch.load(file))
    return copy


def trained(net: nn.Module, samples: list[Tensor]) -> list[Tensor]:
    """Return the results of a net in training, its gradients and its buffers."""
    torch.manual_seed(0)
    results = as_tuple(net(*samples))
    losses = [part.square().sum() for part in results if part.requires_grad]
    if losses:
        torch.stack(losses).sum().backward()
    return [*results, *(weight.grad for weight in net.parameters() if weight.grad is not None), *net.buffers()]


def assert_equal(found: list[Tensor], expected: list[Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())


def spread(devices: Any, names: Sequence[str]) -> list[str]:
    """Return what a generated module makes of its `devices`."""
    found: dict[str, Any] = {}
    for name in PLACING:
        exec((ROOT / "templates" / "support" / f"{name}.py").read_text(), found)
    return [str(each["device"]) for each in found["factories"](devices, names, None).values()]


def test_devices_are_given_in_many_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("gpu0", "gpu1", "gpu2", "gpu3", "gpu4")
    assert spread(None, names) == ["None"] * 5
    assert spread("auto", names) == ["cpu"] * 5
    assert spread(["cpu:0", "cpu:1"], names) == ["cpu:0"] * 3 + ["cpu:1"] * 2
    assert spread([f"cpu:{n}" for n in range(8)], names) == [f"cpu:{n}" for n in range(5)]
    assert spread({name: "meta" for name in names}, names) == ["meta"] * 5
    for wrong in ({"gpu0": "cpu"}, {name: "cpu" for name in (*names, "gpu5")}, []):
        with pytest.raises(ValueError, match=r"devices?\b"):
            spread(wrong, names)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    for chosen in ("auto", "cuda"):
        assert spread(chosen, names) == ["cuda:0"] * 3 + ["cuda:1"] * 2
    assert spread("cuda:1", names) == ["cuda:1"] * 5
    assert spread("cpu", names) == ["cpu"] * 5
