"""What generated modules bring along: each definition is clean by the field's tools, also where no net uses it."""

import re
from pathlib import Path

import torch
from operator_code import EXAMPLES, constructor, namespace, node_of
from tools import MYPY, RUFF_CHECK, RUFF_FORMAT, assert_passes

from archdsl.base.pyprint import flat
from archdsl.base.resources import names, resource
from archdsl.emit.support import NUMBERS, PIPELINE, PLACING, TOWERS
from archdsl.ops import all_ops
from archdsl.ops.linear import GroupedLinear
from archdsl.passes.per_tower import PerTower
from archdsl.passes.transfers import Exchange, Move

FILES = names("templates/support", ".py")


def text_of(name: str) -> str:
    return resource("templates", f"support/{name}.py").read_text(encoding="utf-8")


def test_every_definition_passes_ruff(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / f"{name}.py").write_text(text_of(name))
    assert_passes(tmp_path, *RUFF_FORMAT, ".")
    # A definition may call another one, which the generated module has too.
    assert_passes(tmp_path, *RUFF_CHECK, "--ignore", "F821", ".")


def test_all_definitions_together_pass_mypy(tmp_path: Path) -> None:
    written = (*all_ops(), Move, PerTower, GroupedLinear, Exchange)
    of_operators = [name for op in written for name in op.support]
    ordered = dict.fromkeys([*of_operators, *NUMBERS, *PLACING, *PIPELINE, *TOWERS, "fused_state"])
    assert set(ordered) == set(FILES)
    (tmp_path / "together.py").write_text("\n\n".join(map(text_of, ordered)))
    assert_passes(tmp_path, *MYPY, "together.py")


def test_a_definition_stands_alone_in_its_file_and_says_what_it_is() -> None:
    for name in FILES:
        assert re.findall(r"^(?:class|def) ([^_]\w+)", text_of(name), re.MULTILINE) == [name]
        assert '"""' in text_of(name)


def test_a_surrounding_device_holds_for_all_tensors_of_a_module() -> None:
    """`with torch.device(…):` is PyTorch's other way to say where a module is constructed."""
    for op, example in (param.values for param in EXAMPLES):
        call = constructor(node_of(example).emission)
        if call is None:
            continue
        with torch.device("meta"):
            module = eval(flat(call), namespace(op))
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        assert {name for name, tensor in tensors.items() if tensor.device.type != "meta"} == set(), example.call
