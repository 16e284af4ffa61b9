"""The house rules that a script can see."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archdsl.base.resources import names
from archdsl.emit.support import NUMBERS, PIPELINE, PLACING, TOWERS
from archdsl.ops import all_ops
from archdsl.ops.base import FAMILIES
from archdsl.ops.linear import GroupedLinear
from archdsl.passes.per_tower import PerTower
from archdsl.passes.transfers import Exchange, Move
from archdsl.target.reserved import MODULE_ATTRIBUTES, MODULE_GLOBALS, why_no_class, why_no_parameter

ROOT = Path(__file__).parent.parent
FILES = sorted(file for file in (ROOT / "archdsl").rglob("*.py") if file.name != "tables.py")
# Words that are operators and something else besides: families, functions of the language, attributes of `nn.Module`,
# a class of the SVG, an attribute of DOT, methods of PyTorch's tensors.
OTHER_MEANINGS = {*FAMILIES, "sum", "mean", "slice"}
OTHER_MEANINGS_IN = {
    "dot.py": {"conv", "pad"},
    "python.py": {"concat", "flatten", "identity", "permute", "reshape", "stack"},
}


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_files_and_functions_keep_their_size(file: Path) -> None:
    text = file.read_text()
    # The catalogue of diagnostics is prose.
    assert text.count("\n") <= 400 or file.name == "codes.py"
    for part in ast.walk(ast.parse(text)):
        if isinstance(part, ast.FunctionDef):
            assert part.end_lineno
            assert part.end_lineno - part.lineno < 50, part.name


# The reader of generated modules states the meaning of every operator once more, so that an error cannot be in both.
SPELLING = ("ops", "readback")


@pytest.mark.parametrize("file", [f for f in FILES if f.parent.name not in SPELLING], ids=relative)
def test_only_its_own_class_spells_an_operator(file: Path) -> None:
    operators = {op.name for op in all_ops()}
    strings = {
        part.value for part in ast.walk(ast.parse(file.read_text()))
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }  # fmt: skip
    assert not (strings & operators) - OTHER_MEANINGS - OTHER_MEANINGS_IN.get(file.name, set())


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_a_match_says_what_happens_to_all_other_values(file: Path) -> None:
    """Over a closed set of types the last case is `assert_never`, so that mypy finds the cases of a new type."""
    for part in ast.walk(ast.parse(file.read_text())):
        if isinstance(part, ast.Match):
            last = part.cases[-1]
            assert isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None, part.lineno
            assert last.guard is None, part.lineno


def test_imports_point_down() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(program)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_pipeline_imports_nothing_heavy() -> None:
    heavy = {"torch", "lark", "jinja2", "graphviz", "rich", "numpy", "click"}
    code = f"import sys, archdsl.driver, archdsl.syntax.loader; print(*({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_torch_is_imported_only_where_modules_run() -> None:
    importers = set()
    for file in FILES:
        for part in ast.walk(ast.parse(file.read_text())):
            modules = [alias.name for alias in part.names] if isinstance(part, ast.Import) else []
            modules += [part.module or ""] if isinstance(part, ast.ImportFrom) else []
            if any(module.split(".")[0] == "torch" for module in modules):
                importers.add(relative(file))
    python, verify = ("api", "weights"), ("fingerprint", "module", "parallel", "published")
    files = [*(f"python/{name}" for name in python), *(f"verify/{name}" for name in verify)]
    assert importers <= {f"archdsl/{name}.py" for name in files}


def test_no_label_can_hide_what_a_module_has() -> None:
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public <= MODULE_ATTRIBUTES


def test_names_of_the_generated_module_are_reserved() -> None:
    for name in (*names("templates/support", ".py"), *MODULE_GLOBALS):
        assert why_no_class(name, is_model=True)
        assert why_no_parameter(name)
    assert why_no_class("LeNet5", is_model=True) is None
    assert {"torch", "nn", "F", "Tensor"} <= MODULE_GLOBALS


def test_support_files_are_those_that_operators_name() -> None:
    written = (*all_ops(), Move, PerTower, GroupedLinear, Exchange)
    named = {name for op in written for name in op.support} | {*NUMBERS, *PLACING, *PIPELINE, *TOWERS, "fused_state"}
    assert named == set(names("templates/support", ".py"))
