"""Awkward names in every role that the language has for names, and the judgement of a net that uses one."""

import builtins
import copy
import keyword
import pickle
from functools import cache
from pathlib import Path

import torch
from torch import nn

from archdsl.base.source import Source
from archdsl.driver import compile_source
from archdsl.emit.generate import generate
from archdsl.target.reserved import support_names
from archdsl.verify.module import load_module, sample, verify

START, END = "input image: 3x8x8", "flatten -> fc: linear(2)"


def net(body: str, before: str = "") -> str:
    """Return a net with these steps between its input and its classifier."""
    return f"{before}\nmodel Net {{ {START}; {body}; {END} }}"


ROLES = {
    "label of an operator": net("NAME: conv(4, 3) -> relu -> c2: conv(4, 3)"),
    "label of a stateless step": net("c: conv(4, 3) -> NAME: relu -> c2: conv(4, 3)"),
    "label of a referred step": net(
        "NAME: relu -> c: conv(3, 3, padding = 1) -> add { identity; @NAME } -> relu; add { @NAME; identity }"
    ),
    "label of a merge": net("NAME: add { a: conv(4, 3); b: conv(4, 3) } -> c: conv(4, 1) -> add { identity; @NAME }"),
    "label of braces": net("NAME: { c: conv(4, 3); d: conv(4, 3) -> relu }"),
    "label in braces": net("s: { NAME: conv(4, 3); d: conv(4, 3) -> relu }"),
    "label of a list": net("NAME: [ conv(4, 3); conv(4, 3) -> relu ]"),
    "label of a list in braces": net("s: { NAME: [ conv(4, 3); conv(4, 3) -> relu ] }"),
    "label of a block": net("NAME: B(4)", "block B(c) = conv: conv(c, 3) -> relu"),
    "label in a block": net("b: B(4)", "block B(c) = NAME: conv(c, 3) -> relu"),
    "label in a residual block": net(
        "b: B(4); b2: B(4)",
        "block B(c) { residual { NAME: conv(c, 3, padding = 1) -> relu } project { NAME_p: conv(c, 1) } }",
    ),
    "label in project": net(
        "b: B(4); b2: B(4)",
        "block B(c) { residual { a: conv(c, 3, padding = 1) -> relu } project { NAME: conv(c, 1) } }",
    ),
    "range label": net("NAME{1..2}: conv(4, 3)"),
    "computed label": net('a{"NAME"}: conv(4, 3)'),
    "wholly computed label": net('for n in ["NAME"] { p{n}: conv(4, 3) }'),
    "name of the model": "model NAME { input image: 3x8x8; c: conv(4, 3); flatten -> fc: linear(2) }",
    "name of the model, two outputs": f"model NAME {{ {START}; c: conv(4, 3); output o: relu; {END} }}",
    "name of a block": net("a: NAME(4); b: NAME(5)", "block NAME(c) = conv: conv(c, 3) -> relu"),
    "name of a macro": net("a: [ NAME(4); NAME(5) ]", "macro NAME(c) = conv(c, 3) -> relu"),
    "name of an unlabelled block": net("NAME(4); NAME(5)", "block NAME(c) = conv: conv(c, 3) -> relu"),
    "parameter of the model": f"model Net(NAME = 4) {{ {START}; c: conv(NAME, 3) -> d: conv(2 * NAME, 1); {END} }}",
    "structural parameter": f"model Net(NAME = 4) {{ {START}; c: [conv(3, 3, padding = 1) * NAME]; {END} }}",
    "float parameter": f"model Net(NAME = 0.4) {{ {START}; c: conv(3, 3) -> drop: dropout(NAME); {END} }}",
    "parameter of a block": net(
        "a: B(4); b: B(5)", "block B(NAME) = conv: conv(NAME, 3) -> relu -> conv2: conv(NAME * 2, 1)"
    ),
    "tensor parameter": net(
        "a: relu -> b: B(@a) -> c: B(@a)",
        "block B(NAME) = conv: conv(3, 3, padding = 1) -> add { identity; NAME } -> relu -> add { identity; NAME }",
    ),
    "block parameter": net(
        "a: B(C, 4); b: B(C, 5)", "block B(NAME, c) = conv: NAME(c) -> relu\nblock C(c) = k: conv(c, 3)"
    ),
    "input": "model Net { input NAME: 3x8x8; c: conv(3, 3, padding = 1) -> add { identity; "
    f"@NAME }} -> relu -> add {{ identity; @NAME }}; {END} }}",
    "second input": net(
        "input NAME: 3x8x8; c: conv(3, 3, padding = 1) -> add { identity; @NAME } -> relu -> add { identity; @NAME }"
    ),
    "output": net("c: conv(3, 3, padding = 1); output NAME: relu"),
    "output of a reference": net("c: conv(3, 3, padding = 1); output NAME: @c; output other: conv(2, 1)"),
    "output when training": net("c: conv(3, 3, padding = 1); output NAME: conv(2, 1) when training"),
    "device": f"model Net {{ devices NAME, other; {START}; on NAME {{ c: conv(3, 3, padding = 1) }}; "
    f"on other {{ {END} }} }}",
    "group": net("group NAME{0..1} { c: conv(3, 3, padding = 1) } -> concat"),
    "label in a group": net("group t{0..1} { NAME: conv(3, 3, padding = 1) -> exchange -> d: conv(2, 1) } -> concat"),
    "name of a for": net("for NAME in [4, 5] { c{NAME}: conv(NAME, 3) }"),
    "name of a size": "model Net { input image: [3, NAME = 8, 8]; c: conv(4, 3, padding = 1) :: [4, NAME, 8]; "
    "flatten -> fc: linear(NAME) }",
    "shared label": net("NAME: conv(3, 3, padding = 1) -> relu -> share @NAME -> relu -> share @NAME"),
    "parameter of a model and a block": "block B(NAME = 3) = conv: conv(NAME, 3) -> relu\n"
    f"model Net(NAME = 4) {{ {START}; a: B(NAME); b: B(2 * NAME); {END} }}",
}
PRIVATE = {"_", "__", "___", "_x", "__x", "_modules", "_parameters", "_buffers", "__init__", "__class__", "__dict__"}
USUAL = frozenset(
    """
    x y z x1 x2 x_1 out output outputs output_ result results cls factory device devices dtype on image image_1 modules
    weight bias weights init init_ generator residual shortcut identity skip project projected stream branch tower lane
    part stage c c_1 c1 conv conv_1 conv2 d fc fc_1 relu relu_1 flatten add concat stack split group args kwargs
    kernel_size stride padding width height channels shape params macs Net Net2 B B2 NetOutput Net_output Output Module
    Sequential Linear Conv2d Identity Parameter SHAPES STAGES TOWERS FUSED CONSTANT Devices PipelineStage T T1 i j k n
    number index count item items key value size sizes samples sample batch target loss optimizer epoch train evaluate
    main os sys re typing collections functools partial deepcopy field dataclass t t0 t1 s s1 a a1 b reset_parameters
    backward hook training_ half tf_same same mean std normal_ xavier zeros ones eye empty tensor arange cat pad exp log
    functional parametrize utils optim distributed other gpu gpu0 cuda meta model block macro set input true none share
    exchange when l O I CamelCase UPPER_CASE mixed_Case9 self_ torch_ class_ for_ self super torch nn F Tensor math Any
    """.split()  # noqa: SIM905
)


