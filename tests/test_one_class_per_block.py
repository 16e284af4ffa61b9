"""No two classes of a gallery module differ by constants or by an optional step alone."""

import ast
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from archdsl.driver import compile_source
from archdsl.emit.generate import generate
from archdsl.syntax.loader import locate

ARCHITECTURES = sorted((Path(__file__).parent.parent / "architectures").glob("*.arch"))
SHORT = {
    "mobilenet", "resnet", "densenet", "efficientnet", "googlenet", "nin", "senet", "vit", "preresnet", "regnet",
}  # fmt: skip
# The pairs of classes that are too similar, with the reason. An exception that is no longer needed fails.
EXCEPTIONS: dict[tuple[str, str, str], str] = {}


class _Plain(ast.NodeTransformer):
    """Replaces constants, and the names of arguments and variables."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.copy_location(ast.Constant(0), node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.copy_location(ast.Constant(0), node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Name(node.id if node.id in ("self", "nn", "F", "torch") else "_", node.ctx), node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        return self.visit(node.operand)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        # A number that is computed, and one that is written.
        return ast.copy_location(ast.Constant(0), node)


def skeleton(part: ast.ClassDef) -> list[str]:
    """Return the statements of a class without constants, names and comments."""
    found: list[str] = []
    for method in (each for each in part.body if isinstance(each, ast.FunctionDef)):
        for statement in method.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                continue
            text = ast.unparse(_Plain().visit(statement)).replace("_: Tensor =", "_ =")
            if not text.startswith(("if", "_: dict")) or method.name == "forward":
                found.append(text)
    return found


def alike(one: list[str], other: list[str]) -> bool:
    """Return whether two classes differ by constants, or by one run of statements that one of them has more."""
    changes = [each for each in SequenceMatcher(None, one, other, autojunk=False).get_opcodes() if each[0] != "equal"]
    is_optional = len(changes) <= 2 and len({each[0] for each in changes} - {"replace"}) == 1
    has_most = 2 * max(len(one), len(other)) <= 3 * sum(
        block.size for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    )
    return not changes or (is_optional and has_most and all(each[0] != "replace" for each in changes))


def pairs(source: str) -> Iterator[tuple[str, str]]:
    """Yield the classes of a module, but the model, that are alike and come from one block."""
    classes = [part for part in ast.parse(source).body if isinstance(part, ast.ClassDef)][:-1]
    blocks = [each for each in classes if (ast.get_docstring(each) or "").count("Source: ")]
    for number, one in enumerate(blocks):
        for other in blocks[number + 1 :]:
            if place(one) == place(other) and alike(skeleton(one), skeleton(other)):
                yield one.name, other.name


def place(part: ast.ClassDef) -> str:
    """Return the line of the source that a class comes from."""
    return next(line for line in (ast.get_docstring(part) or "").splitlines() if line.startswith("Source: "))


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, id=file.stem, marks=() if file.stem in SHORT else pytest.mark.long) for file in ARCHITECTURES],
)
def test_no_two_classes_of_a_block_differ_by_constants_or_an_optional_step(file: Path) -> None:
    models = compile_source(locate(str(file)).source, every=True).models
    chosen = models[-1:] if file.stem in SHORT else models
    found = {(file.stem, *pair) for graph in chosen for pair in pairs(generate(graph))}
    known = {each for each in EXCEPTIONS if each[0] == file.stem}
    assert found == known


def test_the_comparison_finds_constants_and_optional_steps() -> None:
    head = "class {}(nn.Module):\n    'Source: net.arch, line 1.'\n    def forward(self, x):\n"
    one = head.format("A") + "        x = self.a(x, 1)\n        x = self.b(x)\n        return self.c(x)\n"
    constant = one.replace("class A", "class B").replace("1)", "2)")
    optional = one.replace("class A", "class B").replace("        x = self.b(x)\n", "")
    different = head.format("B") + "        y = self.d(x)\n        return self.e(y, x)\n"
    end = "class Net(nn.Module):\n    pass\n"
    assert list(pairs(one + constant + end)) == [("A", "B")]
    assert list(pairs(one + optional + end)) == [("A", "B")]
    assert not list(pairs(one + different + end))
