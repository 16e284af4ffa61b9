"""Graph to checked graph: totals, and the assertions of the file."""

from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.scopes import Names
from archdsl.elaborate.values import HOLE, untraced
from archdsl.ir.graph import CheckedGraph, Container, Graph, Path, only_in_training
from archdsl.ops.argument_types import is_int, shown
from archdsl.syntax import ast


def check(graph: Graph | None, problems: Problems, limits: Limits = Limits()) -> CheckedGraph | None:  # noqa: B008
    """Return the graph with its totals, or None if anything is wrong with it."""
    if graph is None or problems.has_errors:
        return None
    left_out = only_in_training(graph)
    params, macs = graph.root.params, sum(node.macs for node in graph.root.nodes() if node.path not in left_out)
    for assertion in graph.assertions:
        scope = _container(graph.root, assertion.scope)
        values = {name: untraced(value) for name, value in assertion.names.items()}
        totals = {"params": scope.params, "macs": scope.macs if scope.path else macs}
        evaluator = Evaluator(Names({**totals, **values}), problems, limits)
        for test in _conjuncts(assertion.test):
            with problems.noting(" ".join(assertion.notes) or None):
                _judge(test, evaluator, problems, overridden=graph.overridden)
    return None if problems.has_errors else CheckedGraph(graph, params, macs)


def _container(root: Container, path: Path) -> Container:
    """Return the submodule at a path, or the innermost one around it that has a name."""
    found = root
    for depth in range(1, len(path) + 1):
        inner = [each for each in found.children if isinstance(each, Container) and each.path == path[:depth]]
        if not inner:
            return found
        found = inner[0]
    return found


def _conjuncts(test: ast.Expr) -> list[ast.Expr]:
    """Return the parts of `a and b`, so that only what fails is blamed."""
    found = []
    while isinstance(test, ast.Binary) and test.symbol == "and":
        found.append(test.right)
        test = test.left
    return [test, *reversed(found)]


def _judge(test: ast.Expr, evaluator: Evaluator, problems: Problems, *, overridden: bool) -> None:
    result = evaluator.value(test)
    if result is HOLE or result is True:
        return
    if result is not False:
        problems.report(codes.ASSERT_NOT_TRUTH, test.span, f"this is {shown(result)}")
        return
    code = codes.ASSERT_OVERRIDDEN if overridden else codes.ASSERT_FAILED
    problems.report(code, test.span, _sides(test, evaluator))


def _sides(test: ast.Expr, evaluator: Evaluator) -> str:
    if not isinstance(test, ast.Comparison):
        return "this is false"
    sides = [evaluator.value(side) for side in (test.first, *(operand for _, operand in test.rest))]
    words = [_grouped(sides[0])]
    for (symbol, _), side in zip(test.rest, sides[1:], strict=True):
        words += [symbol, _grouped(side)]
    return " ".join(words)


def _grouped(value: object) -> str:
    return f"{value:_}" if is_int(value) else shown(value)
