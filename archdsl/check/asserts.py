"""Graph to checked graph: totals, and the assertions of the file."""

from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.ir.graph import CheckedGraph, Container, Graph, Path, only_in_training


def check(graph: Graph | None, problems: Problems) -> CheckedGraph | None:
    """Return the graph with its totals, or None after reporting an assertion that does not hold.

    The result is also None where elaboration gave no graph or reported an error.
    """
    if graph is None or problems.has_errors:
        return None
    left_out = only_in_training(graph)
    params, macs = graph.root.params, sum(node.macs for node in graph.root.nodes() if node.path not in left_out)
    failed = codes.ASSERT_OVERRIDDEN if graph.overridden else codes.ASSERT_FAILED
    for assertion in graph.assertions:
        scope = _container(graph.root, assertion.scope)
        totals = {"params": scope.params, "macs": scope.macs if scope.path else macs}
        with problems.noting(" ".join(assertion.notes) or None):
            for outcome in assertion.test.outcomes(totals, problems):
                if not outcome.holds:
                    code = codes.ASSERT_NOT_TRUTH if outcome.holds is None else failed
                    problems.report(code, outcome.span, outcome.text)
    return None if problems.has_errors else CheckedGraph(graph, params, macs)


def _container(root: Container, path: Path) -> Container:
    """Return the submodule at a path, or the innermost named submodule around it."""
    found = root
    for depth in range(1, len(path) + 1):
        inner = [each for each in found.children if isinstance(each, Container) and each.path == path[:depth]]
        if not inner:
            return found
        found = inner[0]
    return found
