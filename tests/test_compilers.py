"""PyTorch's compilers take every generated module: TorchScript, `torch.export` for any batch, `torch.compile`."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from built import NAMES, module, net, sample
from torch import Tensor, nn

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.ir.graph import CheckedGraph
from archdsl.ops import all_ops
from archdsl.ops.base import Merge

# Ten nets with small inputs or few layers; together they have most forms of generated code.
SCRIPTED = {
    "alexnet_2012", "char_lstm", "dcgan_generator", "fcn_8s", "gpt2", "lenet5_1998", "nin", "squeezenet1_0",
    "squeezenet1_1", "zfnet",
}  # fmt: skip
# Exporting and compiling begin with imports that take seconds.
EXPORTED = {"lenet5_1998"}
COMPILED = {"lenet5_1998"}
OPERATORS = [op for op in all_ops() if not issubclass(op, Merge)]


def of_gallery(few: set[str]) -> Any:
    """Return a mark that tests every net of the gallery; tests of all but a few are long."""
    names = [pytest.param(name, marks=() if name in few else pytest.mark.long) for name in NAMES]
    return pytest.mark.parametrize("name", names)


def as_tuple(result: Any) -> tuple[Tensor, ...]:
    return tuple(part for part in (result if isinstance(result, tuple) else (result,)) if part is not None)


def assert_equal(made: Any, net: nn.Module, samples: list[Tensor]) -> None:
    """Run what a compiler made and the module with the same random numbers, and compare the results."""
    results = []
    for each in (made, net):
        torch.manual_seed(0)
        with torch.no_grad():
            results.append(as_tuple(each(*(given.clone() for given in samples))))
    for found, expected in zip(*results, strict=True):
        assert found.shape == expected.shape
        if not found.is_meta:
            torch.testing.assert_close(found, expected, equal_nan=True)


def script(net: nn.Module, samples: list[Tensor]) -> None:
    with torch.jit.optimized_execution(should_optimize=False):  # type: ignore[no-untyped-call]
        for training in (True, False):
            assert_equal(torch.jit.script(net.train(training)), net, samples)


def export(net: nn.Module, samples: list[Tensor]) -> None:
    """Export a module with a batch of any size, and run it with other sizes."""
    batch = torch.export.Dim("batch", min=1, max=1024)
    exported = torch.export.export(net.eval(), tuple(samples), dynamic_shapes=tuple({0: batch} for _ in samples))
    for size in (1, 3):
        others = [torch.cat([given, given])[:size] for given in samples]
        assert_equal(exported.module(), net, others)


def compile_whole(net: nn.Module, samples: list[Tensor], modes: tuple[bool, ...] = (True, False)) -> None:
    """Compile a module into one graph, in training and in evaluation."""
    # PyTorch compiles recurrent layers only with this setting.
    with torch._dynamo.config.patch(allow_rnn=True):
        for training in modes:
            torch.compiler.reset()
            net.train(training)
            assert_equal(torch.compile(net, fullgraph=True, backend="eager"), net, samples)


@of_gallery(SCRIPTED)
def test_torchscript_takes_a_net(name: str) -> None:
    graph = net(name)
    script(module(graph, "meta"), sample(graph, 2, "meta"))


@of_gallery(EXPORTED)
def test_a_net_is_exported_for_any_batch(name: str) -> None:
    graph = net(name)
    export(module(graph, "meta"), sample(graph, 2, "meta"))


@of_gallery(COMPILED)
def test_a_net_compiles_into_one_graph(name: str) -> None:
    graph = net(name)
    compile_whole(module(graph, "meta"), sample(graph, 2, "meta"))


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_compiled_nets_compute_the_same(name: str) -> None:
    graph = net(name)
    made, samples = module(graph).eval(), sample(graph, 2)
    with torch.jit.optimized_execution(should_optimize=False):  # type: ignore[no-untyped-call]
        assert_equal(torch.jit.script(made), made, samples)
    compile_whole(made, samples, (False,))
    assert_equal(torch.export.export(made, tuple(samples)).module(), made, samples)


def nets_of(op: type[Any]) -> Iterator[CheckedGraph]:
    """Yield nets with one step: each example of an operator without a label, with a label, and in a list."""
    for example in op.examples:
        dims = ", ".join(str(int(size)) for size in example.input.dims)
        for form in (example.call, f"s: {example.call}", f"s: [{example.call}]"):
            text = f"model Net {{\n input x: [{dims}]\n {form}\n}}\n"
            compiled = compile_source(Source("net.arch", text))
            assert compiled.ok, compiled.diagnostics
            yield compiled.models[0]


@pytest.mark.long
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPERATORS])
def test_compilers_take_every_operator(op: type[Any]) -> None:
    for graph in nets_of(op):
        for check in (script, export, compile_whole):
            check(module(graph), sample(graph, 2))


SUPPORT = """model Support {
  input x: 4x9x9
  conv(4, 3, 2, padding = tf_same) -> channel_layernorm -> drop_path(0.1) -> lrn(3, k = 2) -> threshold(0, 0)
  s: [conv(4, 3, padding = tf_same) -> channel_layernorm -> drop_path(0.1) -> threshold(0, 0)]
  upsample(2) -> subsample(2) -> conv(2, 3, connect = [[0, 1], [2, 3]]) -> flatten -> reshape(6x3)
  class_token -> attention(3, kv_heads = 1) -> lstm(4, projection = 2, bidirectional = true) -> rnn(4) -> gru(3)
  rnn(4, nonlinearity = relu, last = true)
}
"""


def test_torchscript_takes_what_pytorch_lacks() -> None:
    graph = compile_source(Source("support.arch", SUPPORT)).models[0]
    script(module(graph), sample(graph, 2))


def test_a_class_token_is_exported_for_any_batch() -> None:
    text = "model Token {\n  input x: 4x3\n  token: class_token -> drop_path -> out: linear(2)\n}\n"
    graph = compile_source(Source("token.arch", text)).models[0]
    export(module(graph), sample(graph, 2))


LISTS = """model Lists(c = 4) {
  input image: 3x8x8
  first: conv(c, 1)
  list: [conv(c, 1) -> add { identity; @first } -> relu -> [conv(c, 1) -> residual { conv(c, 1) -> drop_path(0.2) }]]
  l: conv(c, 1) -> other: [conv(c, 1) -> mul { identity; @l }]
  output side: @other -> upsample(2) -> conv(2, 1) when training
  out: conv(2, 1)
}
"""


def test_torchscript_takes_lists_that_are_no_sequence() -> None:
    graph = compile_source(Source("lists.arch", LISTS)).models[0]
    made = module(graph)
    assert isinstance(made.get_submodule("list"), nn.ModuleList)
    assert not any(isinstance(each, nn.Sequential) and type(each) is not nn.Sequential for each in made.modules())
    assert "list.3.1.weight" in made.state_dict()
    script(made, sample(graph, 2))