@cache
def names() -> tuple[str, ...]:
    """Return awkward names: those of Python, of PyTorch's modules and of generated code, and very long ones."""
    found = {*keyword.kwlist, *keyword.softkwlist, *dir(nn.Module()), *nn.Module().__dict__, *dir(nn.Sequential())}
    found |= {*dir(nn.ModuleDict()), *dir(nn.ModuleList()), *dir(tuple), *dir(dict), *support_names(), *USUAL}
    found |= {name for name in dir(builtins) if not name.endswith(("Error", "Warning", "Exception"))}
    # Private names are all refused for the same reason: a few stand for them.
    found = {name for name in found if not name.startswith("_")} | PRIVATE
    return (*sorted(found), "n" * 300, "N" * 130)


def judged(role: str, name: str, folder: Path) -> str:
    """Return "refused", "ran", or what is wrong with the module of a net that has this name in this role."""
    compiled = compile_source(Source("net.arch", ROLES[role].replace("NAME", name) + "\n"), every=True)
    if not compiled.ok or not compiled.models:
        return (
            "refused"
            if all(each.primary.text or each.secondary or each.help for each in compiled.diagnostics)
            else "no reason"
        )
    graph = compiled.models[-1]
    file = folder / "net.py"
    file.write_text(generate(graph), encoding="utf-8")
    module = getattr(load_module(file), graph.name)().eval()
    with torch.no_grad():
        result = module(*[sample(graph, given) for given in graph.inputs])
    for value, output in zip(result if len(graph.outputs) > 1 else (result,), graph.outputs, strict=True):
        if (value is None) != output.when_training:
            return f"the output {output.name} is {value}"
        if value is not None and tuple(value.shape[1:]) != tuple(map(int, output.shape.dims)):
            return f"the output {output.name} is {tuple(value.shape)}"
        if len(graph.outputs) > 1 and getattr(result, output.name) is not value:
            return f"the output {output.name} has another name"
    assert repr(module)
    copied = copy.deepcopy(module).train().eval().float().to("cpu")
    copied.load_state_dict(pickle.loads(pickle.dumps(module.state_dict())))
    expected = {".".join(node.path) for node in graph.nodes if node.params and not node.weights}
    keys = {key.rpartition(".")[0] for key, _ in module.named_parameters()}
    if keys != expected:
        return f"keys of the state_dict are not the labels: {sorted(keys ^ expected)}"
    return next((str(found) for found in verify(graph, file).findings), "ran")
