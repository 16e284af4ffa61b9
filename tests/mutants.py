"""Faulty variants of a module, one small change each, made with the operators of cosmic-ray."""

import ast
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

ROOT = Path(__file__).parent.parent
# The operators and the rules about shapes.
RULES = ("shape", "substitution", "symbolic", "traces")
FILES = sorted([*ROOT.glob("archdsl/ops/*.py"), *(ROOT / f"archdsl/base/{name}.py" for name in RULES)])
# Of several replacements of a sign, those that are nearest to it: if a test notices these, it notices the others.
CHANGES = (
    *("Add_Sub", "Sub_Add", "Mul_Add", "Mul_FloorDiv", "FloorDiv_Mul", "FloorDiv_Add", "Div_Mul", "Mod_Mul", "Pow_Mul"),
    *("BitOr_BitAnd", "BitAnd_BitOr"),
)
COMPARISONS = (
    *("Eq_NotEq", "Eq_GtE", "Eq_LtE", "NotEq_Eq", "NotEq_Gt", "NotEq_Lt", "Lt_LtE", "Lt_NotEq", "LtE_Lt", "LtE_Eq"),
    *("Gt_GtE", "Gt_NotEq", "GtE_Gt", "GtE_Eq", "Is_IsNot", "IsNot_Is"),
)
OPERATORS = (
    *(f"ReplaceBinaryOperator_{name}" for name in CHANGES),
    *(f"ReplaceComparisonOperator_{name}" for name in COMPARISONS),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub"),
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer"),
    *("RemoveDecorator", "ZeroIterationForLoop"),
)
Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        file: Path of the module, relative to the root.
        where: Name of the function or class that is changed, such as `Window.output`; empty for the module itself.
        line: Number of the first line of that function, 0 where the change is outside of functions.
        before: The changed lines as they were, without indentation.
        after: The changed lines as they are, without indentation.
        text: The text of the changed module.
    """

    file: str
    where: str
    line: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.file} {self.where}\n  - {self.before}\n  + {self.after}"


class Outline(ast.NodeVisitor):
    """The functions of a module, and the parts that are not changed: annotations, examples, guards."""

    def __init__(self, text: str) -> None:
        self.scopes: list[tuple[Place, Place, str, int]] = []
        self.skipped: list[tuple[Place, Place]] = []
        self.names: list[str] = []
        self.visit(ast.parse(text))

    def visit(self, node: ast.AST) -> Any:
        """Visit one part, and note which places are not changed."""
        fields = [getattr(node, name, None) for name in ("annotation", "returns")]
        match node:
            case ast.AnnAssign(target=ast.Name(id="examples"), value=value):
                fields.append(value)
            case ast.Assign(targets=[ast.Name(id="examples")], value=value):
                fields.append(value)
            case ast.AnnAssign(annotation=ast.Name(id="TypeAlias"), value=value):
                fields.append(value)
            case ast.keyword(arg="strict", value=value):
                # It guards against mistakes of the authors, and has no other effect.
                fields.append(value)
            case ast.ClassDef(decorator_list=decorators):
                # `frozen`, `slots`, `eq` and `repr` neither, wherever the tests import the module.
                fields += [each for each in decorators if isinstance(each, ast.Call) and _is_dataclass(each)]
        self.skipped += [_extent(each) for each in fields if isinstance(each, ast.expr)]
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            self.names.append(node.name)
            is_function = isinstance(node, ast.FunctionDef)
            start = _extent(node.body[0])[0] if is_function else (node.lineno, 0)
            # Code objects begin with their first decorator.
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            self.scopes.append((start, _extent(node)[1], ".".join(self.names), first if is_function else 0))
            self.generic_visit(node)
            self.names.pop()
            return
        self.generic_visit(node)

    def scope(self, start: Place) -> tuple[str, int]:
        """Return the name of the outermost function around a place and its line; else that of the class and 0."""
        around = [(name, line) for first, last, name, line in self.scopes if first <= start < last]
        return next((each for each in around if each[1]), around[-1] if around else ("", 0))

    def is_skipped(self, start: Place) -> bool:
        """Whether a place is in an annotation or an example."""
        return any(first <= start < last for first, last in self.skipped)


def _is_dataclass(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("dataclass", "record")


def _extent(node: ast.stmt | ast.expr) -> tuple[Place, Place]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


@dataclass(frozen=True)
class Site:
    """A place where an operator of cosmic-ray changes a module."""

    path: Path
    operator: str
    number: int
    start: Place


def sites(path: Path) -> list[Site]:
    """Return the places of a module that can be changed."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator

    text = path.read_text(encoding="utf-8")
    outline, nodes = Outline(text), list(ast_nodes(get_ast(text)))
    found = []
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        found += [Site(path, name, n, start) for n, start in enumerate(places) if not outline.is_skipped(start)]
    return found


def mutants(chosen: Iterable[Site]) -> Iterator[Mutant]:
    """Yield the mutants of some places, without those that are the same program."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    texts: dict[Path, str] = {}
    seen = set()
    for site in chosen:
        text = texts.setdefault(site.path, site.path.read_text(encoding="utf-8"))
        changed = mutate_code(text, get_operator(f"core/{site.operator}")(), site.number)
        program = _program(changed) if changed else None
        if changed and program and program != _program(text) and (site.path, program) not in seen:
            seen.add((site.path, program))
            yield _mutant(site.path, text, changed, *Outline(text).scope(site.start))


def _program(text: str) -> str | None:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return None


def _mutant(path: Path, text: str, changed: str, where: str, line: int) -> Mutant:
    old, new = text.splitlines(), changed.splitlines()
    before, after = [], []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            before += old[a:b]
            after += new[c:d]
    return Mutant(str(path.relative_to(ROOT)), where, line, _joined(before), _joined(after), changed)


def _joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
